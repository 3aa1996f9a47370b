import MoldauRecords
import MoldauState
import MoldauTopology

extension KStream {
    /// Joins records of equal keys that are close in time: one result per pair.
    ///
    /// The result has the later timestamp of the two. Records without a key or value are dropped (counted). A side
    /// whose key was changed is repartitioned first; both sides must have the same number of partitions.
    ///
    /// ```swift
    /// let windows = JoinWindows(difference: .seconds(60), grace: .seconds(10))
    /// let paid = orders.join(payments, within: windows) { order, payment in "\(payment) of \(order.amount)" }
    /// // orders: o1@0=ada 120
    /// // payments: o1@20=100, o1@90=20
    /// // paid: o1@20=100 of 120
    /// ```
    /// - Parameters:
    ///   - name: names the nodes and repartition topics.
    ///   - stores: the prefix of the stores' names.
    ///   - options: the options of the stores that keep each side's records.
    ///   - other: the stream to join with.
    ///   - windows: how far apart in time two records may be.
    ///   - joiner: returns the result of a pair.
    public func join<Other: StreamCodable, Result>(
        _ other: KStream<Key, Other>, within windows: JoinWindows, named name: String? = nil,
        storesNamed stores: String? = nil,
        options: BufferStoreOptions? = nil, _ joiner: @escaping @Sendable (Value, Other) throws -> Result
    ) -> KStream<Key, Result> where Key: StreamCodable, Value: StreamCodable {
        join(
            other, within: windows, key: Key.serde, value: Value.serde, otherValue: Other.serde, named: name,
            storesNamed: stores, options: options
        ) { _, left, right in try joiner(left, right) }
    }

    /// As `join`, with the given serdes and a joiner that gets the key.
    public func join<Other, Result>(
        _ other: KStream<Key, Other>, within windows: JoinWindows, key: Serde<Key>, value: Serde<Value>,
        otherValue: Serde<Other>, named name: String? = nil, storesNamed stores: String? = nil,
        options: BufferStoreOptions? = nil,
        _ joiner: @escaping @Sendable (Key, Value, Other) throws -> Result
    ) -> KStream<Key, Result> {
        let join = StreamJoin<Key, Value, Other, Result>(
            .inner, windows, key: key, left: value, right: otherValue
        ) { key, left, right in
            guard let left, let right else { return nil }
            return .some(try joiner(key, left, right))
        }
        return joining(other, join, named: name, stores: stores, options)
    }

    /// As `join`, but a record of this stream without a match has a result with nil, emitted when its window is over.
    /// Only the records of both streams advance stream time.
    ///
    /// ```swift
    /// let windows = JoinWindows(difference: .seconds(60), grace: .seconds(10))
    /// let paid = orders.leftJoin(payments, within: windows) { order, payment in "\(payment ?? 0) of \(order.amount)" }
    /// // orders: o1@0=ada 120, o2@200=bob 30
    /// // paid: o1@0=0 of 120
    /// ```
    public func leftJoin<Other: StreamCodable, Result>(
        _ other: KStream<Key, Other>, within windows: JoinWindows, named name: String? = nil,
        storesNamed stores: String? = nil,
        options: BufferStoreOptions? = nil, _ joiner: @escaping @Sendable (Value, Other?) throws -> Result
    ) -> KStream<Key, Result> where Key: StreamCodable, Value: StreamCodable {
        leftJoin(
            other, within: windows, key: Key.serde, value: Value.serde, otherValue: Other.serde, named: name,
            storesNamed: stores, options: options
        ) { _, left, right in try joiner(left, right) }
    }

    /// As `leftJoin`, with the given serdes and a joiner that gets the key.
    public func leftJoin<Other, Result>(
        _ other: KStream<Key, Other>, within windows: JoinWindows, key: Serde<Key>, value: Serde<Value>,
        otherValue: Serde<Other>, named name: String? = nil, storesNamed stores: String? = nil,
        options: BufferStoreOptions? = nil,
        _ joiner: @escaping @Sendable (Key, Value, Other?) throws -> Result
    ) -> KStream<Key, Result> {
        let join = StreamJoin<Key, Value, Other, Result>(
            .left, windows, key: key, left: value, right: otherValue
        ) { key, left, right in
            guard let left else { return nil }
            return .some(try joiner(key, left, right))
        }
        return joining(other, join, named: name, stores: stores, options)
    }

    /// As `join`, but a record of either stream without a match has a result with nil, emitted when its window is over.
    ///
    /// ```swift
    /// let windows = JoinWindows(difference: .seconds(60), grace: .zero)
    /// let both = orders.outerJoin(payments, within: windows) { order, payment in
    ///     "\(order?.amount ?? 0) ordered \(payment ?? 0) paid"
    /// }
    /// // payments: o1@0=20, o2@100=30
    /// // both: o1@0=0 ordered 20 paid
    /// ```
    public func outerJoin<Other: StreamCodable, Result>(
        _ other: KStream<Key, Other>, within windows: JoinWindows, named name: String? = nil,
        storesNamed stores: String? = nil,
        options: BufferStoreOptions? = nil, _ joiner: @escaping @Sendable (Value?, Other?) throws -> Result
    ) -> KStream<Key, Result> where Key: StreamCodable, Value: StreamCodable {
        outerJoin(
            other, within: windows, key: Key.serde, value: Value.serde, otherValue: Other.serde, named: name,
            storesNamed: stores, options: options
        ) { _, left, right in try joiner(left, right) }
    }

    /// As `outerJoin`, with the given serdes and a joiner that gets the key.
    public func outerJoin<Other, Result>(
        _ other: KStream<Key, Other>, within windows: JoinWindows, key: Serde<Key>, value: Serde<Value>,
        otherValue: Serde<Other>, named name: String? = nil, storesNamed stores: String? = nil,
        options: BufferStoreOptions? = nil,
        _ joiner: @escaping @Sendable (Key, Value?, Other?) throws -> Result
    ) -> KStream<Key, Result> {
        let join = StreamJoin<Key, Value, Other, Result>(
            .outer, windows, key: key, left: value, right: otherValue
        ) { .some(try joiner($0, $1, $2)) }
        return joining(other, join, named: name, stores: stores, options)
    }

    private func joining<Other, Result>(
        _ other: KStream<Key, Other>, _ join: StreamJoin<Key, Value, Other, Result>, named given: String?,
        stores: String?, _ options: BufferStoreOptions?
    ) -> KStream<Key, Result> {
        builder.attempt { try join.windows.check() }
        let join = join.waiting(by: builder.options.windowMemory)
        let left = partitionedForJoin(
            named: given.map { $0 + "-left" }, RepartitionEnds(key: join.key, value: join.left))
        let right = other.partitionedForJoin(
            named: given.map { $0 + "-right" }, RepartitionEnds(key: join.key, value: join.right))
        let origin = "\(origin)-\(other.origin)"
        let names = StreamJoinNames(join.kind, given, stores: stores, origin: origin, in: builder)
        let definitions = join.definitions(names, options ?? BufferStoreOptions(), in: builder.options)
        let (written, window) = (WrittenSides(), OperatorDescription.joinWindow(join.windows.described))
        let thisWindowed = GraphNode(names.leftWindowed) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { try join.keepingLeft($0, names) }
            try topology.add(TopologyNode(names.leftWindowed, .processor(make: make), window, parents: parents))
            written.leftParents = parents
        }
        let mayBeOne = join.canShareStore && builder.options.optimizations.contains(.singleStoreSelfJoin)
        let otherWindowed = GraphNode(names.rightWindowed) { topology, parents in
            if mayBeOne, written.leftParents == parents, left.node.sources.count == 1 {
                return written.isSelfJoin = true
            }
            let make: @Sendable (NodeContext) throws -> Any = { try join.keepingRight($0, names) }
            try topology.add(TopologyNode(names.rightWindowed, .processor(make: make), window, parents: parents))
        }
        let node = GraphNode(names.merge) { topology, _ in
            if written.isSelfJoin, let join = join as? StreamJoin<Key, Value, Value, Result> {
                try join.addSelfJoin(names, definitions.left, to: &topology)
            } else {
                try join.add(names, definitions, to: &topology)
            }
        }
        // Also for the right side of a left join, which drops and counts them.
        node.joinsNullKeys = join.kind != .inner
        builder.copartition(left.sources.union(right.sources))
        builder.add(thisWindowed, below: [left.node])
        builder.add(otherWindowed, below: [right.node])
        builder.add(node, below: [thisWindowed, otherWindowed])
        return KStream<Key, Result>(
            builder: builder, node: node, sources: left.sources.union(right.sources), isKeyChanged: false,
            origin: origin)
    }
}

/// What is known about a join's two sides while the topology is written: both may turn out to be the same stream.
private final class WrittenSides {
    var leftParents: [String] = []
    var isSelfJoin = false
}

/// The names of a stream join's nodes and stores, in the order in which Kafka Streams numbers them.
struct StreamJoinNames: Sendable {
    let leftWindowed: String
    let rightWindowed: String
    let leftJoin: String
    let rightJoin: String
    let merge: String
    let leftStore: String
    let rightStore: String
    let unmatchedStore: String

    init(_ kind: JoinKind, _ given: String?, stores: String?, origin: String, in builder: StreamsBuilder) {
        let (names, given) = (builder.names, given.map { builder.checked($0) })
        leftWindowed = names.processor(given, suffix: "-this-windowed", "KSTREAM-WINDOWED-")
        rightWindowed = names.processor(given, suffix: "-other-windowed", "KSTREAM-WINDOWED-")
        let (leftSuffix, leftPrefix) =
            kind == .outer ? ("-outer-this-join", "KSTREAM-OUTERTHIS-") : ("-this-join", "KSTREAM-JOINTHIS-")
        let (rightSuffix, rightPrefix) =
            kind == .inner ? ("-other-join", "KSTREAM-JOINOTHER-") : ("-outer-other-join", "KSTREAM-OUTEROTHER-")
        let left = names.processor(nil, leftPrefix)
        let right = names.processor(nil, rightPrefix)
        leftJoin = given.map { $0 + leftSuffix } ?? left
        rightJoin = given.map { $0 + rightSuffix } ?? right
        merge = names.processor(given, suffix: "-merge", "KSTREAM-MERGE-")
        let base = stores.map { builder.checked($0) }
        func store(_ suffix: String, _ generated: String) -> String {
            let name = base.map { $0 + suffix }
            return (name ?? names.settled(generated, origin: origin, operation: String(suffix.dropFirst()))) + "-store"
        }
        leftStore = store(leftSuffix, left)
        rightStore = store(rightSuffix, right)
        let shared = "KSTREAM-OUTERSHARED-" + left.dropFirst(leftPrefix.count)
        unmatchedStore = store(kind == .outer ? "-outer-shared-join" : "-left-shared-join", shared)
    }
}
