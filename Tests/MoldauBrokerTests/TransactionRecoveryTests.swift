import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

/// What a machine crash leaves of transactions: each file loses its unsynced bytes independently.
struct TransactionRecoveryTests {
    private let files = MemoryFileSystem()

    private func path(_ partition: String) -> String { "data/\(partition)/00000000000000000000.log" }
    private func size(_ partition: String) throws -> Int { try files.open(path(partition)).size() }
    /// Truncates a file to a size.
    private func cut(_ partition: String, to size: Int) throws { try files.open(path(partition)).truncate(to: size) }

    /// The one partition with files of one of the broker's own topics.
    private func partition(of topic: String) throws -> String {
        try #require(files.names(in: "data").first { $0.hasPrefix(topic) })
    }

    /// The one with records.
    private func writtenPartition(of topic: String) throws -> String {
        let names = try files.names(in: "data").filter { $0.hasPrefix(topic) && files.exists(path($0)) }
        return try #require(names.first { try size($0) > 0 })
    }

    /// Opens a broker that crashes after its first write, its second and so on, until it opens; calls `body` with the
    /// broker that is opened after each crash.
    /// - Returns: the number of writes until a broker is open.
    private func afterEachCrash(_ body: (Broker<MemoryFileSystem>, Int) throws -> Void) throws -> Int {
        for limit in 1...200 {
            let crashing = CrashingFileSystem(files.copy())
            crashing.crash(afterWrites: limit)
            let isOpened = (try? openBroker(crashing)) != nil
            try body(openBroker(crashing.memory), limit)
            if isOpened { return limit }
        }
        Issue.record("no broker opened")
        return 0
    }

    @Test func `a commit whose marker was lost stays committed, even if its producer continued`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("a", offset: 1)
        let before = try size("left-0")
        try client.end(commit: true)
        try client.send("b", to: right)
        try cut("left-0", to: before)
        broker = try openBroker(files)
        #expect(try broker.committed(left) == ["a"])
        #expect(try broker.committed(right) == ["a"])
    }

    @Test func `a commit does not commit its producer's next transaction, whose begin was lost`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("a", offset: 1)
        try client.end(commit: true)
        let state = try partition(of: "__transaction_state")
        let before = try size(state)
        try client.send("b", to: left)
        try cut(state, to: before)
        broker = try openBroker(files)
        #expect(try broker.committed(left) == ["a"])
    }

    @Test func `records in a partition whose enlistment was lost do not block readers`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        let state = try partition(of: "__transaction_state")
        let before = try size(state)
        try client.send("b", to: right)
        try cut(state, to: before)
        broker = try openBroker(files)
        _ = try TransactionalClient(broker)
        try broker.append(["plain"], to: right)
        #expect(try broker.committed(right) == ["plain"])
    }

    @Test func `results of lost input are not committed`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        try broker.append(["input"], to: left)
        var client = try TransactionalClient(broker)
        try client.send("output", to: right)
        try broker.commit([left: offset(1)], of: "app", "app-1", client.producer)
        let offsets = try partition(of: "__consumer_offsets")
        let (rightBefore, offsetsBefore) = (try size("right-0"), try size(offsets))
        try client.end(commit: true)
        // The sync did not complete: the decision reached the disk, the input did not.
        try files.removeFile("data/durable.journal")
        try cut("left-0", to: 0)
        try cut("right-0", to: rightBefore)
        try cut(offsets, to: offsetsBefore)
        broker = try openBroker(files)
        #expect(try broker.committed(right) == [])
        #expect(broker.position == nil)
    }

    @Test(arguments: [true, false])
    func `an open transaction does not hide offsets committed after it by others`(commits: Bool) throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("open", offset: 1)
        try broker.append(["1", "2", "3", "4", "5", "6", "7"], to: right)
        try broker.commit([right: offset(7)], of: "app")
        broker = try openBroker(files)
        #expect(broker.committedOffsets(of: "app") == [right: offset(7)])
        try broker.commit([right: offset(8)], of: "app")
        try broker.endTransaction("app-1", client.producer, commit: commits)
        let expected = commits ? [left: offset(1), right: offset(8)] : [right: offset(8)]
        #expect(broker.committedOffsets(of: "app") == expected)
        broker = try openBroker(files)
        #expect(broker.committedOffsets(of: "app") == expected)
    }

    @Test func `an offset beyond the end of its partition does not undo the commit or commit anything else`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: right)
        try broker.commit([left: offset(100)], of: "app", "app-1", client.producer)
        try client.end(commit: true)
        try client.send("open", to: left)
        broker = try openBroker(files)
        #expect(try broker.committed(right) == ["a"])
        client = try TransactionalClient(broker)
        #expect(try broker.committed(left) == [])
    }

    @Test func `offsets beyond the end after a crash are reset to the end, so that new records are read`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        try broker.append(["a", "b"], to: left)
        let before = try size("left-0")
        try broker.append(["c"], to: left)
        try broker.commit([left: offset(3)], of: "app")
        try files.removeFile("data/durable.journal")
        try cut("left-0", to: before)
        broker = try openBroker(files)
        #expect(broker.position == 2)
        try broker.append(["d", "e"], to: left)
        broker = try openBroker(files)
        #expect(broker.position == 2)
    }

    @Test func `an epoch that partitions know is not assigned again`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        _ = try TransactionalClient(broker)
        let state = try partition(of: "__transaction_state")
        let before = try size(state)
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        _ = try TransactionalClient(broker)
        try files.removeFile("data/durable.journal")
        try cut(state, to: before)
        broker = try openBroker(files)
        client = try TransactionalClient(broker)
        try client.send("b", to: left)
        try client.end(commit: true)
        #expect(try broker.committed(left) == ["b"])
    }

    @Test func `an abort of lost records does not abort later records at the same offsets`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        try client.end(commit: false)
        try cut("left-0", to: 0)
        for _ in 0..<2 {
            broker = try openBroker(files)
            client = try TransactionalClient(broker)
            try client.send("b", to: left)
            let before = try size("left-0")
            try client.end(commit: true)
            // The marker is lost.
            try cut("left-0", to: before)
        }
        broker = try openBroker(files)
        #expect(try broker.committed(left) == ["b", "b"])
    }

    @Test func `an epoch is not assigned twice, wherever a recovery is interrupted`() throws {
        let broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        try client.end(commit: false)
        let newest = try TransactionalClient(broker).producer
        let writes = try afterEachCrash { broker, limit throws in
            let next = try broker.makeProducer("app-1", timeout: .seconds(10))
            #expect(next == ProducerIdentity(id: newest.id, epoch: newest.epoch + 1), "after \(limit) writes")
        }
        #expect(writes > 2)
    }

    @Test func `a commit that a recovery turned into an abort stays aborted, wherever the recovery ends`() throws {
        let broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        for value in ["a", "b"] { try client.send(value, to: left) }
        try client.send("c", to: right)
        let before = try size("right-0")
        try client.end(commit: true)
        // The sync did not complete: the decision reached the disk, one record and the markers did not. The marker of
        // an abort will be where that record was.
        try cut("left-0", to: before)
        try cut("right-0", to: before)
        let writes = try afterEachCrash { broker, limit throws in
            #expect(try broker.committed(left) == [] && broker.committed(right) == [], "after \(limit) writes")
            #expect(throws: BrokerError.self, "after \(limit) writes") {
                try broker.endTransaction("app-1", client.producer, commit: true)
            }
        }
        #expect(writes > 4)
    }

    @Test func `a commit whose marker was lost stays committed, although an empty abort followed`() throws {
        var broker = try openBroker(files)
        try broker.create(["left", "right", "gone"].map { TopicMetadata(name: $0, partitionCount: 1) })
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        let before = try size("left-0")
        try client.end(commit: true)
        try broker.enlist([TopicPartition("gone", 0)], "app-1", client.producer)
        try broker.delete("gone")
        try client.end(commit: false)
        try client.end(commit: false)
        try cut("left-0", to: before)
        broker = try openBroker(files)
        #expect(try broker.committed(left) == ["a"])
    }

    @Test func `an epoch that only a partition knows is still known after a clean stop`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var old = try TransactionalClient(broker)
        try old.send("a", to: left)
        let state = try writtenPartition(of: "__transaction_state")
        let before = try size(state)
        // Its marker has the next epoch, and stays.
        _ = try TransactionalClient(broker)
        try cut(state, to: before)
        broker = try openBroker(files)
        try broker.close()
        broker = try openBroker(files)
        #expect(throws: BrokerError.producerFenced(id: "app-1")) {
            try broker.endTransaction("app-1", old.producer, commit: false)
        }
    }

    @Test func `a transaction open at a crash is not confused with the previous one after another crash`() throws {
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        try client.end(commit: true)
        try client.send("b", to: left)
        broker = try openBroker(files)
        let state = try writtenPartition(of: "__transaction_state")
        // The end of the recovery's last write is lost.
        try cut(state, to: try size(state) - 1)
        broker = try openBroker(files)
        try broker.endTransaction("app-1", client.producer, commit: true)
        #expect(try broker.committed(left) == ["a", "b"])
    }
}

struct FencingTests {
    @Test func `a fenced producer cannot write to a partition that it had only enlisted`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        let old = try TransactionalClient(broker)
        try broker.enlist([left], "app-1", old.producer)
        var new = try TransactionalClient(broker)
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(
            id: old.producer.id, epoch: old.producer.epoch, baseSequence: 0, isTransactional: true)
        builder.append(key: nil, value: nil, timestamp: noon())
        #expect(throws: BrokerError.self) { _ = try broker.partition(left).append(builder.finish()) }
        try new.send("b", to: left)
        try new.end(commit: true)
        #expect(try broker.committed(left) == ["b"])
    }
}

struct UncleanStopTests {
    @Test func `file names that a killed process had not synced are made durable`() throws {
        let files = FailingFileSystem()
        let first = try openBroker(files)
        try first.create([TopicMetadata(name: "left", partitionCount: 1)])
        try first.append(["a"], to: left)
        files.syncs.withLock { $0.directories = [] }
        let second = try openBroker(files)
        #expect(try second.values(of: left) == ["a"])
        #expect(Set(files.syncs.withLock { $0.directories }).isSuperset(of: [".", "data", "data/left-0"]))
    }

    @Test func `a full disk during an abort does not make the aborted records readable later`() throws {
        let files = CrashingFileSystem()
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        files.refuseWrites(to: ".txnindex")
        try client.end(commit: false)
        files.refuseWrites(to: nil)
        try broker.close()
        broker = try openBroker(files)
        #expect(try broker.committed(left) == [])
    }

    @Test func `a disk without room for the journal does not take the broker offline`() throws {
        let files = CrashingFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "left", partitionCount: 1)])
        files.refuseWrites(to: "durable.journal")
        for value in ["a", "b", "c"] {
            try broker.append([value], to: left)
            try broker.flush()
        }
        #expect(try broker.values(of: left) == ["a", "b", "c"])
    }

    @Test func `a failed sync while deleting records takes the broker offline, and deletes nothing`() throws {
        let files = CrashingFileSystem()
        let broker = try openBroker(files)
        try broker.create([
            TopicMetadata(name: "left", partitionCount: 1, configuration: ["segment.bytes": "100"])
        ])
        for value in ["a", "b", "c"] { try broker.append([value], to: left) }
        files.refuseSyncs(of: "log-start-offset.tmp")
        #expect(throws: BrokerError.self) { try broker.partition(left).deleteRecords(before: Offset(2)) }
        files.refuseSyncs(of: nil)
        #expect(try files.names(in: "data/left-0").contains("00000000000000000000.log"))
        #expect {
            try broker.append(["d"], to: left)
        } throws: {
            if case .log(left, .offline) = $0 as? BrokerError { true } else { false }
        }
    }
}
