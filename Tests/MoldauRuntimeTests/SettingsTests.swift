import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Synchronization
import Testing

struct SettingsTests {
    private func application(
        _ fixture: ClusterFixture, id: String = "app", topology: Topology? = nil,
        _ configure: (inout StreamsConfiguration) -> Void = { _ in }
    ) throws -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configure(&configuration)
        return StreamsApplication(
            id: id, topology: try topology ?? CountTopology.make(),
            cluster: .cluster(fixture.cluster, stateDirectory: fixture.directory), configuration: configuration)
    }

    /// The errors of an application that refuses to start.
    private func complaints(
        id: String = "app", _ configure: (inout StreamsConfiguration) -> Void = { _ in }
    ) throws -> [String] {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let app = try application(fixture, id: id, configure)
        do {
            try app.start()
            try app.stop()
            return []
        } catch RuntimeError.invalidSettings(let complaints) {
            #expect(app.state == .error)
            return complaints
        }
    }

    @Test(arguments: ["", ".", "..", "a/../../b c", "ü", "__app", String(repeating: "a", count: 250)])
    func `an id that is invalid in topic or directory names is rejected`(id: String) throws {
        #expect(try complaints(id: id).count == 1)
    }

    @Test func `an id that makes the application's topic names too long is rejected`() throws {
        let id = String(repeating: "a", count: 240)
        #expect(try complaints(id: id).first?.contains("'\(id)-counts-store-changelog' cannot be created") == true)
        #expect(try complaints(id: "orders-eu_1.x").isEmpty)
    }

    @Test func `all invalid settings are reported together`() throws {
        let complaints = try complaints {
            ($0.streamThreads, $0.standbys, $0.recordsPerTurn) = (-3, -1, 0)
            ($0.stateMemoryBytes, $0.bufferedBytesPerPartition, $0.batchBytes) = (-1, 0, 0)
            ($0.commitInterval, $0.stopPatience, $0.lookahead) = (.seconds(-1), .seconds(-1), .seconds(-1))
            ($0.writeBehindInterval, $0.topicSearchInterval) = (.zero, .seconds(-5))
            ($0.taskIdling, $0.newTopicPartitions) = (.upTo(.seconds(-1)), 0)
            $0.windowChangelogExtraRetention = .seconds(-1)
            $0.namedTopics = ["a b"]
        }
        #expect(complaints.count == 15)
        #expect(complaints.first == "streamThreads is -3, but must be from 1 to 1024")
    }

    @Test func `a transaction timeout must be longer than the commit interval`() throws {
        let long = try complaints {
            ($0.guarantee, $0.commitInterval, $0.transactionTimeout) = (.exactlyOnce, .seconds(30), .seconds(10))
        }
        #expect(long.count == 1)
        #expect(try complaints { ($0.guarantee, $0.commitInterval) = (.exactlyOnce, .seconds(30)) }.isEmpty)
        #expect(
            try complaints { ($0.guarantee, $0.transactionTimeout) = (.exactlyOnce, .seconds(Int64.max)) }.count == 1)
        #expect(try complaints { ($0.guarantee, $0.commitInterval) = (.exactlyOnce, .seconds(Int64.max)) }.count == 1)
    }

    @Test func `durations of any length do not trap`() throws {
        let never = Duration.seconds(Int64.max)
        let complaints = try complaints {
            ($0.commitInterval, $0.writeBehindInterval, $0.stopPatience) = (never, never, never)
            ($0.topicSearchInterval, $0.windowChangelogExtraRetention, $0.lookahead) = (never, never, never)
            $0.taskIdling = .upTo(never)
            $0.streamThreads = 2
        }
        #expect(complaints.isEmpty)
        #expect(try self.complaints { $0.streamThreads = .max }.count == 1)
    }

    @Test func `an application whose internal topic belongs to another one is rejected`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        func topology(_ store: String) throws -> Topology {
            try Topology { streams in
                _ = streams.stream(CountTopology.input).groupByKey()
                    .count(as: TableStoreName<String, Int64>(store))
            }
        }
        let first = try application(fixture, id: "orders", topology: topology("eu-x"))
        try first.start()
        try first.stop()
        let second = try application(fixture, id: "orders-eu", topology: topology("x"))
        #expect(
            throws: RuntimeError.topicOfAnother(
                topic: "orders-eu-x-changelog", owner: "orders", application: "orders-eu")
        ) { try second.start() }
        let again = try application(fixture, id: "orders", topology: topology("eu-x"))
        try again.start()
        try again.stop()
    }

    @Test func `named topics that do not exist are reported or created at the start`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let missing = try application(fixture) { $0.namedTopics = ["dead"] }
        #expect(throws: RuntimeError.missingNamedTopics(["dead"])) { try missing.start() }
        let app = try application(fixture) {
            $0.namedTopics = ["dead"]
            $0.newTopicPartitions = 3
        }
        try app.start()
        try app.stop()
        #expect(try fixture.admin.describe(["dead"])["dead"]?.partitionCount == 3)
    }

    @Test func `a dead-letter topic that the configuration does not name is created for its first record`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        struct Refused: Error {}
        let topology = try Topology { streams in
            streams.stream(CountTopology.input)
                .mapValues { value in if value == "bad" { throw Refused() } else { Int64(1) } }.to(CountTopology.counts)
        }
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .deadLetter(topic: "dead") }
        configuration.newTopicPartitions = 1
        let thread = try fixture.thread(topology, configuration: configuration)
        try fixture.write("input", "k", "bad", at: 1)
        try fixture.write("input", "k", "good", at: 2)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(Topic<String, String>("dead")).map(\.value) == ["bad"])
        #expect(try fixture.read(CountTopology.counts).count == 1)
    }

    @Test func `a row that its changelog rejects is never skipped`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        let store = TableStoreName<String, String>("rows")
        let topology = try Topology { streams in
            _ = streams.table(
                CountTopology.input, as: Materialized(store, changelogSettings: ["max.message.bytes": "500"]))
        }
        var configuration = StreamsConfiguration()
        let asked = Mutex(0)
        configuration.onProductionFailure = { _ in
            asked.withLock { $0 += 1 }
            return .skip
        }
        let thread = try fixture.thread(topology, configuration: configuration)
        try fixture.write("input", "small", "x", at: 1)
        try fixture.write("input", "large", String(repeating: "x", count: 1_000), at: 2)
        try thread.runUntilIdle()
        let error = #expect(throws: RuntimeError.self) { try thread.commit(now: Timestamp(ms: 0)) }
        guard case .changelogRefused("rows", TopicPartition("app-rows-changelog", 0), keyBytes: 5, _)? = error else {
            Issue.record("unexpected error: \(String(describing: error))")
            return
        }
        #expect(asked.withLock { $0 } == 0)
        #expect(try fixture.committed("input") == nil)
        try thread.close()
    }

    @Test func `a source that starts at the latest offset resumes there, even if no record arrived`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let topology = try Topology { streams in
            streams.stream(CountTopology.input, start: .latest).mapValues { _ in Int64(1) }.to(CountTopology.counts)
        }
        try fixture.write("input", "k", "before", at: 1)
        let first = try fixture.thread(topology)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        #expect(try fixture.committed("input")?.offset == Offset(1))
        try fixture.write("input", "k", "while it was down", at: 2)
        let second = try fixture.thread(topology)
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(CountTopology.counts).count == 1)
    }

    @Test func `a thread that keeps failing is replaced after growing pauses, and a stop ends a pause`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        struct Refused: Error {}
        let topology = try Topology { streams in
            streams.stream(CountTopology.input).mapValues { _ -> Int64 in throw Refused() }.to(CountTopology.counts)
        }
        let failures = Mutex<[ContinuousClock.Instant]>([])
        let app = try application(fixture, topology: topology) {
            $0.onUncaughtError = { _ in
                failures.withLock { $0.append(.now) }
                return .replaceThread
            }
        }
        try fixture.write("input", "k", "x", at: 1)
        try app.start()
        #expect(try eventually { failures.withLock { $0.count } == 4 })
        let times = failures.withLock { $0 }
        #expect(times[1] - times[0] >= .milliseconds(100))
        #expect(times[2] - times[1] >= .milliseconds(200))
        #expect(times[3] - times[2] >= .milliseconds(400))
        try app.stop()
        #expect(app.state == .notRunning)
    }

    @Test func `a thread that fails during a stop and would be replaced does not fail the stop`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        struct Refused: Error {}
        let topology = try Topology { streams in
            streams.stream(CountTopology.input).mapValues { _ -> Int64 in throw Refused() }.to(CountTopology.counts)
        }
        let stopped = Mutex<StreamsApplication?>(nil)
        let app = try application(fixture, topology: topology) {
            $0.onUncaughtError = { _ in
                stopped.withLock { $0 }?.engine.stop()
                return .replaceThread
            }
        }
        stopped.withLock { $0 = app }
        try fixture.write("input", "k", "x", at: 1)
        try app.start()
        #expect(try eventually { app.state == .notRunning })
        try app.stop()
        stopped.withLock { $0 = nil }
    }
}
