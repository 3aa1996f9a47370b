// A member's user data for the assignor "sticky", version 1, as Kafka's StickyAssignor encodes it:
//
//     count i32 · (topic: length i16, UTF-8 · count i32 · partition i32 …) … · generation i32
//
// Version 0 has no generation. A member has revoked everything when it joins, since the assignor uses the eager
// protocol: only this shows what it had.

internal import MoldauRecords
internal import MoldauWire

/// The partitions that a member had, and the generation in which it got them.
struct StickyUserData: Equatable, Sendable {
    var partitions: Set<TopicPartition> = []
    var generation: Int32 = -1

    var bytes: WireBytes {
        var writer = ByteWriter()
        let topics = partitions.byTopic
        writer.append(bigEndian: Int32(topics.count))
        for (topic, numbers) in topics {
            // A topic's name has at most 249 characters.
            writer.append(bigEndian: Int16(clamping: topic.utf8.count))
            writer.append(utf8: topic)
            writer.append(bigEndian: Int32(numbers.count))
            for number in numbers { writer.append(bigEndian: number) }
        }
        writer.append(bigEndian: generation)
        return WireBytes(SharedBytes(taking: writer))
    }

    init(partitions: Set<TopicPartition> = [], generation: Int32 = -1) {
        (self.partitions, self.generation) = (partitions, generation)
    }

    /// Decodes a member's user data. If it cannot be read, the member had nothing, as for Kafka's leaders: the only
    /// effect is that more partitions move.
    init(reading bytes: WireBytes?) {
        guard let bytes, bytes.count > 0, let read = try? Self(decoding: bytes) else { return }
        self = read
    }

    private init(decoding bytes: WireBytes) throws(SerdeError) {
        var reader = FieldReader(bytes.bytes, of: "sticky assignment")
        for _ in 0..<(try reader.count(ofSize: 6)) {
            let topic = try reader.shortText()
            for _ in 0..<(try reader.count(ofSize: 4)) {
                partitions.insert(TopicPartition(topic, try reader.number(Int32.self)))
            }
        }
        if !reader.rest.isEmpty { generation = try reader.number(Int32.self) }
    }
}
