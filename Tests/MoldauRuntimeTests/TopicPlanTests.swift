import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

struct TopicPlanTests {
    /// Two inputs, one of them through a repartition topic, that are joined.
    private func joined(repartitionCount: Int32? = nil, throughRepartition: Bool = true) throws -> Topology {
        var topology = Topology()
        let (left, right) = (Topic<String, String>("left"), Topic<String, String>("right"))
        let middle = Topic<String, String>("by-name-repartition")
        try topology.addSource("left-source", reading: [left])
        try topology.addSource("right-source", reading: [right])
        guard throughRepartition else {
            try topology.addProcessor("join", after: ["left-source", "right-source"]) {
                (_: Record<String, String>, _, _: Inlet<String, String>.Receive) in
            }
            try topology.copartition(sources: ["left-source", "right-source"])
            return topology
        }
        try topology.add(RepartitionTopic(name: middle.name, partitionCount: repartitionCount))
        try topology.addSink("to-middle", to: middle, after: ["left-source"])
        try topology.addSource("from-middle", reading: [middle])
        try topology.addProcessor("join", after: ["from-middle", "right-source"]) {
            (_: Record<String, String>, _, _: Inlet<String, String>.Receive) in
        }
        try topology.copartition(sources: ["from-middle", "right-source"])
        return topology
    }

    private func plan(_ topology: Topology, _ counts: [String: Int32]) throws -> TopicPlan {
        let existing = counts.reduce(into: [:]) {
            $0[$1.key] = TopicDescription(name: $1.key, partitionCount: $1.value, configuration: [:])
        }
        return try TopicPlan(
            topology, names: InternalTopicNames(applicationID: "app", topology: topology), existing: existing,
            newTopicPartitions: nil)
    }

    @Test func `joined topics with different partition counts are an error that has both counts`() throws {
        let error = #expect(throws: RuntimeError.self) {
            try plan(try joined(throughRepartition: false), ["left": 2, "right": 3])
        }
        #expect(error == .notCopartitioned(["left": 2, "right": 3]))
        #expect(error?.description.hasPrefix("Topics not co-partitioned: [{left=2, right=3}]") == true)
    }

    /// Operators that need equal keys in one partition, for streams that are merged.
    static let gathering: [@Sendable (KStream<String, String>) -> Void] = [
        { _ = $0.groupByKey().count() },
        { _ = $0.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count() },
        { _ = $0.groupByKey().windowedBy(.sessions(gap: .seconds(60), grace: .zero)).count() },
        { _ = $0.groupByKey().cogroup(String.self) { $0 += $2 }.aggregate("") },
        { _ = $0.toTable(as: Materialized()).toStream() },
    ]

    @Test(arguments: gathering.indices, [false, true])
    func `merged streams that are aggregated need equal partition counts`(place: Int, merges: Bool) throws {
        let (eu, us) = (Topic<String, String>("orders-eu"), Topic<String, String>("orders-us"))
        func topology(_ prepare: (KStream<String, String>) -> KStream<String, String>) throws -> Topology {
            try Topology { streams in
                Self.gathering[place](
                    prepare(merges ? streams.stream(eu).merge(streams.stream(us)) : streams.stream([eu, us])))
            }
        }
        let error = #expect(throws: RuntimeError.self) {
            try plan(try topology { $0 }, ["orders-eu": 2, "orders-us": 3])
        }
        #expect(error == .notCopartitioned(["orders-eu": 2, "orders-us": 3]))
        #expect(error?.description.contains("call repartition()") == true)
        _ = try plan(try topology { $0 }, ["orders-eu": 3, "orders-us": 3])
        _ = try plan(try topology { $0.repartition() }, ["orders-eu": 2, "orders-us": 3])
    }

    @Test func `streams with different partition counts can be merged if no operator needs keys`() throws {
        let topology = try Topology { streams in
            streams.stream([Topic<String, String>("orders-eu"), Topic("orders-us")])
                .to(Topic<String, String>("orders"))
        }
        _ = try plan(topology, ["orders-eu": 2, "orders-us": 3, "orders": 1])
    }

    @Test func `a repartition topic gets the partition count of the topic that it is joined with`() throws {
        let planned = try plan(try joined(), ["left": 6, "right": 2])
        #expect(planned.partitionCounts["app-by-name-repartition"] == 2)
        #expect(planned.tasks.map(\.description) == ["0_0", "0_1", "0_2", "0_3", "0_4", "0_5", "1_0", "1_1"])
        #expect(
            planned.missing == [
                NewTopic(
                    "app-by-name-repartition", partitionCount: 2,
                    configuration: [
                        "cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800",
                        "message.timestamp.type": "CreateTime",
                    ])
            ])
    }

    @Test func `a repartition topic's explicit partition count must match the topic it is joined with`() throws {
        #expect(
            throws: RuntimeError.repartitionMismatch(
                topic: "app-by-name-repartition", partitions: 4, other: "right", otherPartitions: 2)
        ) { try plan(try joined(repartitionCount: 4), ["left": 6, "right": 2]) }
    }

    @Test func `missing source topics are an error, or are created if that is configured`() throws {
        let topology = try CountTopology.make()
        #expect(throws: RuntimeError.missingSourceTopics(["input"])) { try plan(topology, ["counts": 1]) }
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let planned = try TopicPlan(topology, names: names, existing: [:], newTopicPartitions: 3)
        #expect(planned.missing.map(\.name) == ["counts", "input", "app-counts-store-changelog"])
        #expect(planned.missing.map(\.partitionCount) == [3, 3, 3])
        #expect(planned.missing.last?.configuration["cleanup.policy"] == "compact")
    }

    /// A store's own settings override the application's, which override those of the store's kind.
    @Test func `changelogs are created with the settings of their stores and of the application`() throws {
        let name = KeyValueStoreName<String, String>("store")
        let windows = PlainWindowStoreName<String, String>("store")
        let own = ["segment.bytes": "9"]
        let stores: [(StoreDefinition, [String: String])] = [
            (StoreDefinition(name), ["cleanup.policy": "compact", "segment.bytes": "7"]),
            (StoreDefinition(name, changelogSettings: own), ["cleanup.policy": "compact", "segment.bytes": "9"]),
            (
                StoreDefinition(windows, size: .milliseconds(10), retention: .seconds(100), changelogSettings: own),
                ["cleanup.policy": "compact,delete", "retention.ms": "101000", "segment.bytes": "9"]
            ),
            (
                StoreDefinition(SessionStoreName<String, String>("store"), retention: Duration.milliseconds(Int64.max)),
                ["cleanup.policy": "compact,delete", "retention.ms": "\(Int64.max)", "segment.bytes": "7"]
            ),
            (
                StoreDefinition(
                    windows, size: .zero, retention: .seconds(100), changelogSettings: ["retention.ms": "5"]),
                ["cleanup.policy": "compact,delete", "retention.ms": "5", "segment.bytes": "7"]
            ),
            (
                StoreDefinition(VersionedStoreName<String, String>("store", historyRetention: .seconds(100))),
                ["cleanup.policy": "compact", "min.compaction.lag.ms": "86500000", "segment.bytes": "7"]
            ),
        ]
        var configuration = StreamsConfiguration()
        configuration.internalTopicSettings = ["segment.bytes": "7", "retention.ms": "3"]
        configuration.windowChangelogExtraRetention = .seconds(1)
        let settings = InternalTopicSettings(configuration)
        for (store, expected) in stores {
            var expected = expected
            expected["message.timestamp.type"] = "CreateTime"
            if expected["retention.ms"] == nil { expected["retention.ms"] = "3" }
            expected[InternalTopicSettings.formKey] = store.form?.note
            #expect(settings.changelog(of: store) == expected)
        }
        #expect(settings.repartition["segment.bytes"] == "7")
        #expect(InternalTopicSettings().changelog(of: stores[2].0)["retention.ms"] == "86500000")
    }

    @Test func `an internal topic with another partition count or policy is rejected with both values`() throws {
        let topology = try CountTopology.make()
        #expect(throws: RuntimeError.wrongPartitionCount(topic: "app-counts-store-changelog", expected: 2, actual: 1)) {
            try plan(topology, ["input": 2, "counts": 1, "app-counts-store-changelog": 1])
        }
        #expect(
            throws: RuntimeError.wrongTopicSetting(
                topic: "app-counts-store-changelog", setting: "cleanup.policy", expected: "compact", actual: "delete")
        ) { try plan(topology, ["input": 1, "counts": 1, "app-counts-store-changelog": 1]) }
    }

    /// A plan for the count topology, of which this topic exists with these settings.
    private func plan(
        _ internalTopic: String, _ configuration: [String: String], _ replication: TopicDescription.Replication? = nil,
        wanted replicas: Int? = nil
    ) throws -> TopicPlan {
        let topology = try CountTopology.make()
        var existing = ["input", "counts"].reduce(into: [:]) {
            $0[$1] = TopicDescription(name: $1, partitionCount: 1, configuration: [:])
        }
        existing[internalTopic] = TopicDescription(
            name: internalTopic, partitionCount: 1, configuration: configuration, replication: replication)
        var settings = InternalTopicSettings()
        settings.replicas = replicas
        return try TopicPlan(
            topology, names: InternalTopicNames(applicationID: "app", topology: topology), existing: existing,
            newTopicPartitions: nil, settings: settings)
    }

    @Test func `a changelog whose rows are deleted by age or size causes a warning, others do not`() throws {
        let changelog = "app-counts-store-changelog"
        let endless = ["cleanup.policy": "compact,delete", "retention.ms": "-1"]
        #expect(try plan(changelog, endless).warnings == [])
        for ending in [["retention.ms": "86400000"], ["retention.bytes": "1000"]] {
            let warnings = try plan(changelog, endless.merging(ending) { $1 }).warnings
            #expect(warnings.count == 1)
            let command = "'moldau configs alter --topic \(changelog) --add-config cleanup.policy=compact'"
            #expect(warnings.first?.contains(command) == true)
        }
        #expect(try plan(changelog, ["cleanup.policy": "compact,delete"]).warnings.count == 1)
    }

    @Test func `a topic with fewer replicas than it needs is rejected with both numbers`() throws {
        let changelog = "app-counts-store-changelog"
        func plan(_ name: String, _ count: Int) throws -> TopicPlan {
            try self.plan(
                name, name == changelog ? ["cleanup.policy": "compact"] : [:], .init(count: count, needed: 2))
        }
        #expect(try plan(changelog, 2).warnings == [])
        for name in [changelog, "counts"] {
            let error = #expect(throws: RuntimeError.self) { try plan(name, 1) }
            #expect(error == .tooFewReplicas(topic: name, replicas: 1, needed: 2))
            #expect(error?.description.contains("--add-config min.insync.replicas=1") == true)
        }
        // Nothing is written to it.
        #expect(try plan("input", 1).warnings == [])
    }

    @Test func `an internal topic with fewer replicas than configured causes a warning`() throws {
        let (changelog, policy) = ("app-counts-store-changelog", ["cleanup.policy": "compact"])
        let one = TopicDescription.Replication(count: 1, needed: 1)
        let warnings = try plan(changelog, policy, one, wanted: 3).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("'\(changelog)' is on 1 of the cluster's brokers") == true)
        #expect(try plan(changelog, policy, one, wanted: 1).warnings == [])
        #expect(try plan(changelog, policy, one).warnings == [])
    }

    @Test func `an internal topic that deletes records too early causes a warning`() throws {
        let topology = try joined()
        func warnings(_ configuration: [String: String]) throws -> [String] {
            var existing = ["left", "right"].reduce(into: [:]) {
                $0[$1] = TopicDescription(name: $1, partitionCount: 2, configuration: [:])
            }
            let name = "app-by-name-repartition"
            existing[name] = TopicDescription(name: name, partitionCount: 2, configuration: configuration)
            return try TopicPlan(
                topology, names: InternalTopicNames(applicationID: "app", topology: topology), existing: existing,
                newTopicPartitions: nil
            ).warnings
        }
        #expect(try warnings(["retention.ms": "-1"]) == [])
        #expect(try warnings([:]).first?.contains("retention.ms=604800000 (the default), but -1 is needed") == true)
        #expect(try warnings(["retention.ms": "1000"]).first?.contains("--add-config retention.ms=-1") == true)
    }

    @Test(arguments: [
        (CommitMetadata(partitionTime: Timestamp(ms: 1_234)), "AgAAAAAAAATS"),
        (
            CommitMetadata(partitionTime: Timestamp(ms: 1_234), processorTimes: ["store-a": 99]),
            "AgAAAAAAAATSAAAAAQAAAAdzdG9yZS1hAAAAAAAAAGM="
        ),
    ])
    func `commit metadata is encoded as in Kafka Streams`(metadata: CommitMetadata, text: String) {
        #expect(metadata.encoded == text)
        #expect(CommitMetadata(decoding: text) == metadata)
    }

    @Test(arguments: ["", "not base64!", "AA==", "AgAA", "AgAAAAAAAATS/////w==", "AgAAAAAAAATSAAAAAX////8="])
    func `commit metadata of another format is not an error`(text: String) {
        let decoded = CommitMetadata(decoding: text)
        #expect(decoded == nil || decoded?.processorTimes == [:])
    }
}
