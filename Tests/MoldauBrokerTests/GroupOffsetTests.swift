import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 3)

private func offset(_ value: Int64, _ metadata: String = "") -> GroupOffset {
    GroupOffset(offset: Offset(value), metadata: metadata, time: noon())
}

struct GroupOffsetTests {
    @Test(arguments: [true, false])
    func `the last committed offset of each partition survives a restart`(closes: Bool) throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.commit([words: offset(5), TopicPartition("words", 1): offset(9)], of: "app")
        try broker.commit([words: offset(7, "AgAA")], of: "app")
        try broker.commit([words: offset(1)], of: "another")
        if closes { try broker.close() }
        broker = try openBroker(files)
        #expect(broker.groupsWithOffsets() == ["another", "app"])
        #expect(
            broker.committedOffsets(of: "app") == [words: offset(7, "AgAA"), TopicPartition("words", 1): offset(9)])
    }

    /// "app".hashCode() is 96801, and 96801 % 50 is 1.
    @Test func `a commit is a record in Kafka's format, in the partition that Kafka would choose`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.commit([words: offset(7, "m")], of: "app")
        let read = try #require(
            try broker.partition(TopicPartition("__consumer_offsets", 1)).read(from: .zero, maxBytes: 1_000))
        var reader = RecordBatchReader(read.bytes.bytes)
        let record = try #require(try reader.next())
        let key: [UInt8] = [0, 1, 0, 3] + Array("app".utf8) + [0, 5] + Array("words".utf8) + [0, 0, 0, 3]
        let value: [UInt8] =
            [0, 3, 0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0, 1, UInt8(ascii: "m")] + [
                0, 0, 0, 0, 0x02, 0x93, 0x2e, 0,
            ]
        #expect(Array(record.key!) == key)
        #expect(Array(record.value!) == value)
    }

    @Test func `the offsets of a deleted topic are deleted permanently`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 4)])
        try broker.commit([words: offset(7), TopicPartition("other", 0): offset(2)], of: "app")
        try broker.delete("words")
        #expect(broker.committedOffsets(of: "app") == [TopicPartition("other", 0): offset(2)])
        broker = try openBroker(files)
        #expect(broker.committedOffsets(of: "app") == [TopicPartition("other", 0): offset(2)])
    }

    @Test func `the offsets topic cannot be deleted`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.commit([words: offset(7)], of: "app")
        #expect(throws: BrokerError.internalTopic("__consumer_offsets")) { try broker.delete("__consumer_offsets") }
    }

    @Test func `oversized metadata is refused`() throws {
        let broker = try openBroker(MemoryFileSystem())
        #expect(throws: BrokerError.self) {
            try broker.commit([words: offset(7, String(repeating: "x", count: 4_097))], of: "app")
        }
        #expect(broker.groupsWithOffsets().isEmpty)
    }

    /// All groups have their offsets in one partition. A snapshot must hold all of them, whatever the last commit
    /// before it was.
    @Test(arguments: [Sabotage(), .snapshotForgetsLast])
    func `a snapshot holds the offsets of every group`(mistake: Sabotage) throws {
        let files = MemoryFileSystem()
        files.sabotage = mistake
        let broker = try openBroker(files, durability: .os)
        let settings = ["cleanup.policy": "compact"]
        try broker.create([
            TopicMetadata(name: "__consumer_offsets", partitionCount: 1, configuration: settings)
        ])
        let metadata = String(repeating: "x", count: 4_096)
        let partition = try broker.partition(TopicPartition("__consumer_offsets", 0))
        var (expected, start, snapshots, forgotten): ([String: GroupOffset], Offset, Int, Int) = ([:], .zero, 0, 0)
        for number in 0..<3_300 {
            let group = "group \(number % 60)"
            expected[group] = offset(Int64(number), metadata)
            try broker.commit([words: offset(Int64(number), metadata)], of: group)
            guard try partition.bounds().lowerBound > start else { continue }
            start = try partition.bounds().lowerBound
            snapshots += 1
            let reopened = try openBroker(files.copy())
            #expect(reopened.groupsWithOffsets() == expected.keys.sorted() || mistake != [])
            forgotten += expected.filter { reopened.committedOffsets(of: $0.key) != [words: $0.value] }.count
        }
        #expect(snapshots >= 3)
        #expect((forgotten == 0) == (mistake == []), "\(forgotten) offsets missing")
    }

    /// 4 KiB of metadata a commit: a snapshot about every thousand commits.
    @Test func `old commits are deleted, and the latest are kept`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files, durability: .os)
        let metadata = String(repeating: "x", count: 4_096)
        for number in 0..<3_000 { try broker.commit([words: offset(Int64(number), metadata)], of: "app") }
        try broker.commit([TopicPartition("other", 0): offset(2)], of: "app")
        #expect(try broker.partition(TopicPartition("__consumer_offsets", 1)).bounds().lowerBound >= Offset(1_000))
        broker = try openBroker(files)
        #expect(
            broker.committedOffsets(of: "app") == [
                words: offset(2_999, metadata), TopicPartition("other", 0): offset(2),
            ])
    }
}
