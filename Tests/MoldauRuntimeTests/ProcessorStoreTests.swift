import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Processors that declare their stores, and topologies built node by node.
struct ProcessorStoreTests {
    private final class Numbered: Processor {
        static let counts = KeyValueStoreName<String, Int>("counts")
        static let storeDefinitions = [StoreDefinition(counts)]
        private var context: ProcessorContext<String, String>?
        private var counts: KeyValueStore<String, Int>?

        func start(_ context: ProcessorContext<String, String>) throws {
            (self.context, counts) = (context, try context.store(Self.counts))
        }

        func process(_ record: Record<String, String>) throws {
            let number = try counts?.update(record.key) { ($0 ?? 0) + 1 }.new ?? 0
            try context?.forward(record.with(value: "\(number) \(record.value)"))
        }
    }

    /// Like `Numbered`, with a store that the topology adds.
    private final class Guest: Processor {
        private let inner = Numbered()
        func start(_ context: ProcessorContext<String, String>) throws { try inner.start(context) }
        func process(_ record: Record<String, String>) throws { try inner.process(record) }
    }

    private let first = Topic<String, String>("first")
    private let second = Topic<String, String>("second")
    private let output = Topic<String, String>("output")

    private func pipe(_ topology: Topology) throws -> [String] {
        let driver = try TopologyTestDriver(topology, state: .memory)
        for (topic, value) in [(first, "x"), (second, "y")] {
            try driver.pipe(topic, key: "a", value: value, at: Timestamp(ms: 1))
        }
        return try driver.read(from: output).compactMap(\.value)
    }

    @Test func `processors of one class share the stores that the class declares, in one sub-topology`() throws {
        let topology = try Topology { streams in
            for topic in [first, second] { streams.stream(topic).process { Numbered() }.to(output) }
        }
        #expect(topology.subtopologies.count == 1)
        #expect(try pipe(topology) == ["1 x", "2 y"])
    }

    @Test func `a store of the same name from another definition is rejected`() throws {
        #expect(throws: TopologyError.duplicateName(kind: "store", name: "counts")) {
            try Topology { streams in
                streams.addStore(StoreDefinition(Numbered.counts))
                streams.stream(first).process { Numbered() }.to(output)
            }
        }
    }

    @Test func `a definition that is added twice is one store, and is rejected if its settings differ`() throws {
        let counts = StoreDefinition(Numbered.counts)
        let topology = try Topology { streams in
            for topic in [first, second] {
                streams.addStore(counts)
                streams.stream(topic).process(stores: [Numbered.counts]) { Guest() }.to(output)
            }
        }
        #expect(topology.stores.map(\.name) == ["counts"])
        #expect(topology.subtopologies.count == 1)
        #expect(try pipe(topology) == ["1 x", "2 y"])
        #expect(throws: TopologyError.duplicateName(kind: "store", name: "counts")) {
            try Topology { streams in
                var unlogged = counts
                unlogged.isLogged = false
                for store in [counts, unlogged] { streams.addStore(store) }
                streams.stream(first).to(output)
            }
        }
    }

    @Test func `a topology can be built node by node`() throws {
        var topology = Topology()
        try topology.addSource("source", reading: [first, second])
        try topology.addProcessor("numbered", after: ["source"]) { Numbered() }
        try topology.addSink("sink", to: output, after: ["numbered"])
        #expect(try pipe(topology) == ["1 x", "2 y"])
        #expect(throws: TopologyError.noTopic(source: "nothing")) {
            try topology.addSource("nothing", reading: [Topic<String, String>]())
        }
        #expect(throws: TopologyError.unknownParent(node: "lost", parent: "nobody")) {
            try topology.addSink("lost", to: output, after: ["nobody"])
        }
    }
}

/// Generated names of stores and topics, and `TopologyOptions.requiresNames`.
struct RequiredNameTests {
    private let input = Topic<String, String>("input")
    private let first = Topic<String, String>("first")
    private let output = Topic<String, String>("output")
    private let store = TableStoreName<String, Int64>("counts")

    @Test func `stores that differ only in their order are rejected until one is named`() throws {
        let options = TopologyOptions(naming: .stable)
        let error = #expect(throws: TopologyError.self) {
            try Topology(options) { streams in
                let grouped = streams.stream(first).groupByKey()
                _ = grouped.count()
                _ = grouped.count()
            }
        }
        #expect(error == .indistinguishable(first: "first-count", other: "first-count-2"))
        #expect(error?.description.contains("the name 'first-count-2' keeps the existing data") == true)
        // It makes no difference which of the two has the name, or where the other one is.
        for isFirstNamed in [true, false] {
            let named = TableStoreName<String, Int64>("first-count-2")
            let topology = try Topology(options) { streams in
                let grouped = streams.stream(first).groupByKey()
                _ = grouped.count(as: isFirstNamed ? named : nil)
                _ = grouped.count(as: isFirstNamed ? nil : named)
            }
            #expect(topology.stores.map(\.name).sorted() == ["first-count", "first-count-2"])
        }
    }

    @Test func `topics that differ only in their order are rejected too`() {
        #expect(
            throws: TopologyError.indistinguishable(
                first: "first-rekeyed-repartition", other: "first-rekeyed-2-repartition")
        ) {
            try Topology { streams in
                for _ in 0..<2 { streams.stream(first).selectKey { _, value in value }.repartition().to(output) }
            }
        }
    }

    /// The numbers of Java's `count()`, `count(Materialized.with(…))` and `count(Materialized.as(…))`.
    @Test func `a count is numbered as in Kafka Streams, with and without a Materialized`() throws {
        func stores(_ count: (KGroupedStream<String, String>) -> Void) throws -> [String] {
            try Topology(TopologyOptions(naming: .kafkaStreams)) { count($0.stream(first).groupByKey()) }
                .stores.map(\.name)
        }
        let prefix = "KSTREAM-AGGREGATE-STATE-STORE-000000000"
        let hour = TimeWindows.tumbling(.seconds(3_600), grace: .zero)
        let gap = SessionWindows.sessions(gap: .seconds(60), grace: .zero)
        let sliding = TimeWindows.sliding(.seconds(60), grace: .zero)
        #expect(try stores { _ = $0.count() } == [prefix + "1"])
        #expect(try stores { _ = $0.count(as: Materialized()) } == [prefix + "2"])
        #expect(try stores { _ = $0.count(named: "counted") } == [prefix + "1"])
        #expect(try stores { _ = $0.windowedBy(hour).count() } == [prefix + "1"])
        #expect(try stores { _ = $0.windowedBy(hour).count(as: Materialized()) } == [prefix + "2"])
        #expect(try stores { _ = $0.windowedBy(gap).count() } == [prefix + "1"])
        #expect(try stores { _ = $0.windowedBy(gap).count(as: Materialized()) } == [prefix + "2"])
        #expect(try stores { _ = $0.windowedBy(sliding).count(as: Materialized()) } == [prefix + "1"])
        #expect(try stores { _ = $0.reduce { $0 + $1 } } == ["KSTREAM-REDUCE-STATE-STORE-0000000001"])
    }

    private func build(_ naming: Naming, _ declare: (KStream<String, String>) -> Void) throws {
        var options = TopologyOptions(naming: naming)
        options.requiresNames = true
        _ = try Topology(options) { declare($0.stream(input)) }
    }

    @Test(arguments: [Naming.stable, .kafkaStreams])
    func `a topology with explicit names only is accepted`(naming: Naming) throws {
        try build(naming) { $0.groupBy(named: "by-word") { _, word in word }.count(as: store).toStream().print() }
        try build(naming) { $0.filter { _, _ in true }.mapValues { $0 + "!" }.print() }
        let windows = JoinWindows(difference: .seconds(1), grace: .zero)
        try build(naming) {
            $0.leftJoin($0, within: windows, named: "pairs", storesNamed: "pairs") { $0 + ($1 ?? "") }.print()
        }
    }

    @Test(arguments: [
        (Naming.stable, ["input-count", "input-count-repartition"]),
        (
            .kafkaStreams,
            [
                "KSTREAM-AGGREGATE-STATE-STORE-0000000002",
                "KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition",
            ]
        ),
    ])
    func `generated names are reported`(naming: Naming, names: [String]) throws {
        #expect(throws: TopologyError.unnamed(names)) {
            try build(naming) { $0.groupBy { _, word in word }.count().toStream().print() }
        }
    }

    @Test func `the generated names of a join's stores are reported`() throws {
        let windows = JoinWindows(difference: .seconds(1), grace: .zero)
        #expect(throws: TopologyError.unnamed(["input-input-other-join-store", "input-input-this-join-store"])) {
            try build(.stable) { $0.join($0, within: windows) { $0 + $1 }.print() }
        }
    }
}
