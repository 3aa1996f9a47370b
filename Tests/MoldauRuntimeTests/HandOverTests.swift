import Foundation
import Moldau
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

/// An application whose threads are added, removed and fail while records are written, on a broker with real files.
final class HandOverBench {
    let fixture: ClusterFixture
    let directory: String
    let cluster: EmbeddedCluster
    private var written: [String: Int64] = [:]
    let partitions: Int32

    init(partitions: Int32 = 4) throws {
        directory = NSTemporaryDirectory() + "/moldau-hand-over-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory + "/topics", withIntermediateDirectories: true)
        cluster = try EmbeddedCluster(directory: directory + "/topics", durability: .os)
        fixture = try ClusterFixture(cluster)
        self.partitions = partitions
        try fixture.create(["input": partitions, "counts": 1])
    }

    deinit {
        try? cluster.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func application(
        _ topology: Topology? = nil, id: String = "app", _ configure: (inout StreamsConfiguration) -> Void = { _ in }
    ) throws -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(20)
        // On a busy machine a thread may not run for a long time.
        configuration.transactionTimeout = .seconds(600)
        configure(&configuration)
        return StreamsApplication(
            id: id, topology: try topology ?? CountTopology.make(),
            cluster: .cluster(cluster, stateDirectory: directory + "/state"), configuration: configuration)
    }

    /// Writes one record of a key into each partition.
    func write(_ rounds: Int = 1) throws {
        for _ in 0..<rounds {
            for partition in 0..<partitions {
                try fixture.write("input", "k\(partition)", "x", at: 1, partition: partition)
                written["k\(partition)", default: 0] += 1
            }
        }
    }

    var writtenCount: Int64 { written.values.reduce(0, +) }

    /// The counts that were sent, in order, by key.
    func counts() throws -> [String: [Int64]] {
        try fixture.read(CountTopology.counts).reduce(into: [:]) { $0[$1.key, default: []].append($1.value) }
    }

    /// Whether each record was counted once, and each count sent once.
    func isExact() throws -> Bool {
        try counts() == written.mapValues { Array(1...$0) }
    }

    /// Whether all positions are committed: then the changelogs are complete, too.
    func isCommitted() throws -> Bool {
        try (0..<partitions).allSatisfy {
            try fixture.committed("input", partition: $0)?.offset.value == written["k\($0)"]
        }
    }

    /// Whether the copies have read their changelogs up to the current ends: `lags` is from the last check.
    func isCopied(by app: StreamsApplication) throws -> Bool {
        let lags = app.metrics.lags
        let bounds = try fixture.consumer.bounds(of: Set(lags.map(\.changelog)))
        return lags.allSatisfy { $0.position == bounds[$0.changelog]?.upperBound && $0.position == $0.end }
    }

    /// Whether each record was counted, perhaps more than once.
    func isComplete() throws -> Bool {
        let last = try counts().compactMapValues(\.last)
        return written.allSatisfy { last[$0.key] ?? 0 >= $0.value }
    }
}

struct HandOverTests {
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce], [0, 1])
    func `threads are added and removed under load, and each record is counted once`(
        guarantee: ProcessingGuarantee, standbys: Int
    ) async throws {
        let fixture = try HandOverBench()
        let states = Gathered<StreamsState>()
        let app = try fixture.application {
            $0.guarantee = guarantee
            $0.standbys = standbys
            $0.onStateChange = { states.add($1) }
        }
        try await app.started()
        try fixture.write(20)
        #expect(try eventually { app.state == .running })
        #expect(try await app.addThread() == "app-StreamThread-2")
        #expect(app.threads.map(\.tasks.count) == [2, 2])
        try fixture.write(20)
        try await app.addThread()
        #expect(app.threads.map(\.tasks.count).sorted() == [1, 1, 2])
        try fixture.write(20)
        #expect(try await app.removeThread() == "app-StreamThread-3")
        #expect(try await app.removeThread() == "app-StreamThread-2")
        #expect(app.threads.map(\.tasks.count) == [4])
        #expect(app.state == .running)
        try fixture.write(20)
        #expect(try eventually { try fixture.isExact() })
        // A round's records are counted in the metrics after its output is written.
        #expect(try eventually { app.metrics.processedRecords == fixture.writtenCount })
        // At least once for the start and once for each change.
        #expect(states.all.filter { $0 == .rebalancing }.count >= 5)
        try await app.stopped()
        #expect(try fixture.isExact())
    }

    @Test func `other threads keep their tasks when a thread is added or removed`() async throws {
        let fixture = try HandOverBench(partitions: 6)
        let app = try fixture.application { $0.streamThreads = 2 }
        try await app.started()
        #expect(try eventually { app.state == .running })
        let two = app.threads.map(\.tasks)
        try await app.addThread()
        let three = app.threads.map(\.tasks)
        #expect(three.map(\.count) == [2, 2, 2])
        for (before, after) in zip(two, three) { #expect(Set(after).isSubset(of: before)) }
        try await app.removeThread()
        for (before, after) in zip(three, app.threads.map(\.tasks)) { #expect(Set(before).isSubset(of: after)) }
        try await app.stopped()
    }

    @Test func `a task moves to another thread with its state, without a restore`() async throws {
        let fixture = try HandOverBench()
        let app = try fixture.application()
        try await app.started()
        try fixture.write(5)
        #expect(try eventually { try fixture.isExact() })
        try await app.addThread()
        try fixture.write(5)
        #expect(try eventually { try fixture.isExact() })
        #expect(app.metrics.restoredRecords == 0)
        try await app.stopped()
    }

    @Test func `the only thread cannot be removed, and only running applications change their threads`() async throws {
        let fixture = try HandOverBench()
        let app = try fixture.application()
        let created = RuntimeError.invalidState(expected: "running", actual: "created")
        await #expect(throws: created) { try await app.addThread() }
        await #expect(throws: created) { try await app.removeThread() }
        try await app.started()
        await #expect(throws: RuntimeError.lastThread) { try await app.removeThread() }
        try await app.stopped()
        let stopped = RuntimeError.invalidState(expected: "running", actual: "notRunning")
        await #expect(throws: stopped) { try await app.addThread() }
        await #expect(throws: stopped) { try await app.removeThread() }
    }

    @Test func `concurrent changes of threads settle`() async throws {
        let fixture = try HandOverBench(partitions: 8)
        let app = try fixture.application { $0.guarantee = .exactlyOnce }
        try await app.started()
        try fixture.write(5)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { try await app.addThread() } }
            try await group.waitForAll()
        }
        #expect(app.threads.map(\.tasks.count) == [2, 2, 2, 2])
        try fixture.write(5)
        async let first = app.removeThread()
        async let second = app.addThread()
        async let third = app.removeThread()
        _ = try await (first, second, third)
        #expect(app.threads.count == 3 && app.threads.flatMap(\.tasks).count == 8)
        #expect(try eventually { try fixture.isExact() })
        try await app.stopped()
    }

    @Test func `a stop ends a hand-over, and the waiting caller gets an error`() async throws {
        let fixture = try HandOverBench()
        let gate = Gathered<Bool>()
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.addProcessor("wait", after: ["source"]) {
            (_: Record<String, String>, _, _: Inlet<String, String>.Receive) in
            while gate.all.isEmpty { Thread.sleep(forTimeInterval: 0.001) }
        }
        let app = try fixture.application(topology)
        try await app.started()
        #expect(try eventually { app.state == .running })
        try fixture.write()
        #expect(try eventually { app.state == .running })
        try await Task.sleep(for: .milliseconds(50))
        let adding = Task { try await app.addThread() }
        #expect(try await eventuallyInTasks { app.threads.count == 2 })
        let stopping = Task.detached { try await app.stopped() }
        #expect(try await eventuallyInTasks { app.state == .pendingShutdown })
        gate.add(true)
        await #expect(throws: RuntimeError.self) { try await adding.value }
        try await stopping.value
    }

    /// Counts, and fails at the records of the key `k1` that have the given numbers.
    private func failingTopology(_ failures: ClosedRange<Int>, kind: StoreKind = .rocksDB) throws -> Topology {
        struct Passing: Error {}
        let seen = Gathered<Int>()
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.addProcessor("fail", after: ["source"]) {
            (record: Record<String, String>, _, forward: Inlet<String, String>.Receive) in
            if record.key == "k1" {
                seen.add(1)
                if failures.contains(seen.all.count) { throw Passing() }
            }
            try forward(record)
        }
        try topology.addProcessor("count", after: ["fail"], stores: []) {
            (record: Record<String, String>, context, forward: Inlet<String, Int64>.Receive) in
            let store: KeyValueStore<String, Int64> = try context.store(named: CountTopology.store.name)
            try forward(record.with(value: try store.update(record.key) { ($0 ?? 0) + 1 }.new ?? 0))
        }
        try topology.add(StoreDefinition(CountTopology.store, kind: kind), for: ["count"])
        try topology.addSink("sink", to: CountTopology.counts, after: ["count"])
        return topology
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a thread that fails and is replaced gets its tasks again, and nothing is lost`(
        guarantee: ProcessingGuarantee
    ) async throws {
        let fixture = try HandOverBench()
        let app = try fixture.application(try failingTopology(3...5)) {
            $0.guarantee = guarantee
            $0.streamThreads = 2
            $0.onUncaughtError = { _ in .replaceThread }
        }
        try await app.started()
        #expect(try eventually { app.state == .running })
        let before = app.threads.map(\.tasks)
        try fixture.write(10)
        #expect(try eventually { try guarantee == .exactlyOnce ? fixture.isExact() : fixture.isComplete() })
        #expect(try eventually { app.state == .running })
        #expect(app.threads.map(\.tasks) == before)
        try await app.stopped()
    }

    @Test func `a thread that fails while it is removed still releases its tasks`() async throws {
        let fixture = try HandOverBench()
        let calls = CallLog()
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .seconds(3_600)
        configuration.streamThreads = 2
        configuration.onUncaughtError = { _ in
            calls.heal()
            return .replaceThread
        }
        let app = StreamsApplication(
            id: "app", topology: try CountTopology.make(),
            cluster: .cluster(RecordingCluster(fixture.cluster, calls), stateDirectory: fixture.directory + "/state"),
            configuration: configuration)
        try await app.started()
        try fixture.write(3)
        #expect(try eventually { app.metrics.processedRecords == 12 })
        calls.fail("commit")
        try await app.removeThread()
        #expect(app.threads.map(\.tasks.count) == [4])
        #expect(app.state == .running)
        try fixture.write(3)
        #expect(try eventually { try fixture.isComplete() })
        try await app.stopped()
        #expect(try fixture.isComplete())
    }

    @Test func `a task with asynchronous calls is handed over once its results are complete, in order`() async throws {
        let fixture = try HandOverBench()
        let topology = try Topology { streams in
            streams.stream(CountTopology.input)
                .mapValuesAsync(maxInFlight: 8, timeout: .seconds(3600)) { value in
                    try await Task.sleep(for: .milliseconds(2))
                    return value
                }
                .groupByKey().count(as: CountTopology.table).toStream().mapValues { $0 ?? 0 }.to(CountTopology.counts)
        }
        let app = try fixture.application(topology) { $0.guarantee = .exactlyOnce }
        try await app.started()
        try fixture.write(10)
        try await app.addThread()
        try fixture.write(10)
        try await app.removeThread()
        #expect(try eventually { try fixture.isExact() })
        try await app.stopped()
    }

    // MARK: Standby copies

    @Test func `memory is shared by all open stores, including standby copies`() async throws {
        let fixture = try HandOverBench()
        let app = try fixture.application { $0.standbys = 1 }
        try await app.started()
        #expect(try eventually { app.state == .running })
        let budget = app.memoryUsage?.budgetBytes
        #expect(app.memoryUsage?.openStores == 4)
        try await app.addThread()
        #expect(app.memoryUsage?.openStores == 8)
        try await app.removeThread()
        #expect(app.memoryUsage?.openStores == 4)
        #expect(app.memoryUsage?.budgetBytes == budget)
        try await app.stopped()
    }

    @Test func `a start continues with the most up-to-date copy`() async throws {
        let fixture = try HandOverBench()
        func run(threads: Int, standbys: Int, rounds: Int) async throws -> StreamsMetrics {
            let app = try fixture.application {
                $0.streamThreads = threads
                $0.standbys = standbys
            }
            try await app.started()
            try fixture.write(rounds)
            #expect(try eventually { try fixture.isExact() && fixture.isCommitted() && app.state == .running })
            #expect(try eventually { try fixture.isCopied(by: app) })
            defer { #expect(throws: Never.self) { try app.stop() } }
            return app.metrics
        }
        _ = try await run(threads: 2, standbys: 1, rounds: 5)
        // As after a failure, when the copies have taken over and continued.
        for task in 0..<4 { try FileManager.default.removeItem(atPath: fixture.directory + "/state/app/0_\(task)") }
        #expect(try await run(threads: 1, standbys: 0, rounds: 5).restoredRecords == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: fixture.directory + "/state/app")
        #expect(left.filter { $0.hasPrefix("0_") }.sorted() == (0..<4).map { "0_\($0)-copy-1" })
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a standby copy keeps up, and takes over without a restore when a thread is removed`(kind: StoreKind)
        async throws
    {
        let fixture = try HandOverBench()
        let restores = Gathered<RestoreProgress>()
        let app = try fixture.application(try CountTopology.make(kind: kind)) {
            $0.streamThreads = 2
            $0.standbys = 1
            $0.onRestore = { restores.add($0) }
        }
        try await app.started()
        try fixture.write(50)
        #expect(try eventually { try fixture.isExact() && fixture.isCommitted() })
        #expect(app.threads[0].standbys == app.threads[1].tasks)
        #expect(app.threads[1].standbys == app.threads[0].tasks)
        #expect(try eventually { try fixture.isCopied(by: app) })
        #expect(app.metrics.lags.count == 4)
        #expect(
            app.metrics.lags.allSatisfy {
                $0.isStandby && $0.store == CountTopology.store.name && $0.position == $0.end
            })
        try await app.removeThread()
        #expect(app.threads.map(\.standbys) == [[]])
        #expect(app.metrics.restoredRecords == 0)
        #expect(restores.all.isEmpty)
        try fixture.write(5)
        #expect(try eventually { try fixture.isExact() })
        #expect(app.metrics.lags.isEmpty)
        try await app.stopped()
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce], [StoreKind.rocksDB, .inMemory])
    func `a standby copy takes over when a thread fails, and tasks are balanced again afterwards`(
        guarantee: ProcessingGuarantee, kind: StoreKind
    ) async throws {
        let fixture = try HandOverBench()
        let app = try fixture.application(try failingTopology(30...30, kind: kind)) {
            $0.guarantee = guarantee
            $0.streamThreads = 2
            $0.standbys = 1
            $0.onUncaughtError = { _ in .replaceThread }
        }
        try await app.started()
        try fixture.write(25)
        #expect(try eventually { try fixture.isExact() })
        #expect(try eventually { app.metrics.lags.allSatisfy { $0.records == 0 } && app.metrics.lags.count == 4 })
        try fixture.write(10)
        #expect(try eventually { try guarantee == .exactlyOnce ? fixture.isExact() : fixture.isComplete() })
        #expect(try eventually { app.state == .running })
        #expect(app.threads.map(\.tasks.count) == [2, 2])
        // Only the rest of the changelog is restored, never everything that was counted before.
        if kind == .rocksDB { #expect(app.metrics.restoredRecords < 50) }
        try await app.stopped()
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a table that is restored from its input topic has standby copies of its rows`(
        guarantee: ProcessingGuarantee
    ) async throws {
        let fixture = try HandOverBench()
        try fixture.fixture.create(["rows": 4, "joined": 1])
        let topology = try Topology(TopologyOptions(optimizations: .all)) { streams in
            let rows = streams.table(
                Topic<String, String>("rows"), as: TableStoreName<String, String>("rows"))
            streams.stream(CountTopology.input).join(rows) { $0 + $1 }.to(Topic<String, String>("joined"))
        }
        let app = try fixture.application(topology) {
            $0.guarantee = guarantee
            $0.streamThreads = 2
            $0.standbys = 1
        }
        try await app.started()
        for round in 1...20 {
            for partition in 0..<4 as Range<Int32> {
                try fixture.fixture.write("rows", "k\(partition)", "\(round)", at: 1, partition: partition)
            }
        }
        #expect(try eventually { app.metrics.standbyRecords == 80 })
        try await app.removeThread()
        #expect(app.metrics.restoredRecords == 0)
        try fixture.write()
        let joined = Topic<String, String>("joined")
        #expect(
            try eventually {
                try fixture.fixture.read(joined).map(\.value).sorted() == Array(repeating: "x20", count: 4)
            })
        try await app.stopped()
    }

    @Test func `tasks with a store without a changelog have no standby copies`() async throws {
        let fixture = try HandOverBench()
        let topology = try Topology { streams in
            streams.stream(CountTopology.input).groupByKey()
                .count(as: Materialized(CountTopology.table, isLogged: false)).toStream().forEach {
                    _, _ in
                }
        }
        let app = try fixture.application(topology) {
            $0.streamThreads = 2
            $0.standbys = 1
        }
        try await app.started()
        #expect(try eventually { app.state == .running })
        #expect(app.threads.allSatisfy { $0.standbys.isEmpty && $0.tasks.count == 2 })
        try await app.stopped()
    }
}
