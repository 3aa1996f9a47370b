import Foundation
import Logging
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauServiceLifecycle
import MoldauTopology
import Synchronization
import Testing

struct StreamsApplicationTests {
    private func application(
        _ topology: Topology, on fixture: ClusterFixture, _ configure: (inout StreamsConfiguration) -> Void = { _ in }
    ) -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(5)
        configure(&configuration)
        return StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
    }

    @Test func `a process that loses its group while topics are planned ends with the error`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let cluster = ExpellingCluster(fixture.cluster)
        let engine = StreamsEngine(
            applicationID: "app", topology: try CountTopology.make(), configuration: StreamsConfiguration(),
            stateDirectory: nil, clock: { RoundTime(Timestamp(ms: 0), uptime: .zero) }, openCluster: { cluster })
        try engine.start()
        #expect(engine.state == .error)
        #expect(engine.failure as? ClusterError == ExpellingCluster.reason)
        engine.stop()
        engine.waitUntilEnded()
    }

    @Test func `an application goes through its states, and a stop commits what was processed`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        let states = Gathered<StreamsState>()
        let app = application(try CountTopology.make(), on: fixture) {
            $0.commitInterval = .seconds(3_600)
            $0.onStateChange = { states.add($1) }
        }
        #expect(app.state == .created)
        try await app.started()
        #expect(try eventually { app.metrics.processedRecords == 1 })
        #expect(try fixture.committed("input") == nil)
        try await app.stopped()
        #expect(try fixture.committed("input")?.offset == Offset(1))
        #expect(states.all == [.rebalancing, .running, .pendingShutdown, .notRunning])
        await #expect(throws: RuntimeError.self) { try await app.started() }
    }

    @Test func `internal topics are created with the configured settings`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let app = application(try CountTopology.make(), on: fixture) {
            $0.internalTopicSettings = ["segment.bytes": "1048576"]
        }
        try app.start()
        try app.stop()
        let changelog = try fixture.admin.describe(["app-counts-store-changelog"]).values.first
        #expect(changelog?.configuration["segment.bytes"] == "1048576")
        #expect(changelog?.configuration["cleanup.policy"] == "compact")
    }

    @Test func `graceful shutdown of a service group ends run`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let app = application(try CountTopology.make(), on: fixture)
        let group = ServiceGroup(services: [app], logger: Logger(label: "test"))
        async let run: Void = group.run()
        #expect(try await eventuallyInTasks { app.state == .running })
        await group.triggerGracefulShutdown()
        try await run
        #expect(app.state == .notRunning)
    }

    @Test func `a signal ends run, and has its default action again afterwards`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let app = application(try CountTopology.make(), on: fixture)
        let run = Task { try await app.run(stoppingAt: [SIGUSR2]) }
        #expect(try await eventuallyInTasks { app.state == .running })
        kill(getpid(), SIGUSR2)
        try await run.value
        #expect(app.state == .notRunning)
        var action = sigaction()
        sigaction(SIGUSR2, nil, &action)
        #expect(action.__sigaction_handler.sa_handler == nil)  // SIG_DFL
    }

    @Test func `a signal ends all applications that listen to it, each time`() async throws {
        for _ in 0..<10 {
            let apps = try (0..<2).map { _ in
                let fixture = try ClusterFixture()
                try fixture.create(["input": 1, "counts": 1])
                return application(try CountTopology.make(), on: fixture)
            }
            let runs = apps.map { app in Task { try await app.run(stoppingAt: [SIGUSR1]) } }
            #expect(try await eventuallyInTasks { apps.allSatisfy { $0.state == .running } })
            kill(getpid(), SIGUSR1)
            for run in runs { try await run.value }
            #expect(apps.allSatisfy { $0.state == .notRunning })
        }
    }

    @Test func `cancellation ends run`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let app = application(try CountTopology.make(), on: fixture)
        let run = Task { try await app.run() }
        #expect(try await eventuallyInTasks { app.state == .running })
        run.cancel()
        try await run.value
        #expect(app.state == .notRunning)
    }

    @Test func `run throws the error that prevented the start`() async throws {
        let app = application(try CountTopology.make(), on: try ClusterFixture())
        await #expect(throws: RuntimeError.missingSourceTopics(["input"])) { try await app.run() }
        #expect(app.state == .error)
    }

    /// Throws on the first `failures` records that reach it.
    private func failing(_ failures: Int) throws -> Topology {
        struct Passing: Error {}
        let left = Gathered<Int>()
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.addProcessor("check", after: ["source"]) {
            (record: Record<String, String>, _, forward: Inlet<String, String>.Receive) in
            left.add(1)
            if left.all.count <= failures { throw Passing() }
            try forward(record)
        }
        try topology.addSink("sink", to: Topic<String, String>("out"), after: ["check"])
        return topology
    }

    @Test func `a replacement thread resumes from the last commit`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        try fixture.write("input", "a", "x", at: 1)
        let errors = Gathered<String>()
        let app = application(try failing(2), on: fixture) {
            $0.onUncaughtError = { error in
                errors.add("\(error)")
                return .replaceThread
            }
        }
        try await app.started()
        #expect(try eventually { try fixture.committed("input")?.offset == Offset(1) })
        #expect(app.state == .running)
        try await app.stopped()
        #expect(errors.all.count == 2)
        #expect(try fixture.read(Topic<String, String>("out")).map(\.value) == ["x"])
    }

    @Test func `by default an uncaught error ends the application, and run throws it`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 2, "out": 1])
        try fixture.write("input", "a", "x", at: 1)
        let app = application(try failing(.max), on: fixture) { $0.streamThreads = 2 }
        await #expect(throws: ProcessingFailure.self) { try await app.run() }
        #expect(app.state == .error)
    }

    @Test func `a paused application processes nothing until it is resumed`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let app = application(try CountTopology.make(), on: fixture)
        app.pause()
        try await app.started()
        #expect(try eventually { app.state == .running })
        try fixture.write("input", "a", "x", at: 1)
        try await Task.sleep(for: .milliseconds(50))
        #expect(app.metrics.processedRecords == 0)
        app.resume()
        #expect(try eventually { app.metrics.processedRecords == 1 })
        try await app.stopped()
    }

    @Test func `four partitions on two threads are each counted once`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 4, "counts": 1])
        for number in 0..<40 {
            try fixture.write("input", "k\(number % 4)", "x", at: Int64(number), partition: Int32(number % 4))
        }
        let app = application(try CountTopology.make(), on: fixture) { $0.streamThreads = 2 }
        try await app.started()
        #expect(try eventually { app.metrics.processedRecords == 40 })
        try await app.stopped()
        let last = try fixture.read(CountTopology.counts).reduce(into: [:]) { $0[$1.key] = $1.value }
        #expect(last == ["k0": 10, "k1": 10, "k2": 10, "k3": 10])
    }

    @Test func `an embedded application creates its topics, and reuses its state`() async throws {
        let directory = NSTemporaryDirectory() + "/moldau-app-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for round in 0...2 {
            let app = StreamsApplication(
                id: "app", topology: try CountTopology.make(), cluster: .embedded(at: directory, durability: .os))
            try await app.started()
            #expect(try eventually { app.metrics.processedRecords == min(round, 1) && app.state == .running })
            #expect(app.metrics.restoredRecords == 0)
            try await app.stopped()
            try between(at: directory + "/topics", expecting: Array((1...3).prefix(round).map(Int64.init)))
        }
        #expect(FileManager.default.fileExists(atPath: directory + "/state/app/0_0"))
    }

    /// While no application runs, checks the counts so far, and writes one more record.
    private func between(at directory: String, expecting counts: [Int64]) throws {
        let cluster = try EmbeddedCluster(directory: directory, durability: .os)
        let fixture = try ClusterFixture(cluster)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == counts)
        try fixture.write("input", "a", "x", at: 1)
        try cluster.close()
    }
}

/// A cluster whose group fails a process while it plans its topics.
private final class ExpellingCluster: ClusterPort {
    static let reason = ClusterError.unavailable(reason: "another process has the same name")
    private let inner: EmbeddedCluster
    private let worker = Mutex<(any GroupWorker)?>(nil)

    init(_ inner: EmbeddedCluster) { self.inner = inner }

    func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer { try inner.makeConsumer(options) }
    func makeProducer(_ options: ProducerOptions) throws -> any Producer { try inner.makeProducer(options) }
    func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer {
        try inner.makeTransactionalProducer(options)
    }
    func makeAdmin() throws -> any Admin {
        worker.withLock { $0 }?.failed(Self.reason)
        return try inner.makeAdmin()
    }
    func join(group: String, _ worker: any GroupWorker) throws -> GroupMembership {
        self.worker.withLock { $0 = worker }
        return try inner.join(group: group, worker)
    }
}
