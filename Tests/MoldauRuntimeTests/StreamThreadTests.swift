import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Synchronization
import Testing

/// A list that closures on several threads may append to.
final class Gathered<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
}

struct StreamThreadTests {
    @Test func `a thread takes the oldest record across its inputs`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["left": 1, "right": 1])
        for (topic, value, time) in [("left", "l1", 1), ("left", "l5", 5), ("right", "r2", 2), ("right", "r3", 3)] {
            try fixture.write(topic, "k", value, at: Int64(time))
        }
        let seen = Gathered<String>()
        var topology = Topology()
        try topology.addSource("source", reading: [Topic<String, String>("left"), Topic<String, String>("right")])
        try topology.addProcessor("see", after: ["source"]) {
            (record: Record<String, String>, _, _: Inlet<String, String>.Receive) in seen.add(record.value)
        }
        try fixture.thread(topology).runUntilIdle()
        #expect(seen.all == ["l1", "r2", "r3", "l5"])
    }

    @Test func `offsets are committed after changelogs, which are written after acknowledged output`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 7)
        let thread = try fixture.thread(try CountTopology.make())
        try thread.runUntilIdle()
        _ = fixture.calls.take()
        try fixture.write("input", "a", "x", at: 9)
        try thread.runOnce(now: Timestamp(ms: 99), wait: .zero)
        #expect(fixture.calls.take() == [])
        try thread.runOnce(now: Timestamp(ms: 100), wait: .zero)
        #expect(
            fixture.calls.take() == [
                "send counts-0", "flush", "send app-counts-store-changelog-0", "flush", "commit",
            ])
        #expect(try fixture.committed("input") == CommittedOffset(Offset(2), metadata: "AgAAAAAAAAAJ"))
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2])
    }

    @Test func `a failed commit leaves the store at the previous one, and the next start reads the records again`()
        throws
    {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        let first = try fixture.thread(try CountTopology.make(), inMemory: false)
        try first.runUntilIdle()
        fixture.calls.fail("flush")
        #expect(throws: ClusterError.self) { try first.commit(now: Timestamp(ms: 1)) }
        fixture.calls.heal()
        try first.close()
        #expect(try fixture.committed("input") == nil)

        let second = try fixture.thread(try CountTopology.make(), inMemory: false)
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 2))
        #expect(try fixture.committed("input")?.offset == Offset(1))
        // The result was sent before the flush failed, and exists twice. The changelog would have followed the flush,
        // so nothing is restored and the record is counted once.
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 1])
    }

    @Test func `counting resumes after a thread was dropped without a close`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        try fixture.write("input", "a", "x", at: 2)
        do {
            let thread = try fixture.thread(try CountTopology.make(), inMemory: false)
            try thread.runUntilIdle()
            try thread.commit(now: Timestamp(ms: 1))
        }
        try fixture.write("input", "a", "x", at: 3)
        let thread = try fixture.thread(try CountTopology.make(), inMemory: false)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 2))
        #expect(thread.report.restored == 1)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2, 3])
    }

    @Test func `a restore starts at the offset that the store holds, not at the beginning`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        for round in 1...3 {
            try fixture.write("input", "a", "x", at: Int64(round))
            let thread = try fixture.thread(try CountTopology.make(), inMemory: false)
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
            #expect(thread.report.restored == 0)
        }
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2, 3])
        let thread = try fixture.thread(try CountTopology.make(), inMemory: true)
        try thread.runUntilIdle()
        #expect(thread.report.restored == 3)
    }

    @Test func `a restore waits for open transactions, and reads what was committed after them`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        let first = try fixture.thread(try CountTopology.make(), configuration: configuration)
        let gone = try fixture.cluster.makeTransactionalProducer(
            TransactionalProducerOptions(clientID: "gone", id: "app-2", timeout: .seconds(10)))
        let changelog = TopicPartition("app-counts-store-changelog", 0)
        var builder = RecordBatchBuilder()
        builder.producer = gone.stamp(for: changelog)
        Array("a".utf8).withUnsafeBytes { builder.append(key: $0, value: nil, timestamp: Timestamp(ms: 1)) }
        try gone.send(builder.finish(), to: changelog)
        try first.runUntilIdle()
        try fixture.write("input", "a", "x", at: 1)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 1))

        let second = try fixture.thread(try CountTopology.make(), configuration: configuration)
        for _ in 0..<5 { try second.runOnce(now: Timestamp(ms: 2), wait: .zero) }
        #expect(second.phase == .restoring)
        try gone.abort()
        try fixture.write("input", "a", "x", at: 2)
        try second.runUntilIdle(now: 3)
        try second.stop(now: Timestamp(ms: 3))
        #expect(second.report.restored == 1)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2])
    }

    @Test func `a store whose changelog is another topic is rebuilt, and the reason is reported`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        let first = try fixture.thread(try CountTopology.make(), inMemory: false)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        try fixture.admin.delete(["app-counts-store-changelog"])

        try fixture.admin.create([
            NewTopic("app-counts-store-changelog", partitionCount: 1, configuration: ["cleanup.policy": "compact"])
        ])
        let told = Gathered<RestoreProgress>()
        var configuration = StreamsConfiguration()
        configuration.onRestore = { told.add($0) }
        let second = try fixture.thread(try CountTopology.make(), configuration: configuration, inMemory: false)
        try fixture.write("input", "a", "x", at: 2)
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 1])
        #expect(told.all.map(\.phase) == [.finished])
        let reason = try #require(told.all.first?.rebuiltBecause)
        #expect(reason.hasPrefix("the topic 'app-counts-store-changelog' is not the one that the store was built from"))
    }

    @Test func `the progress of a restore is reported`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        let first = try fixture.thread(try CountTopology.make())
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        let told = Gathered<RestoreProgress>()
        var configuration = StreamsConfiguration()
        configuration.onRestore = { told.add($0) }
        try fixture.thread(try CountTopology.make(), configuration: configuration).runUntilIdle()
        #expect(told.all.map(\.phase) == [.started, .finished])
        #expect(told.all.last?.restoredCount == 1)
        #expect(told.all.map(\.position) == told.all.map { $0.phase == .finished ? $0.to : $0.from })
        #expect(told.all.map(\.timeLeft) == [nil, .zero])
        #expect(told.all.last?.changelog == TopicPartition("app-counts-store-changelog", 0))
    }

    @Test func `a paused thread processes nothing, and resumes where it was`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let thread = try fixture.thread(try CountTopology.make())
        try thread.runUntilIdle()
        try fixture.write("input", "a", "x", at: 1)
        for _ in 0..<3 { try thread.runOnce(now: Timestamp(ms: 0), isPaused: true, wait: .zero) }
        #expect(thread.report.processed == 0)
        try thread.runUntilIdle()
        #expect(thread.report.processed == 1)
    }

    @Test func `user errors stop the thread by default, and are counted when the handler skips them`() throws {
        struct Refused: Error {}
        func topology() throws -> Topology {
            var topology = Topology()
            try topology.addSource("source", reading: [CountTopology.input])
            try topology.addProcessor("check", after: ["source"]) {
                (record: Record<String, String>, _, forward: Inlet<String, String>.Receive) in
                if record.value == "bad" { throw Refused() }
                try forward(record)
            }
            try topology.addSink("sink", to: Topic<String, String>("out"), after: ["check"])
            return topology
        }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        try fixture.write("input", "a", "bad", at: 1)
        try fixture.write("input", "a", "good", at: 2)
        let strict = try fixture.thread(try topology())
        #expect(throws: ProcessingFailure.self) { try strict.runUntilIdle() }
        try strict.close()
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .skip }
        let lenient = try fixture.thread(try topology(), configuration: configuration)
        try lenient.runUntilIdle()
        try lenient.stop(now: Timestamp(ms: 0))
        #expect(lenient.report.drops == [DropKey(node: "check", reason: .processing): 1])
        #expect(try fixture.read(Topic<String, String>("out")).map(\.value) == ["good"])
    }

    @Test func `a failed purge of repartition topics does not end the thread, and is retried`() throws {
        let topology = try Topology { streams in
            streams.stream(CountTopology.input).map { _, value in (value, value) }
                .groupByKey().count(as: TableStoreName<String, Int64>("counts")).toStream().mapValues { $0 ?? 0 }
                .to(CountTopology.counts)
        }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let thread = try fixture.thread(topology)
        let name = try #require(try fixture.admin.topics().map(\.name).first { $0.hasSuffix("-repartition") })
        let repartition = TopicPartition(name, 0)
        fixture.calls.fail("deleteRecords")
        for (time, count): (Int64, Int) in [(31_000, 1), (62_000, 2)] {
            try fixture.write("input", "a", "x", at: 1)
            try thread.runUntilIdle(now: time)
            try thread.runOnce(now: Timestamp(ms: time + 1_000), wait: .zero)
            #expect(try fixture.read(CountTopology.counts).count == count)
            #expect(try fixture.consumer.bounds(of: [repartition])[repartition]?.lowerBound == .zero)
        }
        fixture.calls.heal()
        try thread.runOnce(now: Timestamp(ms: 100_000), wait: .zero)
        #expect(try fixture.consumer.bounds(of: [repartition])[repartition]?.lowerBound == Offset(2))
        fixture.calls.fail("deleteRecords", with: .offline(reason: "a sync has failed"))
        #expect(throws: ClusterError.offline(reason: "a sync has failed")) {
            try thread.runOnce(now: Timestamp(ms: 140_000), wait: .zero)
        }
        try thread.close()
    }

    @Test func `a position that is lost while global tables are read does not end the thread`() throws {
        let rows = Topic<String, String>("rows")
        let topology = try Topology { streams in
            let table = streams.globalTable(rows)
            streams.stream(CountTopology.input).join(table, on: { key, _ in key }) { $0 + $1 }
                .to(Topic<String, String>("out"))
        }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "rows": 1, "out": 1])
        for key in ["a", "b", "c"] { try fixture.write("rows", key, "1", at: 1) }
        let thread = try fixture.thread(topology)
        #expect(thread.phase == .restoring)
        try fixture.admin.deleteRecords(before: [TopicPartition("rows", 0): Offset(2)])
        for key in ["b", "c"] { try fixture.write("input", key, key, at: 2) }
        try thread.runUntilIdle(now: 3)
        try thread.stop(now: Timestamp(ms: 4))
        #expect(try fixture.read(Topic<String, String>("out")).map(\.value) == ["c1"])
    }

    /// Otherwise a handler that skips would lose the record's results and whatever follows `forward`.
    @Test(arguments: [false, true])
    func `cluster errors within a processor's forward are not treated as user errors`(areCaught: Bool) throws {
        func topology() throws -> Topology {
            var topology = Topology()
            try topology.addSource("source", reading: [CountTopology.input])
            for (name, parent) in [("outer", "source"), ("inner", "outer")] {
                try topology.addProcessor(name, after: [parent]) {
                    (record: Record<String, String>, _, forward: Inlet<String, String>.Receive) in
                    if record.value == "bad" { throw ClusterError.unavailable(reason: "of the processor's own client") }
                    do { try forward(record) } catch { if !areCaught { throw error } }
                }
            }
            try topology.addSink("sink", to: Topic<String, String>("out"), after: ["inner"])
            return topology
        }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        try fixture.admin.create([NewTopic("out", partitionCount: 1, configuration: ["max.message.bytes": "1000"])])
        var configuration = StreamsConfiguration()
        // Each record is sent at once.
        configuration.batchBytes = 1
        configuration.onProcessingFailure = { _ in .skip }
        try fixture.write("input", "a", "bad", at: 1)
        try fixture.write("input", "a", "good", at: 2)
        fixture.calls.fail("send out-0")
        let cut = try fixture.thread(try topology(), configuration: configuration)
        #expect(throws: ClusterError.unavailable(reason: "asked to fail: send out-0")) { try cut.runUntilIdle() }
        #expect(cut.report.drops == [DropKey(node: "outer", reason: .processing): 1])
        try cut.close()
        fixture.calls.heal()
        try fixture.write("input", "a", String(repeating: "x", count: 2_000), at: 3)
        let refused = try fixture.thread(try topology(), configuration: configuration)
        #expect(throws: ProductionFailure.self) { try refused.runUntilIdle() }
        try refused.close()
        #expect(try fixture.read(Topic<String, String>("out")).map(\.value) == ["good"])
        #expect(try fixture.committed("input") == nil)
    }

    /// A process that was considered dead must not commit the results of punctuations.
    @Test func `a punctuation's results are committed with an offset, so that the group checks the member`() throws {
        let fixture = try ClusterFixture()
        fixture.calls.asksForMember = true
        try fixture.create(["input": 1, "out": 1])
        var topology = try Topology.timed { context in
            let forward = try context.next(String.self, String.self).receive
            try context.schedule(every: .seconds(10), .wallClock) { time in
                try forward(Record(key: "k", value: "tick", timestamp: time))
            }
        }
        try topology.addSink("sink", to: Topic<String, String>("out"), after: ["timed"])
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        let thread = try fixture.thread(topology, configuration: configuration)
        try fixture.write("input", "a", "x", at: 1)
        try thread.runUntilIdle()
        try thread.commit(now: Timestamp(ms: 1))
        _ = fixture.calls.take()
        for ms: Int64 in [10_001, 20_002] { try thread.runOnce(now: Timestamp(ms: ms), wait: .zero) }
        try thread.commit(now: Timestamp(ms: 20_003))
        try thread.commit(now: Timestamp(ms: 20_004))
        let commits = fixture.calls.take().filter { $0.hasPrefix("commit") }
        #expect(commits.contains("commit input-0@1") && commits.last == "commit ", "\(commits)")
        try thread.stop(now: Timestamp(ms: 20_005))
    }

    @Test func `only a record that is too large goes to the handler, its neighbours are written`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        try fixture.admin.create([NewTopic("out", partitionCount: 1, configuration: ["max.message.bytes": "1000"])])
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.addSink("sink", to: Topic<String, String>("out"), after: ["source"])
        for value in ["small", String(repeating: "x", count: 2_000), "tiny"] {
            try fixture.write("input", "k", value, at: 1)
        }
        var configuration = StreamsConfiguration()
        configuration.onProductionFailure = { _ in .skip }
        let thread = try fixture.thread(topology, configuration: configuration)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(Topic<String, String>("out")).map(\.value) == ["small", "tiny"])
        #expect(thread.report.drops == [DropKey(node: "out", reason: .production): 1])
    }

    @Test func `a global table is read to its end before the first record`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["names": 2, "input": 1, "out": 1])
        try fixture.write("input", "1", "x", at: 1)
        try fixture.write("names", "1", "one", at: 50)
        try fixture.write("names", "2", "two", at: 50, partition: 1)
        let store = KeyValueStoreName<String, String>("names-store")
        var topology = Topology()
        try topology.add(
            GlobalTableNode(
                sourceName: "names-source", processorName: "names-table", topic: "names", store: StoreDefinition(store)
            ) { context, count in
                let table: KeyValueStore<String, String> = try context.store(named: "names-store")
                return (0..<count).map { _ in
                    TypedSourceHead(
                        key: String.serde, value: String.serde, timestamps: nil,
                        in: context, next: Inlet { record in try table.put(record.key, record.value) })
                }
            })
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.add(
            TopologyNode(
                "look-up",
                .processor { context in
                    let table: KeyValueStore<String, String> = try context.store(named: "names-store")
                    let forward = try context.next(String.self, String.self).receive
                    return Inlet<String, String> { record in
                        try forward(record.with(value: try table.get(record.key) ?? "?"))
                    }
                }, parents: ["source"]))
        try topology.addSink("sink", to: Topic<String, String>("out"), after: ["look-up"])

        let thread = try fixture.thread(topology, inMemory: false)
        try thread.runUntilIdle()
        try fixture.write("names", "3", "three", at: 60)
        try thread.runUntilIdle()
        for key in ["2", "3"] { try fixture.write("input", key, "x", at: 70) }
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(Topic<String, String>("out")).map(\.value) == ["one", "two", "three"])
        #expect(thread.report.globalUpdates == 3)

        let again = try fixture.thread(topology, inMemory: false)
        try again.runUntilIdle()
        try again.stop(now: Timestamp(ms: 0))
        #expect(again.report.globalUpdates == 0)
    }
}
