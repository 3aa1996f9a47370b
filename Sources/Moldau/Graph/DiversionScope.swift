import MoldauTopology
import Synchronization

/// The operators declared inside one `diverting` call, whose dropped records are diverted. Their nodes are known once
/// they are written into the topology.
final class DiversionScope: Sendable {
    private let name: String
    let outer: DiversionScope?
    private let names = Mutex<Set<String>>([])

    init(_ name: String, in outer: DiversionScope?) { (self.name, self.outer) = (name, outer) }

    /// The nodes and stores written so far, including those of inner scopes.
    var nodes: Set<String> { names.withLock { $0 } }

    /// Records the nodes and stores that `write` adds.
    /// - Throws: `TopologyError.invalidSetting` if it adds a repartition topic: a record that is read back from there
    ///   is not the scope's own record.
    func noting(_ topology: inout Topology, _ write: (inout Topology) throws -> Void) throws {
        let (nodeCount, storeCount) = (topology.nodes.count, topology.stores.count)
        let topicCount = topology.repartitionTopics.count
        try write(&topology)
        if let topic = topology.repartitionTopics.dropFirst(topicCount).first {
            throw TopologyError.invalidSetting(
                name: name,
                reason:
                    "its records pass through the topic '\(topic.name)' and are different records after it; call "
                    + "repartition() or groupBy before diverting")
        }
        add(topology.nodes.dropFirst(nodeCount).map(\.name) + topology.stores.dropFirst(storeCount).map(\.name))
    }

    private func add(_ added: [String]) {
        names.withLock { $0.formUnion(added) }
        outer?.add(added)
    }
}
