import MoldauState

/// A part of the topology that no topic divides: it runs as one task per partition of its input topics.
package struct Subtopology: Sendable {
    /// Its number in names and texts. Global tables have numbers as well, as in Kafka Streams.
    package let number: Int
    /// In the order in which they were added: parents come before children.
    package let nodes: [TopologyNode]
    /// The stores of these nodes, in the order in which they are flushed.
    package let stores: [StoreDefinition]
    /// Marks those of its stores that have no changelog of their own.
    package let sourceChangelogs: [SourceChangelog]

    init(number: Int, nodes: [TopologyNode], in topology: Topology) {
        self.number = number
        self.nodes = nodes
        var seen: Set<String> = []
        let names = nodes.flatMap { javaHashOrder($0.stores) }.filter { seen.insert($0).inserted }
        stores = names.compactMap { name in topology.stores.first { $0.name == name } }
        sourceChangelogs = topology.sourceChangelogs.filter { seen.contains($0.store) }
    }

    /// The nodes that read topics.
    package var sources: [TopologyNode] { nodes.filter { $0.source != nil } }
    /// The topics that the sub-topology reads, by their names in the topology.
    package var sourceTopics: [String] { sources.flatMap { $0.source?.topics ?? [] } }
    /// The topics that its sinks write to, without those that are chosen for each record.
    package var sinkTopics: [String] {
        nodes.compactMap { if case .sink(let topic, _) = $0.role { topic } else { nil } }
    }
}

extension Topology {
    /// The parts that run as tasks.
    package var subtopologies: [Subtopology] {
        let global = Set(globalTables.map(\.sourceName))
        return groups.enumerated().filter { global.isDisjoint(with: $0.element) }.map { number, names in
            let names = Set(names)
            return Subtopology(number: number, nodes: nodes.filter { names.contains($0.name) }, in: self)
        }
    }

    /// Everything as one part, for the test driver.
    package var undivided: Subtopology { Subtopology(number: 0, nodes: nodes, in: self) }
}
