import Foundation
import Moldau
import MoldauCluster
import MoldauTopology
import Testing

@testable import MoldauRuntime

/// A test situation: what an application does, what is written to its topics, and what explains its lack of output.
struct Situation: Sendable, CustomTestStringConvertible {
    struct Written: Sendable {
        var topic = "visits"
        var key: String? = "ada"
        var value: String? = "/home"
        var time: Int64 = 1
        var partition: Int32 = 0
    }

    struct Cause: Hashable, CustomStringConvertible {
        let kind: Explanation.Reason.Kind
        let node: String?
        var drop: DropReason?
        var description: String { "\(kind) at \(node ?? "-")" + (drop.map { " (\($0))" } ?? "") }
    }

    let testDescription: String
    let causes: Set<Cause>
    var topics: [String: Int32]
    var records: [Written]
    var configure: @Sendable (inout StreamsConfiguration) -> Void
    /// When the explanation is requested; the records are processed at 0.
    var asked: Int64
    let declare: @Sendable (StreamsBuilder) -> Void

    init(
        _ name: String, _ kind: Explanation.Reason.Kind, at node: String?, _ drop: DropReason? = nil,
        topics: [String: Int32] = ["visits": 1], records: [Written], asked: Int64 = 0,
        configure: @escaping @Sendable (inout StreamsConfiguration) -> Void = { _ in },
        _ declare: @escaping @Sendable (StreamsBuilder) -> Void
    ) {
        testDescription = name
        causes = [Cause(kind: kind, node: node, drop: drop)]
        (self.topics, self.records, self.configure, self.asked, self.declare) = (
            topics, records, configure, asked, declare
        )
    }

    func run() throws -> Explanation {
        let fixture = try ClusterFixture()
        try fixture.create(topics)
        try fixture.admin.create([
            NewTopic("out", partitionCount: 1, configuration: ["max.message.bytes": "1000"]),
            NewTopic("compacted", partitionCount: 1, configuration: ["cleanup.policy": "compact"]),
        ])
        try fixture.write(records)
        var configuration = StreamsConfiguration()
        configuration.onDeserializationFailure = { _ in .skip }
        configuration.onProcessingFailure = { _ in .skip }
        configuration.onProductionFailure = { _ in .skip }
        configure(&configuration)
        let topology = try Topology { declare($0) }
        let thread = try fixture.thread(topology, configuration: configuration)
        defer { try? thread.close() }
        try thread.settle()
        return try thread.explained(topology, configuration, now: asked)
    }
}

extension ClusterFixture {
    func write(_ records: [Situation.Written]) throws {
        let producer = try cluster.makeProducer(clientID: "situation")
        defer { producer.close() }
        for record in records {
            var builder = RecordBatchBuilder()
            Array((record.key ?? "").utf8).withUnsafeBytes { key in
                Array((record.value ?? "").utf8).withUnsafeBytes { value in
                    builder.append(
                        key: record.key == nil ? nil : key, value: record.value == nil ? nil : value,
                        timestamp: Timestamp(ms: record.time), headers: Headers())
                }
            }
            try producer.send(builder.finish(), to: TopicPartition(record.topic, record.partition))
        }
        try producer.flush()
    }
}

extension StreamThread {
    /// Runs until no records are left in repartition topics either.
    func settle() throws { for _ in 0..<5 { try runUntilIdle() } }

    /// Requests an explanation as an application does: through the mailbox, in the thread's next round.
    func explained(
        _ topology: Topology, _ configuration: StreamsConfiguration = StreamsConfiguration(), now: Int64 = 0
    ) throws -> Explanation {
        let answer = Gathered<ThreadAccount>()
        let time = RoundTime(Timestamp(ms: now))
        mailbox.post(
            { try $0.account(now: time) }, completion: { if case .success(let account) = $0 { answer.add(account) } })
        try runOnce(now: time, wait: .zero)
        var application = ExplainedApplication(
            topology: topology, names: InternalTopicNames(applicationID: "app", topology: topology))
        application.guarantee = configuration.guarantee
        application.accounts = answer.all
        return Explanation(application)
    }
}

private typealias Written = Situation.Written

private let visits = Topic<String, String>("visits")
private let prices = Topic<String, String>("prices")
private let out = Topic<String, String>("out")
private let both: [String: Int32] = ["visits": 1, "prices": 1]

/// One record in each of the two topics, with different keys.
private let strangers = [Written(key: "ada"), Written(topic: "prices", key: "bob")]

extension Situation {
    static let drops: [Situation] = [
        Situation(
            "late records", .recordsDropped, at: "per-minute", .late,
            records: [Written(time: 1), Written(time: 200_000), Written(time: 2)]
        ) { streams in
            streams.stream(visits).groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero))
                .count(named: "per-minute").toStream().forEach { _, _ in }
        },
        Situation(
            "a record without a row in an inner join", .recordsDropped, at: "priced", .noMatch, topics: both,
            records: strangers
        ) { streams in
            streams.stream(visits).join(streams.table(prices), named: "priced") { $0 + $1 }.to(out)
        },
        Situation(
            "a null key in an aggregation", .recordsDropped, at: "counted", .nullKey, records: [Written(key: nil)]
        ) { streams in
            _ = streams.stream(Topic<String?, String>("visits")).groupByKey().count(named: "counted")
        },
        Situation(
            "a null key in a join", .recordsDropped, at: "pairs-this-join", .nullKey, topics: both,
            records: [Written(key: nil), Written(topic: "prices")]
        ) { streams in
            streams.stream(Topic<String?, String>("visits")).join(
                streams.stream(Topic<String?, String>("prices")),
                within: JoinWindows(difference: .seconds(1), grace: .zero), named: "pairs"
            ) { $0 + $1 }.forEach { _, _ in }
        },
        Situation(
            "a null value in an aggregation", .recordsDropped, at: "counted", .nullValue,
            records: [Written(value: nil)]
        ) { streams in
            _ = streams.stream(Topic<String, String?>("visits")).groupByKey().count(named: "counted")
        },
        Situation(
            "bytes of another format", .recordsDropped, at: "numbers", .deserialization,
            records: [Written(value: "not eight bytes")]
        ) { streams in
            streams.stream(Topic<String, Int64>("visits"), named: "numbers").forEach { _, _ in }
        },
        Situation(
            "a closure that throws", .recordsDropped, at: "checked", .processing, records: [Written()]
        ) { streams in
            streams.stream(visits).mapValues(named: "checked") { _ -> String in throw SerdeError.invalidUTF8 }.to(out)
        },
        Situation(
            "a record that is too large for its topic", .recordsDropped, at: "sink", .production,
            records: [Written(value: String(repeating: "x", count: 2_000))]
        ) { streams in streams.stream(visits).to(out, named: "sink") },
        Situation(
            "a record that its topic refuses", .recordsDropped, at: "sink", .production, records: [Written(key: nil)]
        ) { streams in
            streams.stream(Topic<String?, String>("visits")).to(Topic<String?, String>("compacted"), named: "sink")
        },
        Situation(
            "negative times", .recordsDropped, at: "visits-source", .negativeTimestamp, records: [Written()]
        ) { streams in
            streams.stream(visits, named: "visits-source", timestamps: .custom { _, _ in Timestamp(ms: -5) }).to(out)
        },
        Situation(
            "an update older than a table's history", .recordsDropped, at: "prices-table", .olderThanHistory,
            topics: ["prices": 1],
            records: [Written(topic: "prices", time: 500_000), Written(topic: "prices", key: "bob", time: 5)]
        ) { streams in
            let history = VersionedStoreName<String, String>("history", historyRetention: .seconds(60))
            _ = streams.table(prices, as: history, named: "prices-table")
        },
        Situation(
            "no branch for the records", .recordsDropped, at: "by-page-", .noBranch,
            records: Array(repeating: Written(), count: 10) + [Written(value: "/shop")]
        ) {
            streams in
            streams.stream(visits).split(named: "by-page-").branch("shop") { _, page in page == "/shop" }.to(out)
        },
    ]

    static let flows: [Situation] = [
        Situation("a filter that drops all", .nothingPasses, at: "shop", records: [Written()]) { streams in
            streams.stream(visits).filter(named: "shop") { _, page in page == "/shop" }.to(out)
        },
        Situation("a flatMap without results", .nothingPasses, at: "words", records: [Written()]) { streams in
            streams.stream(visits).flatMapValues(named: "words") { _ in [String]() }.to(out)
        },
        Situation("a processor that forwards nothing", .nothingPasses, at: "silent", records: [Written()]) { streams in
            streams.stream(visits).process(named: "silent") { Silent() }.to(out)
        },
        Situation("a branch that is not taken", .branchNotTaken, at: "by-page-shop", records: [Written()]) { streams in
            let split = streams.stream(visits).split(named: "by-page-")
            split.branch("shop") { _, page in page == "/shop" }.to(out)
            split.defaultBranch("others").forEach { _, _ in }
        },
        Situation(
            "a join of streams with different keys", .noMatches, at: "pairs-merge", topics: both, records: strangers
        ) { streams in
            streams.stream(visits).join(
                streams.stream(prices), within: JoinWindows(difference: .seconds(1), grace: .zero), named: "pairs"
            ) { $0 + $1 }.to(out)
        },
        Situation(
            "a join of tables with different keys", .noMatches, at: "both", topics: both, records: strangers
        ) { streams in
            streams.table(visits).join(streams.table(prices), named: "both") { $0 + $1 }.toStream()
                .forEach { _, _ in }
        },
        Situation(
            "a foreign-key join without a match", .noMatches, at: "owner-subscription-join-foreign", topics: both,
            records: strangers
        ) { streams in
            _ = streams.table(visits).join(streams.table(prices), on: { page in page }, named: "owner") { $0 + $1 }
        },
        Situation("a topic without records", .topicEmpty, at: "visits-source", records: []) { streams in
            streams.stream(visits, named: "visits-source").to(out)
        },
        Situation(
            "a start at the end of a topic that has records", .startedAtEnd, at: "visits-source",
            records: [Written(), Written()]
        ) { streams in streams.stream(visits, named: "visits-source", start: .latest).to(out) },
    ]

    static let waits: [Situation] = [
        Situation("a window whose grace is not over", .windowOpen, at: "per-minute", records: [Written()]) { streams in
            streams.stream(visits).groupByKey()
                .windowedBy(.tumbling(.seconds(60), grace: .seconds(30)), emit: .onWindowClose)
                .count(named: "per-minute").toStream().forEach { _, _ in }
        },
        Situation("a session that is open", .windowOpen, at: "sessions", records: [Written()]) { streams in
            streams.stream(visits).groupByKey().windowedBy(
                .sessions(gap: .seconds(5), grace: .zero), emit: .onWindowClose
            )
            .count(named: "sessions").toStream().forEach { _, _ in }
        },
        Situation("a suppression that never fires", .suppressed, at: "final", records: [Written()]) { streams in
            streams.stream(visits).groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
                .suppress(.untilWindowCloses(), named: "final").toStream().forEach { _, _ in }
        },
        Situation(
            "a left join that waits", .waitsForMatch, at: "pairs-this-join", topics: both,
            records: [Written(), Written(topic: "prices", key: "bob")]
        ) { streams in
            streams.stream(visits).leftJoin(
                streams.stream(prices), within: JoinWindows(difference: .seconds(10), grace: .zero), named: "pairs"
            ) { $0 + ($1 ?? "") }.to(out)
        },
        Situation(
            "an outer join that waits", .waitsForMatch, at: "pairs-outer-this-join", topics: both, records: strangers
        ) { streams in
            streams.stream(visits).outerJoin(
                streams.stream(prices), within: JoinWindows(difference: .seconds(10), grace: .zero), named: "pairs"
            ) { ($0 ?? "") + ($1 ?? "") }.to(out)
        },
        Situation(
            "a join that waits for late rows", .waitsForLateRows, at: "priced", topics: both,
            records: [Written(), Written(topic: "prices")]
        ) { streams in
            let history = VersionedStoreName<String, String>("history", historyRetention: .seconds(60))
            streams.stream(visits).join(streams.table(prices, as: history), named: "priced", grace: .seconds(10)) {
                $0 + $1
            }.to(out)
        },
        Situation(
            "a task that waits for another partition", .waitsForPartition, at: "prices-source", topics: both,
            records: [Written(topic: "prices"), Written()], asked: 2_000,
            configure: { $0.taskIdling = .upTo(.seconds(10)) }
        ) { streams in
            streams.stream(visits, named: "visits-source").merge(streams.stream(prices, named: "prices-source"))
                .to(out)
        },
        Situation(
            "a transaction that is not committed", .uncommitted, at: nil, records: [Written()], asked: 5_000,
            configure: {
                ($0.guarantee, $0.commitInterval) = (.exactlyOnce, .seconds(3_600))
            }
        ) { streams in streams.stream(visits).to(out) },
        Situation(
            "changes that wait for a commit", .waitsForCommit, at: "counted", records: [Written()], asked: 5_000,
            configure: { $0.commitInterval = .seconds(3_600) }
        ) { streams in
            streams.stream(visits).groupByKey().count(
                as: Materialized(TableStoreName("counts"), emission: .lastPerCommit()), named: "counted"
            ).toStream().forEach { _, _ in }
        },
        Situation(
            "asynchronous work that hangs", .waitsForResults, at: "looked-up", records: [Written()], asked: 5_000
        ) { streams in
            streams.stream(visits).mapValuesAsync(named: "looked-up", timeout: .seconds(3_600)) { value in
                try await Task.sleep(for: .seconds(3_600))
                return value
            }.to(out)
        },
    ]
}

private final class Silent: Processor {
    func process(_ record: Record<String, String>) {}
    typealias KeyOut = String
    typealias ValueOut = String
}

struct ExplainTests {
    @Test(arguments: Situation.drops + Situation.flows + Situation.waits)
    func `explain reports the cause and no other`(situation: Situation) throws {
        let explanation = try situation.run()
        let found = explanation.reasons.map { Situation.Cause(kind: $0.kind, node: $0.node, drop: $0.drop) }
        #expect(Set(found) == situation.causes, "\(explanation)")
        let nodes = Set(explanation.nodes.map(\.name))
        for reason in explanation.reasons {
            #expect(reason.node.map(nodes.contains) ?? true)
            #expect(reason.node.map { reason.sentence.contains("'\($0)'") || reason.partition != nil } ?? true)
        }
    }

    // MARK: What threads wait for

    @Test func `a partition without recent records is reported as holding stream time back`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 2])
        let topology = try Topology { streams in
            streams.stream(visits).groupByKey()
                .windowedBy(.tumbling(.seconds(60), grace: .zero), emit: .onWindowClose)
                .count(named: "per-minute").toStream().forEach { _, _ in }
        }
        let thread = try fixture.thread(topology)
        try fixture.write([Written(key: "bob", time: 1, partition: 1)])
        try thread.runUntilIdle(now: 10)
        for time in 1...3 as ClosedRange<Int64> {
            try fixture.write([Written(time: time * 100_000, partition: 0)])
            try thread.runUntilIdle(now: time * 100_000)
        }
        let reasons = try thread.explained(topology, now: 400_000).reasons
        #expect(reasons.allSatisfy { $0.kind == .windowOpen && $0.node == "per-minute" })
        let idle = try #require(reasons.first { $0.partition == TopicPartition("visits", 1) })
        #expect(idle.since == Timestamp(ms: 10) && idle.task?.partition == Partition(1))
        #expect(idle.streamTime == Timestamp(ms: 1) && idle.due == Timestamp(ms: 60_000) && idle.count == 1)
        #expect(idle.sentence.contains("visits-1 has had no record since 1970-01-01T00:00:00.010Z"))
        let active = try #require(reasons.first { $0.partition == TopicPartition("visits", 0) })
        #expect(active.since == Timestamp(ms: 300_000) && active.due == Timestamp(ms: 360_000))
        try thread.stop(now: Timestamp(ms: 400_000))
    }

    @Test func `a full disk is reported until there is space again`() throws {
        let (shelf, full, fixture) = (Shelf(), FullShelf(), try ClusterFixture())
        let provider = full.provider(of: shelf)
        try fixture.create(["visits": 1])
        let topology = try Topology { streams in
            _ = streams.stream(visits).groupByKey()
                .count(
                    as: Materialized(TableStoreName<String, Int64>("counts"), kind: .custom(provider)))
        }
        let thread = try fixture.thread(topology)
        try fixture.write([Written()])
        try thread.runUntilIdle()
        try thread.commit(now: Timestamp(ms: 1), writeBehind: true)
        let reasons = try thread.explained(topology, now: 2).reasons
        #expect(reasons.map(\.kind) == [.outOfDisk])
        full.setFull(false)
        try thread.runUntilIdle(now: 3)
        #expect(try thread.explained(topology, now: 3).reasons == [])
        try thread.stop(now: Timestamp(ms: 4))
    }

    @Test func `a restore is reported with its progress`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "prices": 1])
        let topology = try Topology { streams in
            _ = streams.stream(visits).groupByKey().count(as: TableStoreName<String, Int64>("counts"), named: "counted")
            _ = streams.globalTable(prices, as: TableStoreName<String, String>("rows"), named: "global")
        }
        try fixture.write([Written(), Written(key: "bob"), Written(topic: "prices")])
        let first = try fixture.thread(topology)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 1))
        let second = try fixture.thread(topology)
        let reasons = try second.explained(topology).reasons
        #expect(reasons.map(\.kind) == [.restoring, .restoring] && reasons.map(\.node) == ["counted", "global"])
        #expect(reasons[0].count == 2 && reasons[0].partition == TopicPartition("app-counts-changelog", 0))
        try second.runUntilIdle()
        #expect(try second.explained(topology).reasons == [])
        try second.stop(now: Timestamp(ms: 1))
    }

    // MARK: Counts and samples

    @Test func `every node reports how many records it received and forwarded`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "out": 1])
        let topology = try Topology { streams in
            let words = streams.stream(visits, named: "source").flatMapValues(named: "words") {
                $0.split(separator: " ").map(String.init)
            }
            .filter(named: "long") { _, word in word.count > 2 }
            let split = words.split(named: "by-")
            split.branch("t") { _, word in word.hasPrefix("t") }.to(out, named: "sink")
            split.defaultBranch("rest").groupBy { _, word in word }.count(named: "counted").toStream().forEach(
                named: "end"
            ) { _, _ in }
        }
        try fixture.write([Written(value: "to be or not to be"), Written(value: "that is the question")])
        let thread = try fixture.thread(topology)
        try thread.settle()
        let nodes = try thread.explained(topology).nodes
        let flow = Dictionary(uniqueKeysWithValues: nodes.map { ($0.name, [$0.recordsIn, $0.recordsOut]) })
        #expect(
            flow.filter {
                !$0.key.hasPrefix("KSTREAM") && !$0.key.contains("repartition") && !$0.key.hasPrefix("KTABLE")
            } == [
                "source": [2, 2], "words": [2, 10], "long": [10, 4], "by-": [4, 4], "by-t": [2, 2], "by-rest": [2, 2],
                "sink": [2, 2], "counted": [2, 2], "end": [2, 0],
            ])
        #expect(try fixture.read(out).count == 2)
        try thread.stop(now: Timestamp(ms: 1))
    }

    @Test(arguments: DropSamples.allCases)
    func `at most five dropped records are shown, whole or masked, or none`(kept: DropSamples) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1])
        var configuration = StreamsConfiguration()
        configuration.dropSamples = kept
        configuration.onDeserializationFailure = { _ in .skip }
        let topology = try Topology { streams in
            streams.stream(Topic<String, Int64>("visits"), named: "source").forEach { _, _ in }
        }
        try fixture.write((1...8).map { Written(key: "k\($0)", value: "v\n", time: $0) })
        let thread = try fixture.thread(topology, configuration: configuration)
        try thread.runUntilIdle(now: 7_000)
        try fixture.write([Written(key: "k9", time: 9)])
        try thread.runUntilIdle(now: 9_000)
        let drop = try #require(try thread.explained(topology).nodes[0].drops.first)
        #expect(drop.count == 9 && drop.reason == .deserialization)
        #expect(drop.first == Timestamp(ms: 7_000) && drop.last == Timestamp(ms: 9_000))
        let samples = drop.samples
        #expect(samples.map(\.offset.value) == (kept == .off ? [] : [1, 2, 3, 4, 8]))
        #expect(samples.map(\.key) == (kept == .whole ? ["k2", "k3", "k4", "k5", "k9"] : samples.map { _ in nil }))
        #expect(samples.first?.value == (kept == .whole ? "0x760a" : nil))
        #expect(samples.allSatisfy { $0.partition == TopicPartition("visits", 0) && $0.time.ms == $0.offset.value + 1 })
        try thread.stop(now: Timestamp(ms: 9_001))
    }

    @Test func `each kind of reason has a section in the documentation`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Docs/Explain.md"), encoding: .utf8)
        let sections = page.split(separator: "\n").filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) }
        #expect(sections.sorted() == Explanation.Reason.Kind.allCases.map(\.rawValue).sorted())
        #expect(Explanation.Reason.Kind.startedAtEnd.page == "Docs/Explain.md#startedatend")
    }
}
