import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

/// "app" has its positions in partition 1 of the offsets topic, "other" elsewhere.
private let offsets = TopicPartition("__consumer_offsets", 1)

extension MemoryFileSystem {
    /// Flips a bit in a partition's first segment; the position is counted from its end.
    func flip(_ partition: TopicPartition, fromEnd place: Int) throws {
        let file = try open("data/\(partition)/00000000000000000000.log")
        let position = try file.size() - place
        try file.write([try file.read(1, at: position)[0] ^ 4], at: position)
    }
}

/// Damage in one partition of the broker's own topics.
struct IsolationTests {
    private let files = MemoryFileSystem()

    /// Two topics with two records each, two groups, two transactional ids.
    private func fill() throws -> Broker<MemoryFileSystem> {
        let broker = try openBroker(files)
        try broker.createTopics()
        for name in [left, right] { try broker.append(["1", "2"], to: name) }
        for group in ["app", "other"] {
            for value in 1...2 { try broker.commit([left: offset(Int64(value))], of: group) }
        }
        for id in ["app-1", "other-1"] {
            let producer = try broker.makeProducer(id, timeout: .seconds(10))
            try broker.enlist([right], id, producer)
            try broker.endTransaction(id, producer, commit: true)
        }
        try broker.flush()
        try broker.flush()
        return broker
    }

    private func isUnreadable(_ error: any Error, _ partition: TopicPartition) -> Bool {
        if case .unreadable(_, partition, _)? = error as? BrokerError { true } else { false }
    }

    private func expectOthersWork(_ broker: Broker<MemoryFileSystem>) throws {
        try broker.append(["3"], to: left)
        #expect(try broker.values(of: left) == ["1", "2", "3"])
        try broker.checkReadable(group: "other")
        #expect(broker.committedOffsets(of: "other") == [left: offset(2)])
        try broker.commit([left: offset(3)], of: "other")
        let producer = try broker.makeProducer("other-1", timeout: .seconds(10))
        try broker.enlist([right], "other-1", producer)
        try broker.endTransaction("other-1", producer, commit: true)
        try broker.abortExpired()
        try broker.applyRetention()
    }

    @Test(arguments: [true, false])
    func `a flipped bit in committed offsets affects only their groups`(closes: Bool) throws {
        let broker = try fill()
        if closes { try broker.close() }
        let damaged = closes ? files : files.copy()
        // In the value of the first commit, far from the end.
        try damaged.flip(offsets, fromEnd: 150)
        let opened = try openBroker(damaged)
        #expect { try opened.checkReadable(group: "app") } throws: { isUnreadable($0, offsets) }
        #expect { try opened.commit([left: offset(3)], of: "app") } throws: { isUnreadable($0, offsets) }
        try expectOthersWork(opened)
        try opened.close()
        #expect { try openBroker(damaged).checkReadable(group: "app") } throws: { isUnreadable($0, offsets) }
    }

    @Test func `a damaged partition of transactions affects only its transactional ids`() throws {
        try fill().close()
        let names = try files.names(in: "data").filter {
            $0.hasPrefix("__transaction_state-") && files.exists("data/\($0)/00000000000000000000.log")
        }
        #expect(names.count == 2)
        var stopped: [String] = []
        for name in names {
            let damaged = files.copy()
            let partition = try #require(TopicPartition(directoryName: name))
            try damaged.flip(partition, fromEnd: 200)
            let broker = try openBroker(damaged)
            let refused = ["app-1", "other-1"].filter { (try? broker.makeProducer($0, timeout: .seconds(10))) == nil }
            stopped += refused
            #expect(refused.count == 1)
            #expect { try broker.makeProducer(refused[0], timeout: .seconds(10)) } throws: {
                isUnreadable($0, partition)
            }
            #expect(try broker.values(of: left) == ["1", "2"])
            #expect(broker.committedOffsets(of: "app") == [left: offset(2)])
        }
        #expect(stopped.sorted() == ["app-1", "other-1"])
    }

    /// Such transactions are left alone until it is known that no id owns them.
    @Test func `open transactions of ids that cannot be read are not aborted`() throws {
        let broker = try fill()
        var client = try TransactionalClient(broker)
        try client.send("open", to: left)
        try broker.flush()
        try broker.flush()
        let name = try #require(
            try files.names(in: "data").filter { $0.hasPrefix("__transaction_state-") }.first {
                try files.exists("data/\($0)/00000000000000000000.log")
                    && files.open("data/\($0)/00000000000000000000.log").size() > 500
            })
        let damaged = files.copy()
        try damaged.flip(try #require(TopicPartition(directoryName: name)), fromEnd: 300)
        let opened = try openBroker(damaged)
        try opened.abortExpired()
        #expect(try opened.partition(left).bounds().upperBound == Offset(2))
    }

    @Test func `a commit whose partition is lost does not prevent the broker from starting`() throws {
        let broker = try fill()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        try client.send("a", to: right)
        try client.end(commit: true)
        try broker.flush()
        try broker.flush()
        let damaged = files.copy()
        try damaged.open("data/left-0/00000000000000000000.log").truncate(to: 10)
        let opened = try openBroker(damaged)
        #expect(throws: BrokerError.self) { try opened.values(of: left) }
        #expect(try opened.committed(right) == ["1", "2", "a"])
        try opened.append(["b"], to: right)
        try opened.commit([right: offset(1)], of: "app")
    }

    @Test func `a partition that cannot be compacted does not stop the compaction of others`() throws {
        let broker = try openBroker(files)
        let settings = ["cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0.01"]
        try broker.create(
            ["left", "right"].map { TopicMetadata(name: $0, partitionCount: 1, configuration: settings) })
        for name in [left, right] {
            for _ in 0..<30 {
                var builder = RecordBatchBuilder()
                Array("key".utf8).withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: noon()) }
                _ = try broker.partition(name).append(builder.finish())
            }
        }
        try files.flip(left, fromEnd: 5)
        func size(_ name: TopicPartition) throws -> Int {
            try files.names(in: "data/\(name)").filter { $0.hasSuffix(".log") }.reduce(0) {
                $0 + (try files.open("data/\(name)/\($1)").size())
            }
        }
        let before = try size(left)
        #expect(throws: BrokerError.self) { try broker.compact() }
        #expect(try size(left) == before)
        #expect(try size(right) < before / 3)
    }
}
