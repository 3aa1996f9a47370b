// The messages between the two sides of a foreign-key join, in Kafka Streams' bytes.
//
//     subscription    0x01 · instruction · hash (16) · primary key · primary partition (Int32)
//     response        0x00 · hash (16) · the foreign row's value; absent if there is no row
//     combined key    length of the foreign key (Int32) · foreign key · primary key
//
// The first byte is a version; its highest bit says that the hash is left out, because the row is gone. A subscription
// of version 0 has no partition. Numbers are big-endian.

import MoldauRecords

/// A left row's subscription to the right row with a foreign key, or the end of one.
package struct Subscription<PrimaryKey> {
    /// What the left side requests from the right side.
    package enum Instruction: UInt8, Sendable {
        /// End the subscription.
        case deleteSilently = 0
        /// End the subscription and answer that there is no row.
        case deleteAndAnswer = 1
        /// Subscribe and answer, even if there is no row.
        case answerAlways = 2
        /// Subscribe and answer if there is a row.
        case answerIfFound = 3
    }

    /// The hash of the left row's bytes; nil if it was deleted.
    package var hash: Hash128?
    package var instruction: Instruction
    package var primaryKey: PrimaryKey
    /// The partition for the answer; nil for that of the primary key.
    package var primaryPartition: Partition?

    package init(
        hash: Hash128?, instruction: Instruction, primaryKey: PrimaryKey, primaryPartition: Partition?
    ) {
        self.hash = hash
        self.instruction = instruction
        self.primaryKey = primaryKey
        self.primaryPartition = primaryPartition
    }

    /// The bytes of a subscription, with the primary key in its own format.
    package static func serde(primaryKey: Serde<PrimaryKey>) -> Serde<Subscription> {
        primaryKey.lifted { primaryKey in
            Serde<Subscription>(
                encode: { subscription, writer in
                    writer.append(
                        version: subscription.primaryPartition == nil ? 0 : 1, hasHash: subscription.hash != nil)
                    writer.append(byte: subscription.instruction.rawValue)
                    writer.append(subscription.hash)
                    try primaryKey.encode(subscription.primaryKey, &writer)
                    if let partition = subscription.primaryPartition { writer.append(bigEndian: partition.number) }
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "Subscription")
                        let (version, hasHash) = try reader.version(upTo: 1)
                        guard let instruction = Instruction(rawValue: try reader.number()) else {
                            throw reader.malformed("its instruction is unknown")
                        }
                        let hash = hasHash ? try reader.hash() : nil
                        let partition = version == 0 ? nil : Partition(try reader.lastNumber())
                        return Subscription(
                            hash: hash, instruction: instruction, primaryKey: try primaryKey.decode(reader.rest.bytes),
                            primaryPartition: partition)
                    }
                })
        }
    }
}

/// The answer to a subscription: the current right row.
package struct SubscriptionResponse<Foreign> {
    /// From the subscription: the answer applies to the left row with this hash.
    package var hash: Hash128?
    /// nil if there is no row. An empty value cannot be distinguished from no row: the format has no room for it.
    package var foreign: Foreign?
    /// The partition to send it to; not part of the message.
    package var primaryPartition: Partition?

    package init(hash: Hash128?, foreign: Foreign?, primaryPartition: Partition?) {
        self.hash = hash
        self.foreign = foreign
        self.primaryPartition = primaryPartition
    }

    /// The bytes of a response, with the foreign row in its own format. `primaryPartition` is not among them.
    package static func serde(foreign: Serde<Foreign>) -> Serde<SubscriptionResponse> {
        foreign.lifted { foreign in
            Serde<SubscriptionResponse>(
                encode: { response, writer in
                    writer.append(version: 0, hasHash: response.hash != nil)
                    writer.append(response.hash)
                    if let value = response.foreign { try foreign.encode(value, &writer) }
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "SubscriptionResponse")
                        let (_, hasHash) = try reader.version(upTo: 0)
                        let hash = hasHash ? try reader.hash() : nil
                        let value = reader.rest.isEmpty ? nil : try foreign.decode(reader.rest.bytes)
                        return SubscriptionResponse(hash: hash, foreign: value, primaryPartition: nil)
                    }
                })
        }
    }
}

/// The key of a stored subscription: ordered by foreign key, so that all subscriptions to one foreign key are adjacent.
package struct CombinedKey<ForeignKey, PrimaryKey> {
    package var foreignKey: ForeignKey
    package var primaryKey: PrimaryKey

    package init(foreignKey: ForeignKey, primaryKey: PrimaryKey) {
        self.foreignKey = foreignKey
        self.primaryKey = primaryKey
    }

    /// The bytes of a combined key, with both keys in their own formats.
    package static func serde(foreignKey: Serde<ForeignKey>, primaryKey: Serde<PrimaryKey>) -> Serde<CombinedKey> {
        .lifted(foreignKey, primaryKey) { foreignKey, primaryKey in
            let prefix = prefixSerde(foreignKey)
            return Serde<CombinedKey>(
                encode: { key, writer in
                    try prefix.encode(key.foreignKey, &writer)
                    try primaryKey.encode(key.primaryKey, &writer)
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "CombinedKey")
                        let length: Int32 = try reader.number()
                        let foreign = try foreignKey.decode(try reader.bytes(Int(length)).bytes)
                        return CombinedKey(foreignKey: foreign, primaryKey: try primaryKey.decode(reader.rest.bytes))
                    }
                })
        }
    }

    /// Encodes the prefix of the stored subscriptions of a foreign key.
    package static func prefixSerde(_ foreignKey: Serde<ForeignKey>) -> Serde<ForeignKey> {
        foreignKey.lifted { foreignKey in
            Serde<ForeignKey>(
                encode: { key, writer in
                    var bytes = ByteWriter()
                    try foreignKey.encode(key, &bytes)
                    writer.append(sized: bytes.bytes)
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "CombinedKey")
                        let length: Int32 = try reader.number()
                        return try foreignKey.decode(try reader.bytes(Int(length)).bytes)
                    }
                })
        }
    }
}

extension ByteWriter {
    fileprivate mutating func append(version: UInt8, hasHash: Bool) {
        append(byte: hasHash ? version : version | 0x80)
    }

    fileprivate mutating func append(_ hash: Hash128?) {
        guard let hash else { return }
        append(bigEndian: hash.high)
        append(bigEndian: hash.low)
    }
}

extension FieldReader {
    fileprivate mutating func version(upTo newest: UInt8) throws -> (version: UInt8, hasHash: Bool) {
        let byte: UInt8 = try number()
        guard byte & 0x7f <= newest else {
            throw malformed("its version is \(byte & 0x7f); the newest known one is \(newest)")
        }
        return (byte & 0x7f, byte & 0x80 == 0)
    }

    fileprivate mutating func hash() throws -> Hash128 { Hash128(high: try number(), low: try number()) }
}
