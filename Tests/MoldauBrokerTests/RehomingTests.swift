import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 3)

/// "orders".hashCode() is -1008770331: Kafka chooses partition 31 of 50; earlier versions chose 17.
private let (group, home, former): (String, Int32, Int32) = ("orders", 31, 17)

extension ByteWriter {
    fileprivate mutating func append(text: String) {
        append(bigEndian: Int16(text.utf8.count))
        append(utf8: text)
    }
}

/// A commit's record in Kafka's format.
private func commit(_ offset: Int64?, at time: Int64) -> [UInt8] {
    var key = ByteWriter()
    var value = ByteWriter()
    key.append(bigEndian: Int16(1))
    key.append(text: group)
    key.append(text: words.topic)
    key.append(bigEndian: words.partition.number)
    value.append(bigEndian: Int16(3))
    value.append(bigEndian: offset ?? 0)
    value.append(bigEndian: Int32(-1))
    value.append(text: "m")
    value.append(bigEndian: time)
    var builder = RecordBatchBuilder()
    builder.append(key: key.bytes, value: offset == nil ? nil : value.bytes, timestamp: Timestamp(ms: time))
    return Array(builder.finish())
}

private func write(_ batch: [UInt8], to topic: String, _ number: Int32, _ files: some FileSystem) throws {
    let directory = "data/\(topic)-\(number)"
    var log = try PartitionLog(files, directory: directory, configuration: LogConfiguration(), wasClean: false)
    try batch.withUnsafeBytes { _ = try log.append($0, now: noon()) }
    try log.close()
}

/// A directory with the broker's own topics.
private func oldDirectory() throws -> MemoryFileSystem {
    let files = MemoryFileSystem()
    let topics = ["__consumer_offsets", "__transaction_state"].map {
        #"{"configuration":{"cleanup.policy":"compact"},"name":"\#($0)","partitionCount":50}"#
    }
    let text = #"{"topics":[\#(topics.joined(separator: ","))],"version":1}"#
    try files.open("data/topics.json").write(Array(text.utf8), at: 0)
    return files
}

/// What a partition of the offsets topic has for the group, oldest first; nil for deleted.
private func offsets(_ number: Int32, _ broker: Broker<MemoryFileSystem>) throws -> [Int64?] {
    var (found, position): ([Int64?], Offset) = ([], .zero)
    let partition = try broker.partition(TopicPartition("__consumer_offsets", number))
    while let read = try partition.read(from: position, maxBytes: 1 << 16) {
        var reader = RecordBatchReader(read.bytes.bytes, from: position)
        while let record = try reader.next() {
            found.append(record.value.map { Int64(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: Int64.self)) })
        }
        position = read.next.offset
    }
    return found
}

struct RehomingTests {
    /// Computed with Java: the partition is Utils.abs(hashCode) % 50.
    @Test(arguments: [("app", 1), ("orders", 31), ("polygenelubricants", 0), ("", 0)] as [(String, Int32)])
    func `a group's partition is the one that Kafka would choose`(name: String, partition: Int32) throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.commit([words: offset(7)], of: name)
        for number in 0..<50 as Range<Int32> {
            let end = try broker.partition(TopicPartition("__consumer_offsets", number)).bounds().upperBound
            #expect(end == Offset(number == partition ? 1 : 0))
        }
    }

    @Test(arguments: [true, false])
    func `offsets in the former partition are found and moved to the right one`(closes: Bool) throws {
        let files = try oldDirectory()
        try write(commit(7, at: 1_000), to: "__consumer_offsets", former, files)
        var broker = try openBroker(files)
        let expected = GroupOffset(offset: Offset(7), metadata: "m", time: Timestamp(ms: 1_000))
        #expect(broker.committedOffsets(of: group) == [words: expected])
        #expect(try offsets(home, broker) == [7])
        #expect(try offsets(former, broker) == [7, nil])
        try broker.commit([words: offset(9)], of: group)
        if closes { try broker.close() }
        broker = try openBroker(files)
        #expect(broker.committedOffsets(of: group)[words]?.offset == Offset(9))
        #expect(try offsets(former, broker) == [7, nil])
    }

    @Test(arguments: [(1_000, 9), (500, 7)] as [(Int64, Int64)])
    func `if an offset is in both partitions, the later one is used`(time: Int64, expected: Int64) throws {
        let files = try oldDirectory()
        try write(commit(7, at: 800), to: "__consumer_offsets", former, files)
        try write(commit(9, at: time), to: "__consumer_offsets", home, files)
        #expect(try openBroker(files).committedOffsets(of: group)[words]?.offset == Offset(expected))
        #expect(try openBroker(files).committedOffsets(of: group)[words]?.offset == Offset(expected))
    }

    @Test func `no offset is lost wherever the process ends during the move`() throws {
        let old = try oldDirectory()
        try write(commit(7, at: 1_000), to: "__consumer_offsets", former, old)
        var isDone = false
        var writes = 0
        while !isDone {
            let files = CrashingFileSystem(old.copy())
            files.crash(afterWrites: writes)
            isDone = (try? openBroker(files)) != nil
            let broker = try openBroker(files.memory)
            #expect(broker.committedOffsets(of: group)[words]?.offset == Offset(7), "after \(writes) writes")
            #expect(try offsets(home, broker).last == 7)
            #expect(try offsets(former, broker).last == .some(nil))
            writes += 1
        }
        #expect(writes > 3)
    }

    @Test(arguments: [true, false])
    func `a transactional id in the former partition keeps its producer id with the next epoch`(closes: Bool) throws {
        let files = try oldDirectory()
        var key = ByteWriter()
        var value = ByteWriter()
        key.append(bigEndian: Int16(0))
        key.append(text: group)
        value.append(bigEndian: Int16(0))
        value.append(bigEndian: Int64(4_711))
        value.append(bigEndian: Int16(5))
        value.append(bigEndian: Int32(10_000))
        value.append(byte: 4)
        value.append(bigEndian: Int32(0))
        value.append(bigEndian: Int64(1_000))
        value.append(bigEndian: Int64(900))
        var builder = RecordBatchBuilder()
        builder.append(key: key.bytes, value: value.bytes, timestamp: Timestamp(ms: 1_000))
        try write(Array(builder.finish()), to: "__transaction_state", former, files)
        let broker = try openBroker(files)
        func end(_ number: Int32) throws -> Offset {
            try broker.partition(TopicPartition("__transaction_state", number)).bounds().upperBound
        }
        #expect(try end(home) == Offset(1))
        #expect(try end(former) == Offset(2))
        #expect(try broker.makeProducer(group, timeout: .seconds(1)) == ProducerIdentity(id: 4_711, epoch: 6))
        if closes { try broker.close() }
        let reopened = try openBroker(files)
        #expect(try reopened.makeProducer(group, timeout: .seconds(1)) == ProducerIdentity(id: 4_711, epoch: 7))
        #expect(
            try reopened.partition(TopicPartition("__transaction_state", former)).bounds().upperBound == Offset(2))
    }
}
