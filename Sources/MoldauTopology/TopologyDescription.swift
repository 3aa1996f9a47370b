// The text of Kafka Streams' `Topology.describe()`, including its order of nodes, so that existing tools and people can
// read it.

import MoldauState

/// Describes the graph in the format of Kafka Streams' `Topology.describe()`.
public struct TopologyDescription: CustomStringConvertible {
    private let topology: Topology

    init(_ topology: Topology) { self.topology = topology }

    public var description: String {
        var text = "Topologies:\n "
        for (number, names) in topology.groups.enumerated() {
            if let table = topology.globalTables.first(where: { names.contains($0.sourceName) }) {
                text += "  Sub-topology: \(number) for global store (will not generate tasks)\n" + describe(table)
            } else {
                text += "  Sub-topology: \(number)\n" + describe(names) + "\n"
            }
        }
        return text
    }

    private func describe(_ table: GlobalTableNode) -> String {
        "    Source: \(table.sourceName) (topics: [\(table.topic)])\n      --> \(table.processorName)\n"
            + "    Processor: \(table.processorName) (stores: [\(table.store.name)])\n      --> none\n"
            + "      <-- \(table.sourceName)\n"
    }

    private func describe(_ names: [String]) -> String {
        let graph = SortedGraph(javaHashOrder(javaHashOrder(names)).compactMap { topology[$0] })
        return graph.sorted(names).compactMap { topology[$0] }.map { "    " + describe($0, in: graph) + "\n" }.joined()
    }

    private func describe(_ node: TopologyNode, in graph: SortedGraph) -> String {
        let successors = "\n      --> " + list(graph.successors(of: node.name))
        let predecessors = "\n      <-- " + list(graph.predecessors(of: node.name))
        switch node.role {
        case .source(let source):
            let topics = source.pattern ?? "[\(javaHashOrder(source.topics).joined(separator: ", "))]"
            return "Source: \(node.name) (topics: \(topics))" + successors
        case .processor:
            let stores = javaHashOrder(node.stores).joined(separator: ", ")
            return "Processor: \(node.name) (stores: [\(stores)])" + successors + predecessors
        case .sink(let topic, _):
            return "Sink: \(node.name) (\(topic.map { "topic: \($0)" } ?? "extractor: per record"))" + predecessors
        }
    }

    private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}

extension Topology {
    /// The graph as text, in Kafka Streams' format and order.
    public func describe() -> TopologyDescription { TopologyDescription(self) }
}

/// Nodes ordered by the number of paths below them, then by name. Kafka Streams sorts neighbours while it is still
/// counting paths, so the order in which edges are visited affects the result; this visits them in the same order.
private struct SortedGraph {
    private var predecessors: [String: JavaTreeOrder] = [:]
    private var successors: [String: JavaTreeOrder] = [:]
    private var sizes: [String: Int] = [:]

    init(_ nodes: [TopologyNode]) {
        for node in nodes { sizes[node.name] = 1 }
        for node in nodes {
            for parent in node.parents {
                let sizes = sizes
                predecessors[node.name, default: JavaTreeOrder()].insert(parent) { Self.precedes($0, $1, sizes) }
                successors[parent, default: JavaTreeOrder()].insert(node.name) { Self.precedes($0, $1, sizes) }
                grow(parent, by: sizes[node.name] ?? 1)
            }
        }
    }

    func sorted(_ names: [String]) -> [String] { names.sorted { Self.precedes($0, $1, sizes) } }
    func predecessors(of name: String) -> [String] { predecessors[name]?.names ?? [] }
    func successors(of name: String) -> [String] { successors[name]?.names ?? [] }

    private static func precedes(_ left: String, _ right: String, _ sizes: [String: Int]) -> Bool {
        let (leftSize, rightSize) = (sizes[left] ?? 1, sizes[right] ?? 1)
        return leftSize == rightSize ? left < right : leftSize > rightSize
    }

    private mutating func grow(_ name: String, by size: Int) {
        sizes[name, default: 1] += size
        for parent in predecessors(of: name) { grow(parent, by: size) }
    }
}
