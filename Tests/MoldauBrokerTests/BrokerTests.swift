import Foundation
import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private let words = TopicPartition("words", 0)
private let wordsTopic = TopicMetadata(name: "words", partitionCount: 2)

struct BrokerTests {
    @Test(arguments: [true, false])
    func `topics and records survive a reopen, clean or not`(closes: Bool) throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.create([wordsTopic])
        try broker.append(["a", "b"], to: words)
        try broker.flush()
        if closes { try broker.close() }
        broker = try openBroker(files)
        #expect(broker.topics().map(\.name) == ["words"])
        #expect(broker.topics().map(\.partitionCount) == [2])
        #expect(try broker.values(of: words) == ["a", "b"])
        #expect(try broker.partition(TopicPartition("words", 1)).bounds() == Offset.zero..<Offset.zero)
    }

    @Test func `empty partitions have no directory, except the last, which records the partition count`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 3)])
        try broker.append(["a"], to: words)
        #expect(try files.names(in: "data").filter { $0.hasPrefix("words") } == ["words-0", "words-2"])
    }

    @Test func `a torn tail after an unclean stop is truncated at the next start`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([wordsTopic])
        try broker.append(["a"], to: words)
        let log = try files.open("data/words-0/00000000000000000000.log")
        try log.write([1, 2, 3], at: try log.size())
        try openBroker(files).close()
        #expect(try log.size() == batch(["a"]).count)
        #expect(try openBroker(files).values(of: words) == ["a"])
    }

    @Test func `partitions beyond the count, and unknown topics, are refused`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.create([wordsTopic])
        let third = TopicPartition("words", 2)
        #expect(throws: BrokerError.unknownPartition(third, partitionCount: 2)) { try broker.partition(third) }
        #expect(throws: BrokerError.self) { try broker.partition(TopicPartition("words", -1)) }
        #expect(throws: BrokerError.unknownTopic("x")) { try broker.partition(TopicPartition("x", 0)) }
    }

    @Test func `creating several topics is atomic`() throws {
        let broker = try openBroker(MemoryFileSystem())
        let wrong = TopicMetadata(name: "wrong", partitionCount: 1, configuration: ["segment.bytes": "x"])
        #expect(throws: BrokerError.self) { try broker.create([wordsTopic, wrong]) }
        #expect(throws: BrokerError.topicExists("words")) { try broker.create([wordsTopic, wordsTopic]) }
        #expect(broker.topics().isEmpty)
    }

    @Test func `a damaged topics file is refused`() throws {
        let files = MemoryFileSystem()
        try files.open("data/topics.json").write(Array("{".utf8), at: 0)
        #expect(throws: LogError.self) { try openBroker(files) }
    }

    @Test func `after a failed sync everything is refused, and no sync is retried`() throws {
        let files = FailingFileSystem()
        let broker = try openBroker(files)
        try broker.create([wordsTopic])
        try broker.append(["a"], to: words)
        files.syncs.withLock { $0.fail = true }
        #expect(throws: BrokerError.self) { try broker.flush() }
        files.syncs.withLock { $0 = .init() }
        #expect(throws: BrokerError.self) { try broker.append(["b"], to: words) }
        #expect(throws: BrokerError.self) { try broker.flush() }
        #expect(throws: BrokerError.self) { try broker.close() }
        #expect(files.syncs.withLock { $0.count } == 0)
    }

    @Test(arguments: [(Durability.sync, 1), (.os, 0), (.interval(.seconds(1)), 0)])
    func `a flush syncs at most once, and never if the durability does not need it`(durability: Durability, syncs: Int)
        throws
    {
        let files = FailingFileSystem()
        let broker = try openBroker(files, durability: durability)
        try broker.create([TopicMetadata(name: "words", partitionCount: 20)])
        for number in 0..<20 { try broker.append(["a"], to: TopicPartition("words", Int32(number))) }
        try broker.flush()
        try broker.flush()
        #expect(files.syncs.withLock { $0.count } == syncs)
    }

    @Test func `concurrent producers lose no records, and each one's order is kept`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.create([wordsTopic])
        DispatchQueue.concurrentPerform(iterations: 4) { producer in
            for number in 0..<200 {
                try? broker.append(["\(producer) \(number)"], to: TopicPartition("words", Int32(number % 2)))
                if number % 50 == 0 { try? broker.flush() }
            }
        }
        for partition in 0..<2 {
            let values = try broker.values(of: TopicPartition("words", Int32(partition)))
            #expect(values.count == 400)
            for producer in 0..<4 {
                let own = values.filter { $0.hasPrefix("\(producer) ") }
                #expect(own == (0..<100).map { "\(producer) \($0 * 2 + partition)" })
            }
        }
    }

    /// A consumer flushes what it has read before it returns it, so the sync must include it. There are more threads
    /// than processors, so that some are suspended between any two of their steps.
    @Test func `records that are already readable are included in the next sync`() throws {
        let files = CrashingFileSystem()
        let broker = try openBroker(files)
        let (writers, count) = (8, 20_000)
        try broker.create([TopicMetadata(name: "left", partitionCount: Int32(writers))])
        let gone = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 2 * writers) { role in
            let name = TopicPartition("left", Int32(role / 2))
            #expect(throws: Never.self) {
                guard role % 2 == 0 else {
                    let bytes = batch(["x"])
                    for _ in 0..<count { try bytes.withUnsafeBytes { _ = try broker.partition(name).append($0) } }
                    return
                }
                var (position, cursor): (Offset, LogCursor?) = (.zero, nil)
                while position.value < count {
                    guard let read = try broker.partition(name).read(from: position, maxBytes: 1 << 20, after: cursor)
                    else { continue }
                    (position, cursor) = (read.next.offset, read.next)
                    try broker.flush()
                    let synced = files.syncedWrites(to: "data/\(name)/00000000000000000000.log")
                    if synced < position.value { gone.withLock { $0 += 1 } }
                }
            }
        }
        #expect(gone.withLock { $0 } == 0)
        try broker.close()
    }

    @Test(arguments: [(Durability.sync, 3), (.os, 0)])
    func `data to be synced is written back by the megabyte before the sync`(durability: Durability, count: Int) throws
    {
        let files = CrashingFileSystem()
        let broker = try openBroker(files, durability: durability)
        try broker.createTopics()
        for _ in 0..<15 { try broker.append([String(repeating: "x", count: 250_000)], to: left) }
        try broker.close()
        let written = files.writebacks.withLock { $0 }.filter { $0.path.hasSuffix("left-0/00000000000000000000.log") }
        #expect(written.count == count)
        // Everything is written back, in consecutive ranges.
        var end = 0
        for (_, range) in written {
            #expect(range.lowerBound == end && range.count >= 1 << 20)
            end = range.upperBound
        }
    }

    @Test func `after a failed write-back everything is refused, as after a failed sync`() throws {
        let files = CrashingFileSystem()
        let broker = try openBroker(files, durability: .sync)
        try broker.createTopics()
        let big = [String(repeating: "x", count: 250_000)]
        try broker.append(big, to: left)
        files.refuseSyncs(of: "left-0/00000000000000000000.log")
        // The fifth quarter of a megabyte triggers a write-back.
        for _ in 1..<4 { try broker.append(big, to: left) }
        #expect(throws: BrokerError.self) { try broker.append(big, to: left) }
        files.refuseSyncs(of: nil)
        let offline = BrokerError.log(
            right, .offline(reason: "sync of 'data/left-0/00000000000000000000.log' failed: input/output error"))
        #expect(throws: offline) { try broker.append(["x"], to: right) }
        #expect(throws: (any Error).self) { try broker.flush() }
    }
}
