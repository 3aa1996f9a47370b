import Moldau
import MoldauRecords
import MoldauTesting
import MoldauTopology
import Testing

struct RepartitionMergeTests {
    static let lines = Topic<String, String>("lines")
    static let more = Topic<String, String>("more")
    static let counts = Topic<String, Int64>("counts")
    static let longest = Topic<String, String>("longest")

    /// Two aggregations after one change of key, one of them after a filter.
    private func shared(_ optimizations: Set<TopologyOptimization>) throws -> Topology {
        try Topology(TopologyOptions(optimizations: optimizations)) { streams in
            let byValue = streams.stream(Self.lines).selectKey { _, value in String(value.prefix(1)) }
            byValue.groupByKey().count().toStream().mapValues { $0 ?? 0 }.to(Self.counts)
            byValue.filter { _, value in value.count > 1 }.groupByKey()
                .reduce { $0.count < $1.count ? $1 : $0 }.toStream().mapValues { $0 ?? "" }.to(Self.longest)
        }
    }

    /// A stream with a new key and one with an unchanged key are merged.
    private func merged(_ optimizations: Set<TopologyOptimization>) throws -> Topology {
        try Topology(TopologyOptions(optimizations: optimizations)) { streams in
            let both = streams.stream(Self.lines).selectKey { _, value in String(value.prefix(1)) }
                .merge(streams.stream(Self.more))
            both.groupByKey().count().toStream().mapValues { $0 ?? 0 }.to(Self.counts)
            both.groupByKey().reduce { $0.count < $1.count ? $1 : $0 }.toStream().mapValues { $0 ?? "" }
                .to(Self.longest)
        }
    }

    private func results(_ topology: Topology) throws -> [String] {
        let driver = try TopologyTestDriver(topology, state: .memory)
        for (index, word) in ["an", "a", "ant", "be", "bee", "b"].enumerated() {
            try driver.pipe(Self.lines, key: "k", value: word, at: Timestamp(ms: Int64(index)))
            if topology.subtopologies.flatMap(\.sourceTopics).contains("more") {
                try driver.pipe(Self.more, key: "a", value: word, at: Timestamp(ms: Int64(index)))
            }
        }
        return try driver.read(from: Self.counts).map { "\($0.key)=\($0.value ?? 0)" }
            + driver.read(from: Self.longest).map { "\($0.key)=\($0.value ?? "")" }
    }

    @Test func `operators after one key change share one topic, and give the same results`() throws {
        let (apart, together) = (try shared([]), try shared([.mergeRepartitionTopics]))
        #expect(apart.repartitionTopics.count == 2)
        #expect(together.repartitionTopics.count == 1)
        #expect(try results(together) == results(apart))
        #expect(try results(together).count == 10)
    }

    @Test func `after a merge of streams, the shared topic follows the merge`() throws {
        let (apart, together) = (try merged([]), try merged([.mergeRepartitionTopics]))
        #expect(apart.repartitionTopics.count == 2)
        #expect(together.repartitionTopics.count == 1)
        // Records that have not passed through the topic are not aggregated: no aggregation reads an input directly.
        #expect(together.subtopologies.map { Set($0.sourceTopics) }.contains(["lines", "more"]))
        #expect(try results(together) == results(apart))
    }

    @Test func `a value change in between keeps the repartition topics separate`() throws {
        let topology = try Topology(TopologyOptions(optimizations: [.mergeRepartitionTopics])) { streams in
            let byValue = streams.stream(Self.lines).selectKey { _, value in value }
            byValue.groupByKey().count().toStream().mapValues { $0 ?? 0 }.to(Self.counts)
            byValue.mapValues { Int64($0.count) }.groupByKey().reduce(+).toStream().mapValues { "\($0 ?? 0)" }
                .to(Self.longest)
        }
        #expect(topology.repartitionTopics.count == 2)
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(Self.lines, key: "k", value: "ant", at: Timestamp(ms: 0))
        #expect(try driver.read(from: Self.longest).map(\.value) == ["3"])
    }
}
