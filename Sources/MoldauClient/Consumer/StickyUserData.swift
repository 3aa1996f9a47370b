// What a member tells the leader for the assignor "sticky", version 1, as Kafka's StickyAssignor writes it:
//
//     count i32 · (topic: length i16, UTF-8 · count i32 · partition i32 …) … · generation i32
//
// Version 0 is without the generation. A member has given up everything when it joins, since the assignor is of the
// eager kind: what it had is only here.

internal import MoldauRecords
internal import MoldauWire

/// The partitions that a member had, and in which generation of the group it got them.
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

    /// What a member has told. If it cannot be read, the member had nothing, as for Kafka's leaders: then more
    /// partitions move, and nothing else happens.
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
