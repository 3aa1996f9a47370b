import Moldau
import MoldauTesting
import Synchronization
import Testing

/// A wrapper around all nodes.
struct NodeWrapperTests {
    /// Counts the records that each node receives.
    private final class Counter: NodeWrapper {
        private let counts = Mutex<[String: Int]>([:])
        var all: [String: Int] { counts.withLock { $0 } }

        func wrap<Key, Value>(
            _ receive: @escaping (Record<Key, Value>) throws -> Void, of node: WrappedNode
        ) -> (Record<Key, Value>) throws -> Void {
            { record in
                self.counts.withLock { $0[node.name, default: 0] += 1 }
                try receive(record)
            }
        }
    }

    @Test func `a wrapper sees every record of every node, including those of the DSL`() throws {
        let (input, output) = (Topic<String, String>("input"), Topic<String, Int64>("output"))
        let counter = Counter()
        let topology = try Topology(TopologyOptions(naming: .kafkaStreams, wrapper: counter)) { streams in
            streams.stream(input).filter(named: "long") { _, value in value.count > 1 }
                .groupBy(named: "by-value") { _, value in value }
                .count(named: "count").toStream(named: "rows").to(output, named: "out")
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.input(input).pipe(pairs: [("a", "xx"), ("b", "y"), ("c", "xx")])
        #expect(try driver.read(from: output).map(\.value) == [1, 2])
        for (node, count) in ["long": 3, "count": 2, "rows": 2, "out": 2] { #expect(counter.all[node] == count) }
    }
}
