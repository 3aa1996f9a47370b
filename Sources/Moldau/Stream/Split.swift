import MoldauRecords
import MoldauTopology

extension KStream {
    /// Begins to split the stream: each record goes to the first branch whose predicate it satisfies.
    ///
    /// ```swift
    /// let split = orders.split(named: "orders-")
    /// let large = split.branch("large") { _, order in order.amount > 100 }
    /// let middle = split.branch("middle") { _, order in order.amount > 10 }
    /// let small = split.defaultBranch("small")
    /// // orders: o1=ada 120, o2=bob 30, o3=bob 5
    /// // large: o1=ada 120
    /// // middle: o2=bob 30
    /// // small: o3=bob 5
    /// ```
    public func split(named given: String? = nil) -> BranchedKStream<Key, Value> {
        BranchedKStream(self, name: builder.name(given, "KSTREAM-BRANCH-"))
    }

    /// Splits the stream in two: the records that satisfy `isIncluded`, and all others.
    ///
    /// ```swift
    /// let (large, small) = orders.split { _, order in order.amount > 100 }
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// // small: o2=bob 30
    /// ```
    public func split(
        named name: String? = nil, where isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> (matching: KStream, others: KStream) {
        let split = split(named: name)
        return (split.branch(where: isIncluded), split.defaultBranch())
    }
}

/// A stream that is being split. Records that no branch accepts are dropped (counted), unless there is a default
/// branch.
public final class BranchedKStream<Key, Value> {
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
            try topology.add(TopologyNode(name, .processor(make: make), .split, parents: parents))
        }
        stream.builder.add(splitter, below: [stream.node])
    }

    /// Adds a branch for the records that satisfy `isIncluded` and no earlier predicate.
    ///
    /// ```swift
    /// let split = orders.split()
    /// split.branch { _, order in order.amount > 100 }
    /// let second = split.branch { _, order in order.amount > 10 }
    /// // orders: o1=ada 120, o2=bob 30, o3=bob 5
    /// // second: o2=bob 30
    /// ```
    /// - Parameter suffix: appended to the split's name to make the branch's; by default the branch's number, counted
    ///   from 1.
    /// - Parameter isIncluded: whether a record belongs to this branch.
    @discardableResult
    public func branch(
        _ suffix: String? = nil, where isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KStream<Key, Value> {
        let (child, branch) = add(suffix ?? String(arms.predicates.count + 1))
        arms.predicates.append((child, isIncluded))
        return branch
    }

    /// Adds the branch for all other records.
    ///
    /// ```swift
    /// let split = orders.split()
    /// let large = split.branch { _, order in order.amount > 100 }
    /// let others = split.defaultBranch()
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// // others: o2=bob 30
    /// ```
    /// - Parameter suffix: appended to the split's name to make the branch's; by default `0`.
    public func defaultBranch(_ suffix: String? = nil) -> KStream<Key, Value> {
        let (child, branch) = add(suffix ?? "0")
        stream.builder.attempt {
            if let other = arms.other, other != child {
                throw TopologyError.invalidSetting(name: child, reason: "the split has a default branch, '\(other)'")
            }
        }
        arms.other = child
        return branch
    }

    private func add(_ suffix: String) -> (child: String, branch: KStream<Key, Value>) {
        let child = name + suffix
        _ = stream.builder.names.processor(nil, "KSTREAM-BRANCH-")  // Kafka Streams consumes this number.
        stream.builder.attempt { try NodeNames.validate(child) }
        let node = GraphNode(child) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { try $0.next(Key.self, Value.self) }
            try topology.add(TopologyNode(child, .processor(make: make), .branch, parents: parents))
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
            (
                isIncluded: arm.isIncluded,
                forward: try context.countedChild(named: arm.child, Key.self, Value.self).receive
            )
        }
        let rest = try other.map { try context.countedChild(named: $0, Key.self, Value.self).receive }
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
