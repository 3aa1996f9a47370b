import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

@Suite struct StickyUserDataTests {
    private let data = StickyUserData(
        partitions: [TopicPartition("a", 0), TopicPartition("a", 3), TopicPartition("bc", 1)], generation: 7)

    private var copy: [UInt8] {
        let bytes = data.bytes
        return withExtendedLifetime(bytes) { Array(bytes.bytes) }
    }

    @Test func `its encoding is that of Kafka's StickyAssignor`() {
        let expected: [UInt8] = [
            0, 0, 0, 2,  // two topics
            0, 1, 97, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3,
            0, 2, 98, 99, 0, 0, 0, 1, 0, 0, 0, 1,
            0, 0, 0, 7,
        ]
        #expect(copy == expected)
        #expect(StickyUserData(reading: data.bytes) == data)
    }

    @Test func `version 0 has no generation`() {
        let bytes = WireBytes(copying: copy.dropLast(4))
        #expect(StickyUserData(reading: bytes) == StickyUserData(partitions: data.partitions))
    }

    @Test func `data that cannot be read is treated as empty`() {
        #expect(StickyUserData(reading: nil) == StickyUserData())
        #expect(StickyUserData(reading: WireBytes()) == StickyUserData())
        let bytes = copy
        for count in 1..<bytes.count - 4 {
            #expect(StickyUserData(reading: WireBytes(copying: Array(bytes.prefix(count)))) == StickyUserData())
        }
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2_000 {
            var bytes = bytes
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = StickyUserData(reading: WireBytes(copying: bytes))
        }
    }
}
