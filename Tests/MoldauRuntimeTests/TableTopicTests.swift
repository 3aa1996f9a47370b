import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import ProgramSupport
import Testing

/// Topics that are read as tables: their rows must not expire.
struct TableTopicTests {
    private static let customers = Topic<String, String>("customers")
    private static let prices = Topic<String, String>("prices")
    private static let rates = Topic<String, String>("rates")
    private static let orders = Topic<String, String>("orders")
    private static let history = Topic<String, String>("history")

    private func make() throws -> Topology {
        try Topology { streams in
            let orders = streams.stream(Self.orders)
            orders.join(streams.table(Self.customers)) { $0 + $1 }
                .join(streams.globalTable(Self.prices), on: { key, _ in key }) { $0 + $1 }
                .join(streams.table(Self.history, as: VersionedStoreName("history", historyRetention: .seconds(100)))) {
                    $0 + $1
                }
                .to(Topic<String, String>("out"))
            streams.addReadOnlyStore(ReadOnlyStoreName<String, String>("rates"), from: Self.rates)
        }
    }

    private func plan(_ existing: [TopicDescription] = []) throws -> TopicPlan {
        let topology = try make()
        let found = Dictionary(uniqueKeysWithValues: existing.map { ($0.name, $0) })
        return try TopicPlan(
            topology, names: InternalTopicNames(applicationID: "app", topology: topology), existing: found,
            newTopicPartitions: 1)
    }

    @Test func `an application creates the topics of its tables compacted, and no others`() throws {
        let missing = try plan().missing.filter { !$0.name.hasPrefix("app-") }
        let settings = Dictionary(uniqueKeysWithValues: missing.map { ($0.name, $0.configuration) })
        #expect(
            settings == [
                "customers": ["cleanup.policy": "compact"], "prices": ["cleanup.policy": "compact"],
                "rates": ["cleanup.policy": "compact"], "orders": [:], "out": [:],
                // Older rows may be needed for that long, and a day longer.
                "history": ["cleanup.policy": "compact", "min.compaction.lag.ms": "86500000"],
            ])
    }

    @Test func `a topic that is its table's changelog is created compacted`() throws {
        let topology = try Topology(TopologyOptions(optimizations: [.reuseSourceTopics])) { streams in
            streams.table(Self.customers, as: TableStoreName("rows")).toStream().to(Self.orders)
        }
        let plan = try TopicPlan(
            topology, names: InternalTopicNames(applicationID: "app", topology: topology), existing: [:],
            newTopicPartitions: 1)
        #expect(plan.missing.map { $0.name } == ["customers", "orders"])
        #expect(plan.missing.map { $0.configuration["cleanup.policy"] } == ["compact", nil])
    }

    @Test(arguments: [
        ([:], "cleanup.policy=delete, retention.ms is not set: seven days"),
        (["retention.ms": "60000"], "cleanup.policy=delete, retention.ms=60000"),
        (["cleanup.policy": "compact,delete"], "cleanup.policy=compact,delete, retention.ms is not set: seven days"),
        (["retention.ms": "-1", "retention.bytes": "100"], "cleanup.policy=delete, retention.bytes=100"),
        (["retention.ms": "-1"], nil), (["cleanup.policy": "compact"], nil),
        (["cleanup.policy": "compact", "retention.ms": "5"], nil),
    ])
    func `a table whose topic deletes old records causes a warning`(settings: [String: String], told: String?) throws {
        let existing = ["customers", "orders"].map {
            TopicDescription(name: $0, partitionCount: 1, configuration: settings)
        }
        let warnings = try plan(existing).warnings
        #expect(warnings.count == (told == nil ? 0 : 1))
        guard let told else { return }
        #expect(
            warnings.first?.hasPrefix("the topic 'customers' is read as a table and deletes old records (\(told)): ")
                == true)
        #expect(
            warnings.first?.contains("moldau configs alter --topic customers --add-config cleanup.policy=compact")
                == true)
    }

    @Test func `an embedded cluster has compacted table topics, and the start logs a warning for others`() throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        let admin = try cluster.makeAdmin()
        try admin.create([NewTopic("prices", partitionCount: 1)])
        let log = GatheredLog()
        var configuration = StreamsConfiguration()
        configuration.logger = log.logger
        configuration.newTopicPartitions = 1
        let app = StreamsApplication(
            id: "app", topology: try make(), cluster: .cluster(cluster, stateDirectory: nil),
            configuration: configuration)
        try app.start()
        try app.stop()
        let found = try admin.describe(["customers", "orders"])
        #expect(found["customers"]?.configuration == ["cleanup.policy": "compact"])
        #expect(found["orders"]?.configuration == [:])
        let warnings = log.all.filter { $0.hasPrefix("warning: ") }
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("warning: the topic 'prices' is read as a table") == true)
    }
}
