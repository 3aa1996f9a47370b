import Foundation
import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology
import Testing

/// Checks the descriptions of all nodes of topologies with every operator of the DSL; `OperatorTexts` has the expected
/// ones.
struct OperatorDescriptionTests {
    private static let clicks = Topic<String, String>("clicks")
    private static let numbers = Topic<String, Int64>("numbers")
    private static let cities = Topic<String, String>("cities")

    private final class Same: Processor {
        private var context: ProcessorContext<String, String>?
        func start(_ context: ProcessorContext<String, String>) { self.context = context }
        func process(_ record: Record<String, String>) throws { try context?.forward(record) }
    }

    private final class Ending: Processor {
        func start(_ context: ProcessorContext<Never, Never>) {}
        func process(_ record: Record<String, String>) {}
    }

    private static func stateless(_ streams: StreamsBuilder) {
        let clicks = streams.stream(clicks, named: "clicks")
        _ = streams.stream(matching: TopicPattern<String, Int64>("other-.*"), named: "pattern")
        clicks.filter(named: "filter") { _, _ in true }
            .map(named: "map") { ($0, $1) }
            .mapValues(named: "mapValues") { $0 }
            .selectKey(named: "selectKey") { key, _ in key }
            .flatMap(named: "flatMap") { [($0, $1)] }
            .flatMapValues(named: "flatMapValues") { [$0] }
            .mapValuesAsync(named: "mapValuesAsync", maxInFlight: 7) { $0 }
            .peek(named: "peek") { _, _ in }
            .merge(clicks, named: "merge")
            .process(named: "process") { Same() }
            .processValues(named: "processValues") { Same() }
            .repartition(named: "repartition", partitions: 3)
            .to(Topic<String, String>("sink"), named: "sink")
        clicks.forEach(named: "forEach") { _, _ in }
        clicks.print(named: "print") { _ in }
        let split = clicks.split(named: "split-")
        split.branch { _, _ in true }
        _ = split.defaultBranch()
        let diverted = clicks.diverting(named: "divert") { $0.mapValues(named: "within") { $0 } }
        diverted.aside.mapValues(named: "aside") { $0.value }
            .to(key: String.serde, value: String.serde, named: "chosen") { _, _ in "x" }
    }

    private static func aggregations(_ streams: StreamsBuilder) {
        let grouped = streams.stream(numbers, named: "numbers").groupByKey()
        let (minute, second) = (Duration.seconds(60), Duration.seconds(1))
        _ = grouped.count(named: "count")
        _ = grouped.reduce(as: Materialized(emission: .lastPerCommit()), named: "reduce") { max($0, $1) }
        _ = grouped.aggregate(Int64(0), named: "aggregate") { $0 += $2 }
        _ = grouped.windowedBy(.tumbling(minute, grace: second)).count(named: "tumbling")
        _ = grouped.windowedBy(.hopping(minute, every: second, grace: .zero)).reduce(named: "hopping") { max($0, $1) }
        _ = grouped.windowedBy(.sliding(minute, grace: second), emit: .onWindowClose).count(named: "sliding")
        _ = grouped.windowedBy(.unlimited(from: Timestamp(ms: 5))).count(named: "unlimited")
        _ = grouped.windowedBy(CustomWindows(size: minute, grace: .zero) { _ in [] }).count(named: "custom")
        let sessions = grouped.windowedBy(.sessions(gap: second, grace: minute)).count(named: "sessions")
        _ = sessions.suppress(.untilWindowCloses(), named: "suppress-windows")
        let gathered = grouped.cogroup(Int64.self) { $0 += $2 }
        _ = gathered.aggregate(0, named: "cogroup")
        _ = gathered.windowedBy(.tumbling(minute, grace: second)).aggregate(0, named: "cogroup-windows")
    }

    private static func tables(_ streams: StreamsBuilder) {
        let cities = streams.table(cities, as: TableStoreName("cities-store"), named: "cities")
        _ = cities.mapValues(named: "rows") { $0 }.filter(named: "some-rows") { _, _ in true }
            .transformValues(named: "transformValues") { _ in { _, city in city } }
            .suppress(.untilTimeLimit(.seconds(5)), named: "suppress")
            .toStream(named: "toStream")
        let grouped = cities.groupBy(named: "groupTable") { ($1, $0) }
        _ = grouped.count(named: "count-rows")
        _ = grouped.reduce(named: "reduce-rows", adding: { $0 + $1 }, subtracting: { old, _ in old })
        _ = grouped.aggregate(
            Int64(0), named: "aggregate-rows", adding: { sum, _, _ in sum += 1 }, subtracting: { sum, _, _ in sum -= 1 }
        )
        _ = streams.stream(Topic<String, String>("table-input"), named: "table-input").toTable(named: "toTable")
        streams.addReadOnlyStore(
            ReadOnlyStoreName<String, String>("read-only"), from: Topic("read-only-input"), named: "readOnly")
        streams.addGlobalStore(
            StoreDefinition(KeyValueStoreName<String, String>("global-store")),
            from: Topic<String, String>("global-input"), named: "globalStore"
        ) { Ending() }
    }

    private static func joins(_ streams: StreamsBuilder) {
        let left = streams.stream(Topic<String, String>("left"), named: "left")
        let right = streams.stream(Topic<String, Int64>("right"), named: "right")
        let windows = JoinWindows(before: .seconds(1), after: .seconds(2), grace: .seconds(3))
        _ = left.join(right, within: windows, named: "inner") { left, _ in left }
        _ = left.leftJoin(right, within: windows, named: "left-join") { left, _ in left }
        _ = left.outerJoin(right, within: windows, named: "outer") { left, _ in left ?? "" }
        let table = streams.table(
            Topic<String, Int64>("rows"), as: VersionedStoreName("rows-store", historyRetention: .seconds(60)),
            named: "right-rows")
        _ = left.join(table, named: "row-join", grace: .seconds(4)) { left, _ in left }
        _ = left.leftJoin(table, named: "row-left-join") { left, _ in left }
        let global = streams.globalTable(Topic<String, Int64>("global-rows"), named: "global-rows")
        _ = left.join(global, on: { key, _ in key }, named: "global-join") { left, _ in left }
        _ = left.leftJoin(global, on: { key, _ in key }, named: "global-left-join") { left, _ in left }
        let one = streams.table(Topic<String, String>("one"), as: TableStoreName("one-store"), named: "one")
        let two = streams.table(Topic<String, Int64>("two"), as: TableStoreName("two-store"), named: "two")
        _ = one.join(two, named: "table-inner") { one, _ in one }
        _ = one.leftJoin(two, as: TableStoreName("joined-store"), named: "table-left") { one, _ in one }
        _ = one.outerJoin(two, named: "table-outer") { one, _ in one }
        _ = one.join(two, on: { $0 }, named: "foreign") { one, _ in one }
        _ = one.leftJoin(two, on: { $0 }, named: "foreign-left") { one, _ in one }
    }

    /// Uses generated names, so that stores need no explicit ones.
    private static func topology(_ declare: (StreamsBuilder) -> Void) throws -> Topology {
        var options = TopologyOptions()
        options.naming = .kafkaStreams
        return try Topology(options) { declare($0) }
    }

    private static func text(_ declare: (StreamsBuilder) -> Void) throws -> String {
        let topology = try topology(declare)
        let forms = Dictionary(uniqueKeysWithValues: topology.stores.map { ($0.name, $0.form?.note ?? "?") })
        let nodes = topology.nodes.map { node in
            let stores = node.stores.map { "\n    \($0): \(forms[$0] ?? "no store")" }.joined()
            return "\(node.name): \(node.operation)\(stores)"
        }
        let globals = topology.globalTables.map { "\($0.processorName): \($0.store.form?.note ?? "?")" }
        return (nodes + globals).joined(separator: "\n")
    }

    @Test func `a split has one default branch`() throws {
        let refused = #expect(throws: TopologyError.self) {
            try Topology { streams in
                let split = streams.stream(Topic<String, String>("input")).split(named: "s-")
                _ = split.defaultBranch("a")
                _ = split.defaultBranch("b")
            }
        }
        #expect(refused?.description.contains("'s-a'") == true, "\(refused as Any)")
    }

    @Test func `stateless operators, sources and sinks are described`() throws {
        #expect(try Self.text(Self.stateless) == OperatorTexts.stateless)
    }

    @Test func `aggregations are described with their windows`() throws {
        #expect(try Self.text(Self.aggregations) == OperatorTexts.aggregations)
    }

    @Test func `tables are described with their stores`() throws {
        #expect(try Self.text(Self.tables) == OperatorTexts.tables)
    }

    @Test func `joins of streams and tables are described`() throws {
        #expect(try Self.text(Self.joins) == OperatorTexts.joins)
    }

    @Test func `a stream joined with itself on one store is described as a self-join`() throws {
        var options = TopologyOptions()
        options.optimizations = [.singleStoreSelfJoin]
        options.naming = .kafkaStreams
        let topology = try Topology(options) { streams in
            let clicks = streams.stream(Self.clicks, named: "clicks")
            let windows = JoinWindows(before: .seconds(1), after: .seconds(2), grace: .seconds(3))
            _ = clicks.leftJoin(clicks, within: windows, named: "pairs") { left, _ in left }
        }
        #expect(
            topology.nodes.map { "\($0.name): \($0.operation)" } == [
                "clicks: source of utf8 to utf8",
                "pairs-this-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms",
                "pairs-merge: left selfJoin from 1000 ms before to 2000 ms after, grace 3000 ms",
            ])
        let bytes = try JSONEncoder().encode(topology.nodes.map(\.operation))
        #expect(try JSONDecoder().decode([OperatorDescription].self, from: bytes) == topology.nodes.map(\.operation))
    }

    @Test func `a custom operator is described as custom, and a processor as a processor`() throws {
        let topology = try Topology { streams in
            let _: KStream<String, String> = streams.stream(Self.clicks, named: "clicks")
                .adding(named: "own", prefix: "OWN-") { try $0.next(String.self, String.self) }
        }
        #expect(topology["own"]?.operation == .custom)
        var built = Topology()
        try built.addSource("source", reading: [Self.clicks])
        try built.addProcessor("processor", after: ["source"]) { Same() }
        try built.addSink("sink", to: Self.numbers, after: ["processor"])
        #expect(
            built.nodes.map { "\($0.operation)" } == ["source of utf8 to utf8", "process", "sink of utf8 to int64"])
    }

    @Test func `descriptions survive encoding, and are not part of Kafka's topology text`() throws {
        for declare in [Self.stateless, Self.aggregations, Self.tables, Self.joins] {
            let topology = try Self.topology(declare)
            let operations = topology.nodes.map(\.operation)
            #expect(!operations.contains(.custom))
            let bytes = try JSONEncoder().encode(operations)
            #expect(try JSONDecoder().decode([OperatorDescription].self, from: bytes) == operations)
            #expect(!topology.describe().description.contains(" windows of "))
        }
    }
}
