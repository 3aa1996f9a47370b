// The committed offsets of groups, in the topic `__consumer_offsets`, in Kafka's format:
//
//     key    version i16 = 1 · group string · topic string · partition i32
//     value  version i16 = 3 · offset i64 · leader epoch i32 · metadata string · commit time i64; null: deleted
//
// A string is its length (i16) and UTF-8. Kafka's other versions, 0 to 4, can be read. A group's records are in the
// partition that `coordinatorPartition` returns.

internal import MoldauLog
package import MoldauRecords

/// A group's position in a partition.
package struct GroupOffset: Equatable, Sendable {
    /// The next record to read.
    package var offset: Offset
    /// The leader epoch of the last record that was read; −1 if unknown.
    package var leaderEpoch: Int32
    package var metadata: String
    package var time: Timestamp

    package init(offset: Offset, leaderEpoch: Int32 = -1, metadata: String, time: Timestamp) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.time = time
    }
}

/// A committed offset, as a record of the offsets topic.
package struct OffsetRecord: Equatable, Sendable {
    package var group: String
    package var partition: TopicPartition
    /// nil: deleted.
    package var offset: GroupOffset?

    /// Encodes the key.
    func encodeKey(_ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(1))
        writer.append(shortText: group)
        writer.append(shortText: partition.topic)
        writer.append(bigEndian: partition.partition.number)
    }

    static func encode(_ offset: GroupOffset, _ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(3))
        writer.append(bigEndian: offset.offset.value)
        writer.append(bigEndian: offset.leaderEpoch)
        writer.append(shortText: offset.metadata)
        writer.append(bigEndian: offset.time.ms)
    }

    /// - Returns: nil for records of another kind, such as a group's members, and for invalid bytes.
    init?(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) {
        guard let key, let record = try? Self(reading: key, value) else { return nil }
        self = record
    }

    private init(reading key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws(SerdeError) {
        var fields = FieldReader(key, of: "key of a committed offset")
        guard (0...1).contains(try fields.number(Int16.self)) else { throw fields.malformed("it is of another kind") }
        group = try fields.shortText()
        partition = TopicPartition(try fields.shortText(), try fields.number(Int32.self))
        guard let value else { return }
        fields = FieldReader(value, of: "committed offset")
        let version: Int16 = try fields.number()
        guard (0...4).contains(version) else { throw fields.malformed("its version is \(version)") }
        let position = Offset(try fields.number())
        let epoch: Int32 = version >= 3 ? try fields.number() : -1
        let metadata = version >= 4 ? try fields.compactText() : try fields.shortText()
        offset = GroupOffset(
            offset: position, leaderEpoch: epoch, metadata: metadata, time: Timestamp(ms: try fields.number()))
    }

    package init(group: String, partition: TopicPartition, offset: GroupOffset?) {
        self.group = group
        self.partition = partition
        self.offset = offset
    }
}

/// Java's `String.hashCode`, over UTF-16.
func javaHash(_ text: String) -> Int32 { text.utf16.reduce(0) { $0 &* 31 &+ Int32($1) } }

/// The partition of an internal topic where Kafka looks for a group's or a transactional id's records: the absolute
/// value of the hash modulo `count`; the one hash without an absolute value counts as 0.
func coordinatorPartition(of name: String, among count: Int32) -> Int32 {
    let hash = javaHash(name)
    return (hash == .min ? 0 : abs(hash)) % count
}
