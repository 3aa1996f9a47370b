import Foundation
import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTopology
import Testing

struct TopicPatternTests {
    private let orders = TopicPattern<String, String>("orders-[a-z]+")
    private let output = Topic<String, String>("output")

    /// Counts the orders of each key across all topics.
    private func counting(repartitions: Bool = false) throws -> Topology {
        try Topology { streams in
            let all = streams.stream(matching: orders)
            let grouped = repartitions ? all.groupBy { key, _ in key } : all.groupByKey()
            grouped.count(as: TableStoreName<String, Int64>("counts")).toStream()
                .mapValues { "\($0 ?? 0)" }.to(output)
        }
    }

    @Test func `a pattern source reads the topics whose whole names match, and records keep their topic`() throws {
        let topology = try Topology { streams in
            streams.stream(matching: orders).to(key: String.serde, value: String.serde) { _, origin in
                "seen-\(origin?.topic ?? "")"
            }
        }
        let driver = try TopologyTestDriver(
            topology, state: .memory, topics: ["orders-eu", "orders-us", "old-orders-eu", "orders-1"])
        for topic in ["orders-eu", "orders-us"] {
            try driver.pipe(Topic<String, String>(topic), key: "a", value: "x", at: Timestamp(ms: 1))
        }
        #expect(driver.writtenTopics == ["seen-orders-eu", "seen-orders-us"])
        #expect(throws: TestDriverError.self) {
            try driver.pipe(Topic<String, String>("old-orders-eu"), key: "a", value: "x")
        }
    }

    @Test func `a topic that another source names is not read by the pattern`() throws {
        let topology = try Topology { streams in
            streams.stream(matching: orders).mapValues { "pattern \($0)" }.to(output)
            streams.stream(Topic<String, String>("orders-eu")).mapValues { "name \($0)" }.to(output)
        }
        let driver = try TopologyTestDriver(topology, state: .memory, topics: ["orders-eu", "orders-us"])
        for topic in ["orders-eu", "orders-us"] {
            try driver.pipe(Topic<String, String>(topic), key: "a", value: "x", at: Timestamp(ms: 1))
        }
        #expect(try driver.read(from: output).map(\.value) == ["name x", "pattern x"])
    }

    @Test func `two patterns must not match one topic`() throws {
        let topology = try Topology { streams in
            streams.stream(matching: orders, named: "one").to(output)
            streams.stream(matching: TopicPattern<String, String>("orders-e.*"), named: "two").to(output)
        }
        #expect(throws: TopologyError.topicReadTwice(topic: "orders-eu", sources: ["one", "two"])) {
            try topology.matching(["orders-eu", "orders-us"])
        }
    }

    @Test func `the same pattern declared twice is one source`() throws {
        let topology = try Topology { streams in
            streams.stream(matching: orders, named: "one").to(output)
            streams.stream(matching: orders, named: "two").mapValues { $0 + "!" }.to(output)
        }
        let driver = try TopologyTestDriver(topology, state: .memory, topics: ["orders-eu"])
        try driver.pipe(Topic<String, String>("orders-eu"), key: "a", value: "x", at: Timestamp(ms: 1))
        #expect(try driver.read(from: output).map(\.value) == ["x", "x!"])
    }

    @Test func `an invalid regular expression is rejected when the topology is built`() throws {
        #expect(throws: TopologyError.self) {
            try Topology { streams in streams.stream(matching: TopicPattern<String, String>("orders-(")).to(output) }
        }
    }

    @Test func `a pattern source is described by its pattern, as in Kafka Streams`() throws {
        let topology = try Topology(TopologyOptions(naming: .kafkaStreams)) { streams in
            streams.stream(matching: orders).forEach { _, _ in }
        }
        #expect("\(topology.describe())".contains("Source: KSTREAM-SOURCE-0000000000 (topics: orders-[a-z]+)\n"))
    }

    // MARK: On a cluster

    private func application(_ topology: Topology, on fixture: ClusterFixture, threads: Int) -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(5)
        configuration.topicSearchInterval = .milliseconds(20)
        configuration.streamThreads = threads
        return StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
    }

    @Test(arguments: [1, 2])
    func `topics that are created while the application runs are read, and state is kept`(threads: Int) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["output": 1, "orders-eu": 2])
        try fixture.write("orders-eu", "a", "x", at: 1)
        let app = application(try counting(), on: fixture, threads: threads)
        try await app.started()
        #expect(try eventually { try fixture.read(output).map(\.value) == ["1"] })
        try fixture.create(["orders-us": 2, "orders-1": 2])
        try fixture.write("orders-us", "a", "y", at: 2)
        #expect(try eventually { try fixture.read(output).map(\.value) == ["1", "2"] })
        try fixture.write("orders-eu", "a", "z", at: 3)
        #expect(try eventually { try fixture.read(output).map(\.value) == ["1", "2", "3"] })
        #expect(try eventually { app.state == .running })
        // A round's records are counted in the metrics after its output is written.
        #expect(try eventually { app.metrics.processedRecords == 3 })
        try await app.stopped()
        #expect(try fixture.committed("orders-us")?.offset == Offset(1))
        #expect(app.state == .notRunning)
    }

    @Test(arguments: [true, false])
    func `an application may start before any topic matches`(repartitions: Bool) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["output": 1])
        let app = application(try counting(repartitions: repartitions), on: fixture, threads: 1)
        try await app.started()
        #expect(try eventually { app.state == .running })
        try fixture.create(["orders-eu": 1])
        try fixture.write("orders-eu", "a", "x", at: 1)
        #expect(try eventually { try fixture.read(output).map(\.value) == ["1"] })
        try await app.stopped()
    }

    @Test(arguments: [true, false])
    func `a topic with more partitions than the state stops the application`(repartitions: Bool) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["output": 1, "orders-eu": 1])
        let app = application(try counting(repartitions: repartitions), on: fixture, threads: 1)
        try await app.started()
        #expect(try eventually { app.state == .running })
        try fixture.create(["orders-us": 3])
        #expect(try eventually { app.state == .error })
        let error: RuntimeError =
            repartitions
            ? .wrongPartitionCount(topic: "app-counts-repartition", expected: 3, actual: 1)
            : .notCopartitioned(["orders-eu": 1, "orders-us": 3])
        await #expect(throws: error) { try await app.stopped() }
    }
}
