import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

/// With a backlog over several partitions, applications must have the same results as if each record had been processed
/// live.
struct CatchUpTests {
    private static let views = Topic<String, String>("views")
    private static let counts = Topic<Windowed<String>, Int64>(
        "counts", key: Windowed.serde(size: .seconds(10)), value: Int64.serde)

    /// Writes records, batched by partition, in order.
    private func write(
        _ topic: String, _ records: [(key: String, value: String, ms: Int64, partition: Int32)],
        to fixture: ClusterFixture
    ) throws {
        let producer = try fixture.cluster.makeProducer(clientID: "backlog")
        for (partition, records) in Dictionary(grouping: records, by: \.partition).sorted(by: { $0.key < $1.key }) {
            var builder = RecordBatchBuilder()
            for (number, record) in records.enumerated() {
                Array(record.key.utf8).withUnsafeBytes { key in
                    Array(record.value.utf8).withUnsafeBytes { value in
                        builder.append(key: key, value: value, timestamp: Timestamp(ms: record.ms))
                    }
                }
                guard (number + 1) % 500 == 0 || number + 1 == records.count else { continue }
                try producer.send(builder.finish(), to: TopicPartition(topic, partition))
                builder.reset()
            }
        }
        try producer.flush()
    }

    private func application(
        _ topology: Topology, on fixture: ClusterFixture, threads: Int, guarantee: ProcessingGuarantee
    ) -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.streamThreads = threads
        configuration.guarantee = guarantee
        return StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
    }

    /// Ten records a second for an hour. One thread keeps their order, so that windows need no grace; several threads
    /// are at most a second apart.
    @Test(arguments: [1, 2, 4, 16] as [Int32], [1, 2])
    func `no record of a backlog is late if live processing would have kept it`(partitions: Int32, threads: Int) throws
    {
        let fixture = try ClusterFixture()
        try fixture.create(["views": partitions, "counts": 1])
        var random = SeededGenerator(seed: UInt64(partitions))
        let backlog = (0..<36_000).map { number in
            (
                key: "user", value: "page\(random.next() % 50)", ms: Int64(number) * 100,
                partition: Int32(random.next() % UInt64(partitions))
            )
        }
        try write("views", backlog, to: fixture)
        let grace = threads == 1 ? Duration.zero : .seconds(1)
        let topology = try Topology { streams in
            streams.stream(Self.views).groupBy { _, page in page }
                .windowedBy(.tumbling(.seconds(10), grace: grace)).count().toStream().mapValues { $0 ?? 0 }.to(
                    Self.counts)
        }
        let app = application(topology, on: fixture, threads: threads, guarantee: .atLeastOnce)
        try app.start()
        #expect(try eventually { app.metrics.processedRecords == 72_000 })
        try app.stop()
        #expect(app.metrics.drops.isEmpty)
    }

    /// The right side of each pair comes through a repartition topic that tasks of all threads write to.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce], [1, 2])
    func `a join on a backlog finds matches that arrive through a repartition topic`(
        guarantee: ProcessingGuarantee, threads: Int
    ) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["left": 2, "right": 2, "pairs": 1])
        let (left, right) = (Topic<String, String>("left"), Topic<String, String>("right"))
        let partitioner = (0..<3_000).map { Int32(($0 * 7_919) % 2) }
        let rows = (0..<3_000).map { number in
            (key: "k\(number % 10)", value: "k\(number % 10)", ms: Int64(number) * 1_000, partition: Int32(0))
        }
        // Each left record is in the partition that the repartition topic chooses for its key.
        let placed = rows.map { row in
            var key = row.key
            let hash = key.withUTF8 { murmur2(UnsafeRawBufferPointer($0)) }
            return (key: row.key, value: row.value, ms: row.ms, partition: (hash & 0x7fff_ffff) % 2)
        }
        try write("left", placed, to: fixture)
        try write(
            "right", zip(rows, partitioner).map { ("any", $0.value, $0.ms + 5, $1) }, to: fixture)
        let windows = JoinWindows(
            before: .milliseconds(10), after: .milliseconds(10), grace: threads == 1 ? .zero : .seconds(1))
        let topology = try Topology { streams in
            let others = streams.stream(right).selectKey { _, value in value }
            streams.stream(left).join(others, within: windows) { "\($0)\($1)" }
                .to(Topic<String, String>("pairs"))
        }
        let app = application(topology, on: fixture, threads: threads, guarantee: guarantee)
        try app.start()
        #expect(try eventually { app.metrics.processedRecords == 9_000 })
        try app.stop()
        #expect(try fixture.read(Topic<String, String>("pairs")).count == 3_000)
        #expect(app.metrics.drops.isEmpty)
    }

    /// Each round has at least as many current records as the thread may take.
    @Test func `a record with a future timestamp waits for current records, but not indefinitely`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["views": 2, "counts": 1])
        let topology = try Topology { streams in
            streams.stream(Self.views).groupBy { _, page in page }
                .windowedBy(.tumbling(.seconds(10), grace: .zero)).count().toStream().mapValues { $0 ?? 0 }
                .to(Self.counts)
        }
        var configuration = StreamsConfiguration()
        configuration.recordsPerTurn = 1
        let thread = try fixture.thread(topology, configuration: configuration, now: 1_000_000)
        while thread.phase == .restoring { try thread.runOnce(now: Timestamp(ms: 1_000_000), wait: .zero) }
        try fixture.write("views", "u", "late", at: 9_000_000, partition: 1)
        var taken: Int?
        for second in 0..<30 where taken == nil {
            let now = 1_000_000 + Int64(second) * 1_000
            for part in 0..<2 { try fixture.write("views", "u", "now", at: now + Int64(part), partition: 0) }
            try thread.runOnce(now: Timestamp(ms: now), wait: .zero)
            if try fixture.committed("views", partition: 1)?.offset == Offset(1) { taken = second }
        }
        #expect([10, 11, 12].contains(taken))
    }

    @Test func `sub-topologies that write to one topic are paced together, and wait for those upstream`() throws {
        let (left, right) = (Topic<String, String>("left"), Topic<String, String>("right"))
        let topology = try Topology { streams in
            let others = streams.stream(right).selectKey { _, value in value }
            streams.stream(left).join(
                others, within: JoinWindows(before: .seconds(1), after: .seconds(1), grace: .zero)
            ) { "\($0)\($1)" }
            .to(Topic<String, String>("pairs"))
            streams.stream(Topic<String, String>("alone")).to(Topic<String, String>("elsewhere"))
        }
        let rules = topology.paceRules
        let upstream = try #require(topology.subtopologies.first { $0.sourceTopics == ["right"] }).number
        let join = try #require(topology.subtopologies.first { $0.sourceTopics.contains("left") }).number
        #expect(rules.count == 2)
        #expect(rules[upstream]?.siblings == [upstream] && rules[upstream]?.upstream == [])
        #expect(rules[join]?.siblings == [] && rules[join]?.upstream == [upstream])
    }
}
