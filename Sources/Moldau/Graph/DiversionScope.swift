import MoldauTopology
import Synchronization

/// The operators of a part of the topology whose discards go aside: known when they are written.
final class DiversionScope: Sendable {
    private let name: String
    let outer: DiversionScope?
    private let names = Mutex<Set<String>>([])

    init(_ name: String, in outer: DiversionScope?) { (self.name, self.outer) = (name, outer) }

    /// The nodes and stores that were written, those of scopes within this one too.
    var nodes: Set<String> { names.withLock { $0 } }

    /// Takes note of the nodes and stores that `write` adds.
    /// - Throws: `TopologyError.invalidSetting` where it adds a topic: what comes back from there is not the record that the scope
    ///   knows.
    func noting(_ topology: inout Topology, _ write: (inout Topology) throws -> Void) throws {
        let (nodeCount, storeCount) = (topology.nodes.count, topology.stores.count)
        let topicCount = topology.repartitionTopics.count
        try write(&topology)
        if let topic = topology.repartitionTopics.dropFirst(topicCount).first {
            throw TopologyError.invalidSetting(
                name: name,
                reason:
                    "records go through the topic '\(topic.name)' there, and are others behind it: repartition() or "
                    + "groupBy before diverting")
        }
        add(topology.nodes.dropFirst(nodeCount).map(\.name) + topology.stores.dropFirst(storeCount).map(\.name))
    }

    private func add(_ added: [String]) {
        names.withLock { $0.formUnion(added) }
        outer?.add(added)
    }
}
