// The state of a transactional id, in the topic `__transaction_state`, in Kafka's format:
//
//     key    version i16 = 0 · transactional id string
//     value  version i16 = 0 · producer id i64 · epoch i16 · timeout in ms i32 · status i8 · topics i32 count (−1:
//            none, if the status is empty), each: name string, partitions i32 count and numbers i32 · time of the
//            update i64 · time of the transaction's start i64
//
// A string is its length (i16) and UTF-8. Kafka's version 1, with counts and lengths as varints and with tagged fields,
// can be read.
//
// Two headers of the record, which Kafka ignores, allow recovery to check whether all of a transaction was on disk
// before a crash, so that records and decision need only one sync:
//
//     moldau.ends   per partition, in the value's order, the offset after the transaction's records i64
//     moldau.reads  the partitions that were read for it: i32 count, each: topic string, partition i32, end then i64
//
// A third one names the producer that this one replaces, so that the request which made it can be retried (KIP-360):
//
//     moldau.former  producer id i64 · epoch i16
//
// Earlier versions stored the ends after the value, and the partitions that were read among the others.

internal import MoldauRecords

/// A producer of a transactional id: a newer one has a higher epoch, and fences the older ones.
package struct ProducerIdentity: Hashable, Sendable {
    package let id: Int64
    package var epoch: Int16

    package init(id: Int64, epoch: Int16) { (self.id, self.epoch) = (id, epoch) }

    /// The stamp for writes in its transaction without sequence numbers: markers, and a group's offsets.
    var unnumberedStamp: ProducerStamp {
        ProducerStamp(id: id, epoch: epoch, baseSequence: -1, isTransactional: true)
    }
}

/// The state of a transaction, in Kafka's numbers.
package enum TransactionStatus: Int8, CaseIterable, Sendable {
    case empty = 0
    case ongoing
    case prepareCommit
    case prepareAbort
    case completeCommit
    case completeAbort

    /// Kafka's name for it.
    package var name: String {
        switch self {
        case .empty: "Empty"
        case .ongoing: "Ongoing"
        case .prepareCommit: "PrepareCommit"
        case .prepareAbort: "PrepareAbort"
        case .completeCommit: "CompleteCommit"
        case .completeAbort: "CompleteAbort"
        }
    }

    /// - Parameter name: Kafka's.
    package init?(name: String) {
        guard let status = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = status
    }

    var isCommit: Bool { self == .prepareCommit || self == .completeCommit }
    /// Whether the decision is carried out.
    var isComplete: Bool { self == .completeCommit || self == .completeAbort }
    /// Whether the outcome of the transaction is decided.
    var isDecided: Bool { self != .empty && self != .ongoing }
}

/// The state of a transactional id.
struct TransactionRecord: Equatable, Sendable {
    var producer: ProducerIdentity
    var timeoutMs: Int32
    var status = TransactionStatus.empty
    /// The partitions of the transaction. After the decision, with the offsets after its records; `unknownEnd` if
    /// another program decided it.
    var ends: [TopicPartition: Offset] = [:]
    /// For the partitions that were read for a commit: their ends at the decision, or the position that was read if
    /// that is lower.
    var reads: [TopicPartition: Offset] = [:]
    /// The producer that this one replaces, as long as this one has not begun a transaction.
    var former: ProducerIdentity?
    var updated = Timestamp.none
    var started = Timestamp.none

    init(producer: ProducerIdentity, timeoutMs: Int32) {
        self.producer = producer
        self.timeoutMs = timeoutMs
    }

    static func encodeKey(_ id: String, _ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(0))
        writer.append(shortText: id)
    }

    /// The partitions by topic, in the value's order.
    private var topics: [(name: String, partitions: [TopicPartition])] {
        Dictionary(grouping: ends.keys.sorted(), by: \.topic).sorted { $0.key < $1.key }
            .map { (name: $0.key, partitions: $0.value) }
    }

    func encode(_ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(0))
        writer.append(bigEndian: producer.id)
        writer.append(bigEndian: producer.epoch)
        writer.append(bigEndian: timeoutMs)
        writer.append(bigEndian: status.rawValue)
        let topics = topics
        writer.append(bigEndian: status == .empty ? Int32(-1) : Int32(topics.count))
        for (topic, partitions) in topics where status != .empty {
            writer.append(shortText: topic)
            writer.append(bigEndian: Int32(partitions.count))
            for partition in partitions { writer.append(bigEndian: partition.partition.number) }
        }
        writer.append(bigEndian: updated.ms)
        writer.append(bigEndian: started.ms)
    }

    /// The record's headers.
    var headers: Headers {
        var headers = Headers()
        if !ends.isEmpty {
            var writer = ByteWriter()
            for partition in topics.flatMap(\.partitions) {
                writer.append(bigEndian: (ends[partition] ?? .zero).value)
            }
            headers.append(Header(Self.endsHeader, Array(writer.bytes)))
        }
        if !reads.isEmpty {
            var writer = ByteWriter()
            writer.append(bigEndian: Int32(reads.count))
            for (partition, end) in reads.sorted(by: { $0.key < $1.key }) {
                writer.append(shortText: partition.topic)
                writer.append(bigEndian: partition.partition.number)
                writer.append(bigEndian: end.value)
            }
            headers.append(Header(Self.readsHeader, Array(writer.bytes)))
        }
        if let former {
            var writer = ByteWriter()
            writer.append(bigEndian: former.id)
            writer.append(bigEndian: former.epoch)
            headers.append(Header(Self.formerHeader, Array(writer.bytes)))
        }
        return headers
    }

    /// The next producer of the id; nil if the epochs are used up, so that a new producer id is required. The last
    /// epoch is reserved for fencing the one before (KIP-360).
    var successor: ProducerIdentity? {
        producer.epoch < .max - 1 ? ProducerIdentity(id: producer.id, epoch: producer.epoch + 1) : nil
    }
}

// MARK: Reading

extension TransactionRecord {
    private static let endsHeader = "moldau.ends"
    private static let readsHeader = "moldau.reads"
    private static let formerHeader = "moldau.former"
    /// The end of a partition in a decision that does not state it.
    static let unknownEnd = Offset(-1)

    /// The transactional id in a key; nil for invalid bytes.
    static func id(key: UnsafeRawBufferPointer?) -> String? {
        guard let key else { return nil }
        var fields = FieldReader(key, of: "key of a transaction")
        guard let version: Int16 = try? fields.number(), version == 0 else { return nil }
        return try? fields.shortText()
    }

    /// nil for a record of another kind.
    init?(_ record: RecordView) {
        guard let value = record.value else { return nil }
        self.init(value: value, headers: (try? record.headers()) ?? Headers())
    }

    /// nil for invalid bytes.
    init?(value: UnsafeRawBufferPointer, headers: Headers) {
        guard let record = try? Self(reading: value, headers) else { return nil }
        self = record
    }

    private init(reading value: UnsafeRawBufferPointer, _ headers: Headers) throws(SerdeError) {
        var fields = FieldReader(value, of: "transaction")
        let version: Int16 = try fields.number()
        guard version == 0 || version == 1 else { throw fields.malformed("its version is \(version)") }
        let isFlexible = version == 1
        self.init(
            producer: ProducerIdentity(id: try fields.number(), epoch: try fields.number()),
            timeoutMs: try fields.number())
        guard let status = TransactionStatus(rawValue: try fields.number()) else {
            throw fields.malformed("its status is unknown")
        }
        self.status = status
        let partitions = try fields.partitions(isFlexible: isFlexible)
        updated = Timestamp(ms: try fields.number())
        started = Timestamp(ms: try fields.number())
        let unknown = status.isDecided ? Self.unknownEnd : .zero
        let known = headers[Self.endsHeader]
        (known ?? []).withUnsafeBytes { bytes in
            // After the value, as earlier versions wrote it; the tagged fields of version 1 are not ours.
            var ends = known == nil && !isFlexible ? fields : FieldReader(bytes, of: "ends of partitions")
            for partition in partitions { self.ends[partition] = (try? ends.number()).map(Offset.init) ?? unknown }
        }
        reads = headers[Self.readsHeader].map(Self.reads) ?? [:]
        former = headers[Self.formerHeader].flatMap { bytes in
            bytes.withUnsafeBytes { bytes in
                var fields = FieldReader(bytes, of: "former producer")
                guard let id: Int64 = try? fields.number(), let epoch: Int16 = try? fields.number() else { return nil }
                return ProducerIdentity(id: id, epoch: epoch)
            }
        }
    }

    private static func reads(_ header: [UInt8]) -> [TopicPartition: Offset] {
        header.withUnsafeBytes { bytes in
            var fields = FieldReader(bytes, of: "ends of what was read")
            var reads: [TopicPartition: Offset] = [:]
            let count: Int32 = (try? fields.number()) ?? 0
            for _ in 0..<max(count, 0) {
                guard let topic = try? fields.shortText(), let number: Int32 = try? fields.number(),
                    let end: Int64 = try? fields.number()
                else { break }
                reads[TopicPartition(topic, number)] = Offset(end)
            }
            return reads
        }
    }
}

extension FieldReader {
    /// The partitions of a transaction; empty for null.
    fileprivate mutating func partitions(isFlexible: Bool) throws(SerdeError) -> [TopicPartition] {
        var partitions: [TopicPartition] = []
        for _ in 0..<(try count(isFlexible: isFlexible)) {
            let topic = isFlexible ? try compactText() : try shortText()
            let count = try count(isFlexible: isFlexible, ofSize: MemoryLayout<Int32>.size)
            for _ in 0..<count { partitions.append(TopicPartition(topic, try number(Int32.self))) }
            if isFlexible { try skipTaggedFields() }
        }
        return partitions
    }
}
