import MoldauTopology

/// An operator of the DSL before the topology is built.
///
/// The DSL collects these first, because how an operator is written into the topology may depend on its descendants:
/// whether one of them needs old values, whether a source is read twice, whether a repartition may drop records without
/// a key.
@usableFromInline final class GraphNode {
    /// The node of the built topology that children are attached to.
    let name: String
    let write: (inout Topology, [String]) throws -> Void
    private(set) var children: [GraphNode] = []
    private(set) var parents: [GraphNode] = []
    /// Nodes are written in this order, parents first.
    var buildPriority = 0
    var isWritten = false
    /// Whether it accepts records without a key: repartitions upstream must let them pass (KIP-962).
    var joinsNullKeys = false
    /// Whether it changes the key, so that one repartition below it can serve all its descendants.
    var changesKey = false
    /// Whether it changes the value, so that repartitions must not move above it.
    var changesValue = false
    /// Whether it merges streams.
    var isMerge = false
    /// Lets equal repartitions merge: the topic and serdes of a repartition that an operator needed; nil for other
    /// nodes.
    var repartition: MergeableRepartition?
    /// For windowed aggregations: how long after the end of a window its aggregate may still change.
    var grace: Duration?
    /// The innermost `diverting` scope that it was declared in.
    var scope: DiversionScope?
    /// For a source: lets sources of the same topics merge.
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

    /// Takes over the children of an equivalent node.
    func adopt(childrenOf other: GraphNode) {
        for child in other.children {
            child.parents = child.parents.map { $0 === other ? self : $0 }
            children.append(child)
        }
        other.children = []
    }

    /// Whether a node below satisfies `condition`.
    func hasDescendant(where condition: (GraphNode) -> Bool) -> Bool {
        children.contains { condition($0) || $0.hasDescendant(where: condition) }
    }

    /// This node or the nearest one above it that satisfies `condition`; with several parents, the result of the last
    /// one counts.
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
