/// The topic and serdes of a repartition that an operator needed.
struct MergeableRepartition {
    let topic: String
    let ends: RepartitionEnds
}

/// Replaces several repartitions by one directly below the change of key above them, if no values were changed in
/// between.
///
/// The topic is that of the first repartition. If changes of key come together in a merge of streams, the repartitions
/// below the merge become one there. Follows Kafka Streams' `merge.repartition.topics`, names included.
struct RepartitionMerge {
    private let builder: StreamsBuilder
    /// Where a repartition is inserted, and the ones that it replaces.
    private var groups: [(place: GraphNode, repartitions: [GraphNode])]

    init(_ builder: StreamsBuilder) {
        self.builder = builder
        let repartitions = builder.nodes.filter { $0.repartition != nil }
        groups = builder.nodes.filter(\.changesKey).map { changer in
            (changer, repartitions.filter { Self.changer(above: $0) === changer })
        }
        moveBelowMerges()
    }

    /// The change of key above, unless a value was changed after it.
    private static func changer(above node: GraphNode) -> GraphNode? {
        let nearest = node.nearest { $0.changesKey || $0.changesValue }
        let changer = node.nearest(where: \.changesKey)
        return nearest === changer ? changer : nil
    }

    private mutating func moveBelowMerges() {
        var moved: [(place: GraphNode, repartitions: [GraphNode])] = []
        var emptied: Set<ObjectIdentifier> = []
        for merge in builder.nodes where merge.isMerge {
            let above = groups.filter { group in
                merge.branch(below: group.place) != nil
                    && group.repartitions.allSatisfy { $0.branch(below: merge) != nil }
            }
            moved.append((merge, above.flatMap(\.repartitions)))
            emptied.formUnion(above.map { ObjectIdentifier($0.place) })
        }
        groups = groups.filter { !emptied.contains(ObjectIdentifier($0.place)) } + moved
    }

    /// - Returns: the names of removed repartitions, each with the name of its replacement.
    func run() -> [String: String] {
        var renamed: [String: String] = [:]
        for (place, repartitions) in groups {
            guard let first = repartitions.first?.repartition else { continue }
            let merged = RepartitionNode(first.topic, first.ends, in: builder).node
            merged.buildPriority = place.buildPriority
            for repartition in repartitions {
                if let branch = repartition.branch(below: place) {
                    merged.add(child: branch)
                    place.remove(child: branch)
                }
                repartition.bypass()
                renamed[repartition.name] = merged.name
            }
            place.add(child: merged)
        }
        return renamed
    }
}

extension GraphNode {
    /// This node or the one above it that is a child of `place`.
    fileprivate func branch(below place: GraphNode) -> GraphNode? {
        nearest { $0.parents.contains { $0 === place } }
    }

    /// Removes this node from the graph; its children are attached to its parents.
    fileprivate func bypass() {
        let (above, below) = (parents, children)
        for child in below {
            for parent in above { parent.add(child: child) }
            remove(child: child)
        }
        for parent in above { parent.remove(child: self) }
    }
}
