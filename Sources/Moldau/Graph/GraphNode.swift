import MoldauTopology

/// An operator of the DSL before the topology is built.
///
/// The DSL first collects these, because what one writes in the topology may depend on what follows it: whether someone downstream
/// needs old values, whether a source is read twice, whether a repartition may drop records without a key.
public final class GraphNode {
    /// The node that children follow in the built topology.
    let name: String
    let write: (inout Topology, [String]) throws -> Void
    private(set) var children: [GraphNode] = []
    private(set) var parents: [GraphNode] = []
    /// Nodes are written in this order, parents first.
    var buildPriority = 0
    var isWritten = false
    /// Takes records without a key: repartitions upstream must let them pass (KIP-962).
    var joinsNullKeys = false
    /// Whether keys are new behind it, so that one repartition there can serve all below.
    var changesKey = false
    /// Whether repartitions must stay below it.
    var changesValue = false
    /// Where streams become one.
    var isMerge = false
    /// What a repartition was put in for an operator with, so that several may become one.
    var repartition: MergeableRepartition?
    /// How long after the end of a window its aggregate may still change, where the node makes windows.
    var grace: Duration?
    /// The operators that it was declared among, where what they discard goes aside.
    var scope: DiversionScope?
    /// What a source reads, so that two sources of the same topics become one.
    var source: SourceIdentity?

    struct SourceIdentity: Equatable {
        let topics: [String]
        let pattern: String?
        let type: ObjectIdentifier
    }

    /// - Parameter write: adds the operator's nodes to the topology; gets the names of the nodes that they follow.
    init(_ name: String, write: @escaping (inout Topology, [String]) throws -> Void) {
        self.name = name
        self.write = write
    }

    func add(child: GraphNode) {
        children.append(child)
        child.parents.append(self)
    }

    func remove(child: GraphNode) {
        children.removeAll { $0 === child }
        child.parents.removeAll { $0 === self }
    }

    /// Takes over the children of a node that does the same.
    func adopt(childrenOf other: GraphNode) {
        for child in other.children {
            child.parents = child.parents.map { $0 === other ? self : $0 }
            children.append(child)
        }
        other.children = []
    }

    /// Whether some node below answers to `condition`.
    func hasDescendant(where condition: (GraphNode) -> Bool) -> Bool {
        children.contains { condition($0) || $0.hasDescendant(where: condition) }
    }

    /// This node or the first above it that answers to `condition`; of several parents, the last one's finding counts.
    func nearest(where condition: (GraphNode) -> Bool) -> GraphNode? {
        if condition(self) { return self }
        if let parent = parents.first(where: condition) { return parent }
        return parents.reduce(nil) { $1.nearest(where: condition) }
    }

    /// The sources above this node.
    var sources: Set<ObjectIdentifier> {
        // Only the root has no parents.
        if parents.allSatisfy(\.parents.isEmpty) { return [ObjectIdentifier(self)] }
        return parents.reduce(into: []) { $0.formUnion($1.sources) }
    }
}
