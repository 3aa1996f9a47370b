import MoldauRecords
import MoldauState
import MoldauTopology

/// Several grouped streams that update one aggregate per key, each in its own way.
public struct CogroupedKStream<Key, Result> {
    let builder: StreamsBuilder
    let key: Serde<Key>
    let members: [CogroupMember<Key, Result>]
    /// The basis of the stable name.
    var origin: String { members.map(\.origin).joined(separator: "-") }
}

/// One of the streams of a cogroup.
struct CogroupMember<Key, Result> {
    let origin: String
    /// The node after which equal keys are in one partition, and its sources. A repartition is named after the store.
    let partitioned: (_ store: String) -> (node: GraphNode, sources: Set<String>)
    let inlets: any CogroupInlets<Key, Result>

    init<Value>(
        _ grouped: KGroupedStream<Key, Value>, next: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) {
        origin = grouped.stream.origin
        let repartition = SharedNode()
        partitioned = { store in
            let stream = grouped.partitioned(forCogroup: store, sharing: repartition)
            return (stream.node, stream.sources)
        }
        inlets = CogroupFold(fold: Fold(next: next), key: grouped.key, value: grouped.value)
    }
}

extension KGroupedStream {
    /// Starts an aggregate that several streams update: this one with `update`, in place.
    ///
    /// ```swift
    /// let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
    ///     .cogroup(withdrawals.groupByKey()) { balance, _, amount in balance -= amount }
    ///     .aggregate(0)
    /// // deposits: ada=100
    /// // withdrawals: ada=30
    /// // balances: ada=100, ada=70
    /// ```
    public func cogroup<Result>(
        _: Result.Type = Result.self, into update: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> CogroupedKStream<Key, Result> {
        cogroup { result, key, value in
            var result = result
            try update(&result, key, value)
            return result
        }
    }

    /// As `cogroup(into:)`, with a function that returns the next aggregate; nil deletes the row.
    public func cogroup<Result>(
        _ next: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) -> CogroupedKStream<Key, Result> {
        CogroupedKStream(builder: stream.builder, key: key, members: [CogroupMember(self, next: next)])
    }
}

extension CogroupedKStream {
    /// Adds another stream that updates the aggregate in place.
    ///
    /// ```swift
    /// let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
    ///     .cogroup(withdrawals.groupByKey()) { balance, _, amount in balance -= amount }
    ///     .cogroup(payments.groupByKey()) { balance, _, amount in balance -= amount }
    ///     .aggregate(0)
    /// // deposits: ada=100
    /// // payments: ada=1
    /// // balances: ada=100, ada=99
    /// ```
    public func cogroup<Value>(
        _ other: KGroupedStream<Key, Value>,
        into update: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> CogroupedKStream {
        cogroup(other) { result, key, value in
            var result = result
            try update(&result, key, value)
            return result
        }
    }

    /// Adds another stream that updates the aggregate; nil deletes the row.
    ///
    /// ```swift
    /// let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
    ///     .cogroup(withdrawals.groupByKey()) { balance, _, amount in balance > amount ? balance - amount : nil }
    ///     .aggregate(0)
    /// // deposits: ada=100
    /// // withdrawals: ada=30, ada=70
    /// // balances: ada=100, ada=70, ada=nil
    /// ```
    public func cogroup<Value>(
        _ other: KGroupedStream<Key, Value>, _ next: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) -> CogroupedKStream {
        CogroupedKStream(builder: builder, key: key, members: members + [CogroupMember(other, next: next)])
    }

    /// The aggregates as a table. Records without a key or value are dropped (counted).
    ///
    /// ```swift
    /// let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
    ///     .aggregate(1_000)
    /// // deposits: ada=100
    /// // balances: ada=1100
    /// ```
    public func aggregate(
        _ initial: Result, as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil
    ) -> KTable<Key, Result> where Result: StreamCodable & Sendable {
        aggregate({ initial }, result: Result.serde, as: store, named: name)
    }

    /// As `aggregate`, with an initial value made for each key and the given serde.
    public func aggregate(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil
    ) -> KTable<Key, Result> {
        let choice = StoreChoice(store, key: key, in: builder) { generatedStoreName() }
        let storeName = choice.name
        return aggregated(
            named: name, choice, key: key, getter: .store(storeName),
            store: choice.definition(key: key, value: store?.value ?? result)
        ) { inlets, context, changes, isHolding in
            try inlets.plain(context, store: storeName, initial, changes, isHolding: isHolding)
        }
    }

    func choice<Name: StoreName>(windows store: (any Materialization<Name>)?) -> StoreChoice where Name.Key == Key {
        StoreChoice(windows: store, key: key, in: builder) { generatedStoreName() }
    }

    private func generatedStoreName() -> String {
        builder.names.store("COGROUPKSTREAM-AGGREGATE-", origin: origin, operation: "cogroup")
    }

    /// Adds a node per stream, all with the same store, and one that merges their changes.
    func aggregated<ResultKey>(
        named given: String?, _ choice: StoreChoice, key: Serde<ResultKey>, getter: RowGetter<ResultKey, Result>,
        store: StoreDefinition, grace: Duration? = nil, windows: WindowDescription? = nil,
        inlet:
            @escaping @Sendable (
                any CogroupInlets<Key, Result>, NodeContext, ChangeForwarder<ResultKey, Result>, _ isHolding: Bool
            ) throws -> Any
    ) -> KTable<ResultKey, Result> {
        let parents = members.map { $0.partitioned(choice.name) }
        let sources = parents.reduce(into: Set<String>()) { $0.formUnion($1.sources) }
        builder.copartition(sources)
        let (storeName, emission) = (store.name, choice.emission)
        let isHolding = emission != .everyChange
        let nodes = members.indices.map { index in
            let name = builder.names.processor(
                given.map { builder.checked($0) }, suffix: "-cogroup-agg-\(index)", "COGROUPKSTREAM-AGGREGATE-")
            let inlets = members[index].inlets
            let node = GraphNode(name) { topology, parents in
                let make: @Sendable (NodeContext) throws -> Any = { context in
                    // Changes are held only at the node where those of all streams come together, in their order.
                    let changes = try ChangeForwarder<ResultKey, Result>(
                        context, store: storeName, emission: .everyChange, key: key, sendsOldValues: true)
                    return try inlet(inlets, context, changes, isHolding)
                }
                let operation = OperatorDescription.aggregate(.cogroup, windows: windows, emit: .everyChange)
                try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            }
            node.grace = grace
            builder.add(node, below: [parents[index].node])
            return node
        }
        let content = TableContent<ResultKey, Result>(
            isVersioned: choice.isVersioned, askUpstream: { _ in true }, makeGetter: { getter })
        let name = builder.names.processor(given, suffix: "-cogroup-merge", "COGROUPKSTREAM-MERGE-")
        let merge = GraphNode(name) { topology, parents in
            let sendsOldValues = content.sendsOldValues
            let make: @Sendable (NodeContext) throws -> Any = { context in
                let changes = try ChangeForwarder<ResultKey, Result>(
                    context, store: storeName, emission: emission, key: key, sendsOldValues: sendsOldValues)
                return Inlet<ResultKey, Change<Result>> { record in
                    let change = record.value
                    try changes.send(
                        record, new: change.new, old: change.old, at: record.timestamp,
                        change.isLatest ? .latest : .history(validTo: .none))
                }
            }
            let operation = OperatorDescription.gather(emit: emission.described)
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            try topology.add(store, for: parents)
        }
        builder.add(merge, below: nodes)
        return KTable(
            builder: builder, node: merge, sources: sources, origin: choice.isNamed ? choice.name : origin, key: key,
            content: content)
    }
}
