import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Several streams that update one aggregate.
struct CogroupTests {
    private let deposits = Topic<String, Int64>("deposits")
    private let names = Topic<String, String>("names")
    private let out = Topic<String, String>("out")

    private func driver(_ emission: Emission) throws -> TopologyTestDriver {
        let topology = try Topology(TopologyOptions(emission: emission)) { streams in
            streams.stream(deposits).groupByKey().cogroup(String.self) { text, _, amount in text += "+\(amount)" }
                .cogroup(streams.stream(names).groupByKey()) { text, _, name in text += name }
                .aggregate("", as: TableStoreName<String, String>("accounts"))
                .toStream().to(out)
        }
        return try TopologyTestDriver(topology)
    }

    @Test(arguments: [Emission.everyChange, .lastPerCommit()])
    func `streams of different types update one aggregate`(emission: Emission) throws {
        let driver = try driver(emission)
        try driver.pipe(deposits, key: "a", value: 5, at: Timestamp(ms: 1))
        try driver.pipe(names, key: "a", value: "x", at: Timestamp(ms: 0))
        try driver.pipe(deposits, key: "a", value: 7, at: Timestamp(ms: 2))
        let rows = try driver.read(from: out)
        #expect(rows.map(\.value) == ["+5", "+5x", "+5x+7"])
        #expect(rows.map(\.timestamp.ms) == [1, 1, 2])
    }

    /// Both streams change the key in one commit; the second one last.
    @Test func `buffered changes of several streams are applied in the order in which they were made`() throws {
        let both = Topic<String, String>("both")
        let topology = try Topology(TopologyOptions(emission: .lastPerCommit())) { streams in
            let input = streams.stream(both)
            input.mapValues { "A" + $0 }.groupByKey().cogroup(String.self) { text, _, value in text += value }
                .cogroup(input.mapValues { "B" + $0 }.groupByKey()) { text, _, value in text += value }
                .aggregate("").toStream().to(out)
        }
        let driver = try TopologyTestDriver(topology)
        for value in ["1", "2"] { try driver.pipe(both, key: "k", value: value, at: Timestamp(ms: 0)) }
        #expect(try driver.read(from: out).map(\.value) == ["A1B1", "A1B1A2B2"])
    }

    @Test func `repartitions each stream whose key was changed`() throws {
        let topology = try Topology { streams in
            streams.stream(deposits).groupBy(named: "by-size") { _, amount in String(amount) }
                .cogroup(Int64.self) { sum, _, amount in sum += amount }
                .cogroup(streams.stream(names).groupByKey()) { sum, _, _ in sum += 1 }
                .windowedBy(.tumbling(.milliseconds(10), grace: .zero)).aggregate(0)
                .toStream { windowed, _ in windowed.key }.to(Topic<String, Int64>("sums"))
        }
        #expect(topology.repartitionTopics.map(\.name) == ["by-size-repartition"])
        #expect(topology.copartitionGroups == [["by-size-repartition", "names"]])
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(deposits, key: "a", value: 5, at: Timestamp(ms: 1))
        try driver.pipe(names, key: "5", value: "x", at: Timestamp(ms: 2))
        #expect(try driver.read(from: Topic<String, Int64>("sums")).map(\.value) == [5, 6])
    }
}
