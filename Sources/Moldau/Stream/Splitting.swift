import MoldauTopology

/// The node of a split, and the branches that it has so far, whatever their number.
package final class Splitting<Key, Value> {
    private typealias Predicate = @Sendable (Key, Value) throws -> Bool

    private let stream: KStream<Key, Value>
    private let name: String
    private let splitter: GraphNode
    private let arms: Arms

    /// The branches as they were declared; read when the topology is built.
    private final class Arms {
        var predicates: [(child: String, isIncluded: Predicate)] = []
        var other: String?
    }

    init(_ stream: KStream<Key, Value>, name: String) {
        self.stream = stream
        self.name = name
        let arms = Arms()
        self.arms = arms
        splitter = GraphNode(name) { topology, parents in
            let (predicates, other) = (arms.predicates, arms.other)
            let make: @Sendable (NodeContext) throws -> Any = { context in
                try Self.inlet(context, predicates, other)
            }
            try topology.add(TopologyNode(name, .processor(make: make), parents: parents))
        }
        stream.builder.add(splitter, below: [stream.node])
    }

    /// The stream of the records that satisfy `isIncluded` and no predicate before it.
    package func branch(
        _ suffix: String? = nil, where isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KStream<Key, Value> {
        let (child, branch) = add(suffix ?? String(arms.predicates.count + 1))
        arms.predicates.append((child, isIncluded))
        return branch
    }

    /// The stream of all other records; without it they are dropped (counted).
    package func defaultBranch(_ suffix: String? = nil) -> KStream<Key, Value> {
        let (child, branch) = add(suffix ?? "0")
        arms.other = child
        return branch
    }

    private func add(_ suffix: String) -> (child: String, branch: KStream<Key, Value>) {
        let child = name + suffix
        _ = stream.builder.names.processor(nil, "KSTREAM-BRANCH-")  // Used up by Kafka Streams.
        stream.builder.attempt { try NodeNames.validate(child) }
        let node = GraphNode(child) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { try $0.next(Key.self, Value.self) }
            try topology.add(TopologyNode(child, .processor(make: make), parents: parents))
        }
        stream.builder.add(node, below: [splitter])
        let branch = KStream<Key, Value>(
            builder: stream.builder, node: node, sources: stream.sources, isKeyChanged: stream.isKeyChanged,
            origin: stream.origin)
        return (child, branch)
    }

    private static func inlet(
        _ context: NodeContext, _ predicates: [(child: String, isIncluded: Predicate)], _ other: String?
    ) throws -> Inlet<Key, Value> {
        let arms = try predicates.map { arm in
            (isIncluded: arm.isIncluded, forward: try context.child(named: arm.child, Key.self, Value.self).receive)
        }
        let rest = try other.map { try context.child(named: $0, Key.self, Value.self).receive }
        return Inlet { record in
            for arm in arms {
                let takes: Bool
                do { takes = try arm.isIncluded(record.key, record.value) } catch { return try context.failed(error) }
                if takes { return try arm.forward(record) }
            }
            guard let rest else { return context.drop(.noBranch) }
            try rest(record)
        }
    }
}
