import MoldauRecords
import MoldauTopology

extension KStream {
    /// Begins to split the stream: each record goes to the first branch whose predicate it satisfies.
    ///
    /// ```swift
    /// let branches = orders.split(named: "orders-")
    ///     .branch("large") { _, order in order.amount > 100 }
    ///     .defaultBranch("small")
    /// let (large, small) = (branches["orders-large"], branches["orders-small"])
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// // small: o2=bob 30
    /// ```
    public func split(named given: String? = nil) -> BranchedKStream<Key, Value> {
        BranchedKStream(self, name: builder.name(given, "KSTREAM-BRANCH-"))
    }
}

/// A stream that is being split; ended by `defaultBranch` or `noDefaultBranch`, which answer with the branches by name.
public final class BranchedKStream<Key, Value> {
    private typealias Predicate = @Sendable (Key, Value) throws -> Bool

    private let stream: KStream<Key, Value>
    private let name: String
    private let splitter: GraphNode
    private let arms: Arms
    private var branches: [String: KStream<Key, Value>] = [:]

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

    /// Adds a branch for the records that satisfy `isIncluded` and no earlier predicate.
    ///
    /// ```swift
    /// let branches = orders.split(named: "orders-")
    ///     .branch { _, order in order.amount > 100 }
    ///     .branch { _, order in order.amount > 10 }
    ///     .noDefaultBranch()
    /// let second = branches["orders-2"]
    /// // orders: o1=ada 120, o2=bob 30, o3=bob 5
    /// // second: o2=bob 30
    /// ```
    /// - Parameter suffix: appended to the split's name to make the branch's; by default the branch's number, counted
    ///   from 1.
    @discardableResult
    public func branch(
        _ suffix: String? = nil, where isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> BranchedKStream {
        let child = add(suffix ?? String(arms.predicates.count + 1))
        arms.predicates.append((child, isIncluded))
        return self
    }

    /// Adds a branch for all other records.
    ///
    /// ```swift
    /// let branches = orders.split(named: "orders-").branch { _, order in order.amount > 100 }.defaultBranch()
    /// let others = branches["orders-0"]
    /// // orders: o1=ada 120, o2=bob 30
    /// // others: o2=bob 30
    /// ```
    /// - Returns: all branches by their full names.
    @discardableResult
    public func defaultBranch(_ suffix: String? = nil) -> [String: KStream<Key, Value>] {
        arms.other = add(suffix ?? "0")
        return branches
    }

    /// Drops all other records (counted).
    ///
    /// ```swift
    /// let large = orders.split(named: "orders-").branch("large") { _, order in order.amount > 100 }
    ///     .noDefaultBranch()["orders-large"]
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// ```
    /// - Returns: all branches by their full names.
    @discardableResult
    public func noDefaultBranch() -> [String: KStream<Key, Value>] { branches }

    private func add(_ suffix: String) -> String {
        let child = name + suffix
        _ = stream.builder.names.processor(nil, "KSTREAM-BRANCH-")  // Used up by Kafka Streams.
        stream.builder.attempt { try NodeNames.validate(child) }
        let node = GraphNode(child) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { try $0.next(Key.self, Value.self) }
            try topology.add(TopologyNode(child, .processor(make: make), parents: parents))
        }
        stream.builder.add(node, below: [splitter])
        branches[child] = KStream(
            builder: stream.builder, node: node, sources: stream.sources, isKeyChanged: stream.isKeyChanged,
            origin: stream.origin)
        return child
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
