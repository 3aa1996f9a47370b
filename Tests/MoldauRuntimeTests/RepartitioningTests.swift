import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTopology
import Testing

/// Where repartition topics are inserted: before operators that need equal keys in one partition, if an upstream
/// operator changed the keys.
struct RepartitioningTests {
    typealias Texts = KStream<String, String>

    private static let input = Topic<String, String>("input")
    private static let rows = Topic<String, String>("rows")

    /// An operator by its name.
    struct Step: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let apply: @Sendable (Texts, StreamsBuilder) -> Texts

        init(_ name: String, _ apply: @escaping @Sendable (Texts, StreamsBuilder) -> Texts) {
            (testDescription, self.apply) = (name, apply)
        }
    }

    private func topics(_ steps: [Step]) throws -> Int {
        try Topology { streams in
            steps.reduce(streams.stream(Self.input)) { $1.apply($0, streams) }.to(Topic("out"))
        }.repartitionTopics.count
    }

    private static let windows = TimeWindows.tumbling(.seconds(1), grace: .zero)
    private static let joinWindows = JoinWindows(difference: .seconds(1), grace: .zero)

    static let changing = [
        Step("map") { stream, _ in stream.map { ($1, $0) } },
        Step("flatMap") { stream, _ in stream.flatMap { [($1, $0)] } },
        Step("selectKey") { stream, _ in stream.selectKey { $1 } },
        Step("process") { stream, _ in stream.process { Passing() } },
        Step("toStream(key:)") { stream, _ in texts(stream.toTable().toStream { key, value in value ?? key }) },
    ]

    static let keeping = [
        Step("filter") { stream, _ in stream.filter { _, _ in true } },
        Step("mapValues") { stream, _ in stream.mapValues { $0 } },
        Step("mapValuesAsync") { stream, _ in stream.mapValuesAsync { $0 } },
        Step("flatMapValues") { stream, _ in stream.flatMapValues { [$0] } },
        Step("processValues") { stream, _ in stream.processValues { Passing() } },
        Step("peek") { stream, _ in stream.peek { _, _ in } },
        Step("split") { stream, _ in
            stream.split(named: "s-").defaultBranch("all")
        },
        Step("diverting") { stream, _ in stream.diverting { $0.mapValues { $0 } }.result },
        Step("merge") { stream, streams in stream.merge(streams.stream(rows)) },
        Step("join with a global table") { stream, streams in
            stream.join(streams.globalTable(rows), on: { key, _ in key }) { $0 + $1 }
        },
    ]

    static let consuming = [
        Step("count") { stream, _ in numbers(stream.groupByKey().count().toStream()) },
        Step("reduce") { stream, _ in texts(stream.groupByKey().reduce { $0 + $1 }.toStream()) },
        Step("aggregate") { stream, _ in
            texts(stream.groupByKey().aggregate("") { text, _, value in text += value }.toStream())
        },
        Step("windows") { stream, _ in unwindowed(stream.groupByKey().windowedBy(windows).count()) },
        Step("sliding windows") { stream, _ in
            unwindowed(stream.groupByKey().windowedBy(.sliding(.seconds(1), grace: .zero)).count())
        },
        Step("sessions") { stream, _ in
            unwindowed(stream.groupByKey().windowedBy(.sessions(gap: .seconds(1), grace: .zero)).count())
        },
        Step("diverting of a grouping") { stream, _ in
            unwindowed(stream.groupByKey().diverting(.late) { $0.windowedBy(windows).count() }.result)
        },
        Step("cogroup") { stream, _ in
            texts(
                stream.groupByKey().cogroup(String.self) { text, _, value in text += value }.aggregate("").toStream())
        },
        Step("toTable") { stream, _ in texts(stream.toTable().toStream()) },
        Step("join with a table") { stream, streams in stream.join(streams.table(rows)) { $0 + $1 } },
        Step("leftJoin with a table") { stream, streams in
            stream.leftJoin(streams.table(rows)) { $0 + ($1 ?? "") }
        },
        Step("join") { stream, streams in stream.join(streams.stream(rows), within: joinWindows) { $0 + $1 } },
        Step("join, as the other side") { stream, streams in
            streams.stream(rows).join(stream, within: joinWindows) { $0 + $1 }
        },
        Step("leftJoin") { stream, streams in
            stream.leftJoin(streams.stream(rows), within: joinWindows) { $0 + ($1 ?? "") }
        },
        Step("outerJoin") { stream, streams in
            stream.outerJoin(streams.stream(rows), within: joinWindows) { ($0 ?? "") + ($1 ?? "") }
        },
        Step("repartitioned table join with grace") { stream, streams in
            let table = streams.table(rows, as: VersionedStoreName("rows-store", historyRetention: .seconds(9)))
            return stream.join(table, grace: .seconds(1)) { $0 + $1 }
        },
    ]

    private static func texts(_ stream: KStream<String, String?>) -> Texts { stream.mapValues { $0 ?? "" } }
    private static func numbers(_ stream: KStream<String, Int64?>) -> Texts { stream.mapValues { "\($0 ?? 0)" } }

    /// The window is dropped from the key, so the key is the original one again.
    private static func unwindowed(_ table: KTable<Windowed<String>, Int64>) -> Texts {
        numbers(table.toStream { key, _ in key.key })
    }

    @Test(arguments: consuming)
    func `an unchanged key needs no repartition topic`(consumer: Step) throws {
        #expect(try topics([consumer]) == 0)
    }

    @Test(arguments: changing, consuming)
    func `a repartition topic is inserted between a key change and an operator that uses keys`(
        change: Step, consumer: Step
    ) throws {
        #expect(try topics([change]) == 0)
        #expect(try topics([change, consumer]) == 1)
    }

    @Test(arguments: keeping)
    func `operators that keep keys neither need a repartition topic nor replace one`(step: Step) throws {
        let count = Self.consuming[0]
        #expect(try topics([step]) == 0)
        #expect(try topics([step, count]) == 0)
        #expect(try topics([Self.changing[2], step, count]) == 1)
    }

    @Test(arguments: consuming.filter { !["windows", "sliding windows", "sessions"].contains($0.testDescription) })
    func `operators after a repartition need no further repartition topic`(consumer: Step) throws {
        let last = Step("last") { stream, _ in
            Self.numbers(stream.groupByKey().count(as: TableStoreName<String, Int64>("last")).toStream())
        }
        let before = try topics([Self.changing[2], consumer])
        let behind = consumer.testDescription == "diverting of a grouping" ? before + 1 : before
        #expect(try topics([Self.changing[2], consumer, last]) == behind)
    }

    @Test func `an explicit repartition adds one topic, and a table's grouping always has one`() throws {
        let explicit = Step("repartition") { stream, _ in stream.repartition() }
        #expect(try topics([explicit, Self.consuming[0]]) == 1)
        #expect(try topics([Self.changing[2], explicit, Self.consuming[0]]) == 1)
        let grouped = Step("groupBy") { stream, _ in
            Self.numbers(stream.toTable().groupBy { ($0, $1) }.count().toStream())
        }
        #expect(try topics([grouped]) == 1)
    }

    @Test func `a processor with stores after a key change causes a warning, one without does not`() throws {
        let kept = KeyValueStoreName<String, String>("kept")
        func warnings(_ changed: Bool, _ stores: [any StoreName]) throws -> [TopologyWarning] {
            try Topology { streams in
                streams.addStore(StoreDefinition(kept))
                let stream = streams.stream(Self.input)
                let used = changed ? stream.selectKey { $1 } : stream
                used.processValues(named: "keep", stores: stores) { Passing() }.to(Topic("out"))
                used.process(named: "use", stores: [kept]) { Passing() }.repartition()
                    .process(named: "later", stores: [kept]) { Passing() }.to(Topic("later"))
            }.warnings
        }
        #expect(try warnings(false, [kept]) == [])
        #expect(
            try warnings(true, [kept]) == [
                .storesBehindKeyChange(node: "keep", stores: ["kept"]),
                .storesBehindKeyChange(node: "use", stores: ["kept"]),
            ])
        #expect(try warnings(true, []) == [.storesBehindKeyChange(node: "use", stores: ["kept"])])
    }

    @Test(arguments: [false, true])
    func `a count's repartition topic has no values, unless repartition topics are merged`(merges: Bool) throws {
        let nullable = Topic<String, String?>("input")
        var options = TopologyOptions()
        if merges { options.optimizations = [.mergeRepartitionTopics] }
        let topology = try Topology(options) { streams in
            streams.stream(nullable).selectKey { _, value in value ?? "none" }.groupByKey().count().toStream()
                .to(Topic("counts"))
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.input(nullable).pipe(records: [
            Record(key: "k", value: "x", timestamp: Timestamp(ms: 1)),
            Record(key: "k", value: .some(.none), timestamp: Timestamp(ms: 2)),
            Record(key: "k", value: "x", timestamp: Timestamp(ms: 3)),
        ])
        let repartition = try #require(topology.repartitionTopics.first)
        let between = driver.readBytes(from: repartition.name)
        #expect(between.map(\.key) == ["x", "none", "x"].map { Array($0.utf8) })
        #expect(between.map(\.value) == (merges ? [Array("x".utf8), nil, Array("x".utf8)] : [[], nil, []]))
        // A record without a value is not counted, as always.
        let counts = try driver.read(from: Topic<String, Int64>("counts"))
        #expect(counts.map(\.key) == ["x", "x"])
        #expect(counts.map(\.value) == [1, 2])
        #expect(driver.drops.filter { $0.key.reason == .nullValue }.map(\.value) == [1])
    }

    @Test func `equal new keys from several partitions are counted together`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 3, "counts": 1])
        let counts = Topic<String, Int64>("counts")
        let topology = try Topology { streams in
            streams.stream(Self.input).selectKey { $1 }.groupByKey().count().toStream().to(counts)
        }
        for partition in 0..<3 as Range<Int32> {
            for value in ["x", "y"] { try fixture.write("input", "k", value, at: 1, partition: partition) }
        }
        let thread = try fixture.thread(topology)
        try thread.runUntilIdle()
        try thread.commit(now: Timestamp(ms: 0))
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        let last = try fixture.read(counts).reduce(into: [:]) { $0[$1.key] = $1.value }
        #expect(last == ["x": 3, "y": 3])
    }
}

private final class Passing: Processor {
    private var context: ProcessorContext<String, String>?

    func start(_ context: ProcessorContext<String, String>) { self.context = context }
    func process(_ record: Record<String, String>) throws { try context?.forward(record) }
}
