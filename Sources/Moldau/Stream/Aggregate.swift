import MoldauRecords
import MoldauState
import MoldauTopology

extension KGroupedStream {
    /// Counts the records of each key. Records without a key or value are dropped (counted).
    public func count(
        as store: KeyValueStoreName<Key, Int64>? = nil, named name: String? = nil, options: StoreOptions? = nil
    ) -> KTable<Key, Int64> {
        count(result: Int64.serde, as: store, named: name, options: options)
    }

    /// As `count`, in another type of number.
    public func count<Number: AdditiveArithmetic & ExpressibleByIntegerLiteral & SendableMetatype>(
        result: Serde<Number>, as store: KeyValueStoreName<Key, Number>? = nil, named name: String? = nil,
        options: StoreOptions? = nil
    ) -> KTable<Key, Number> {
        // Kafka Streams uses up a number here that it never names anything with.
        if store == nil { _ = stream.builder.names.processor(nil, "KSTREAM-AGGREGATE-STATE-STORE-") }
        return aggregating(
            "KSTREAM-AGGREGATE-", operation: "count", as: store, named: name, options, result: result,
            Step(initial: { 0 }, next: { _, _, count in count + 1 }))
    }

    /// Folds the records of each key into one value, changed in place.
    ///
    /// ```swift
    /// orders.groupByKey().aggregate(Totals()) { totals, _, order in totals.sum += order.amount }
    /// ```
    public func aggregate<Result: StreamCodable & Sendable>(
        _ initial: Result, as store: KeyValueStoreName<Key, Result>? = nil, named name: String? = nil,
        options: StoreOptions? = nil, into update: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> KTable<Key, Result> {
        aggregate({ initial }, result: Result.serde, as: store, named: name, options: options) { key, value, result in
            var result = result
            try update(&result, key, value)
            return result
        }
    }

    /// Folds the records of each key into one value; nil deletes the row.
    public func aggregate<Result>(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: KeyValueStoreName<Key, Result>? = nil, named name: String? = nil, options: StoreOptions? = nil,
        _ next: @escaping @Sendable (Key, Value, Result) throws -> Result?
    ) -> KTable<Key, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", operation: "aggregate", as: store, named: name, options, result: result,
            Step(initial: initial, next: next))
    }

    /// Combines the values of each key two by two; the first value stands as it is. nil deletes the row.
    public func reduce(
        as store: KeyValueStoreName<Key, Value>? = nil, named name: String? = nil, options: StoreOptions? = nil,
        _ combine: @escaping @Sendable (Value, Value) throws -> Value
    ) -> KTable<Key, Value> {
        reducing(as: store, named: name, options, result: value, first: { $0 }, combine)
    }

    /// As `reduce`, for values that may be nil: those are dropped before.
    public func reduce<Wrapped: StreamCodable>(
        as store: KeyValueStoreName<Key, Wrapped>? = nil, named name: String? = nil, options: StoreOptions? = nil,
        _ combine: @escaping @Sendable (Wrapped, Wrapped) throws -> Wrapped?
    ) -> KTable<Key, Wrapped> where Value == Wrapped? {
        reduce(result: Wrapped.serde, as: store, named: name, options: options, combine)
    }

    /// As `reduce` of values that may be nil, with the serde given.
    public func reduce<Wrapped>(
        result: Serde<Wrapped>, as store: KeyValueStoreName<Key, Wrapped>? = nil, named name: String? = nil,
        options: StoreOptions? = nil, _ combine: @escaping @Sendable (Wrapped, Wrapped) throws -> Wrapped?
    ) -> KTable<Key, Wrapped> where Value == Wrapped? {
        reducing(as: store, named: name, options, result: result, first: { $0 }) { old, new in
            guard let new else { return nil }
            return try combine(old, new)
        }
    }

    private func reducing<Result>(
        as store: KeyValueStoreName<Key, Result>?, named name: String?, _ options: StoreOptions?, result: Serde<Result>,
        first: @escaping @Sendable (Value) -> Result?,
        _ combine: @escaping @Sendable (Result, Value) throws -> Result?
    ) -> KTable<Key, Result> {
        aggregating(
            "KSTREAM-REDUCE-", operation: "reduce", as: store, named: name, options, result: result,
            Step(initial: nil, first: first, next: { _, value, result in try combine(result, value) }))
    }

    private func aggregating<Result>(
        _ prefix: String, operation: String, as store: KeyValueStoreName<Key, Result>?, named given: String?,
        _ options: StoreOptions?, result: Serde<Result>, _ step: Step<Key, Value, Result>
    ) -> KTable<Key, Result> {
        let builder = stream.builder
        let choice = StoreChoice(store?.name, options, in: builder) {
            builder.names.store(prefix, origin: stream.origin, operation: operation)
        }
        let name = builder.name(given, prefix)
        let upstream = partitioned(for: choice.name)
        let content = TableContent<Key, Result>(
            isVersioned: choice.isVersioned, askUpstream: { _ in true }, makeGetter: { .store(choice.name) })
        let (key, value, result) = (key, value, store?.value ?? result)
        let node = GraphNode(name) { topology, parents in
            let (store, emission, sendsOldValues) = (choice.name, choice.emission, content.sendsOldValues)
            let make: @Sendable (NodeContext) throws -> Any = { context in
                let changes = try ChangeForwarder<Key, Result>(
                    context, store: store, emission: emission, key: key, sendsOldValues: sendsOldValues)
                return try step.inlet(context, store: store, key: key, value: value, changes)
            }
            try topology.add(TopologyNode(name, .processor(make: make), parents: parents))
            try topology.add(choice.definition(key: key, value: result), for: [name])
        }
        builder.add(node, below: [upstream.node])
        return KTable(
            builder: builder, node: node, sources: upstream.sources, origin: store?.name ?? stream.origin, key: key,
            content: content, storeName: choice.isNamed ? choice.name : nil)
    }
}

/// What an aggregation does with one record.
private struct Step<Key, Value, Result>: Sendable {
    /// The aggregate before the first record; nil where the first value itself becomes the aggregate.
    var initial: (@Sendable () throws -> Result)?
    var first: @Sendable (Value) -> Result? = { _ in nil }
    let next: @Sendable (Key, Value, Result) throws -> Result?

    func inlet(
        _ context: NodeContext, store: String, key: Serde<Key>, value: Serde<Value>,
        _ changes: ChangeForwarder<Key, Result>
    ) throws -> Inlet<Key, Value> {
        let rows = try TableRows<Key, Result>(context, store)
        let (keyNull, valueNull) = (key.null, value.null)
        return Inlet { record in
            if let keyNull, keyNull.isNull(record.key) { return context.drop(.nullKey) }
            if let valueNull, valueNull.isNull(record.value) { return context.drop(.nullValue) }
            var reportedOld: Result?
            let change: (old: ValueAndTimestamp<Result>?, new: ValueAndTimestamp<Result>?, result: VersionedPutResult)
            do {
                change = try rows.update(record.key, at: record.timestamp) { old in
                    reportedOld = old?.value
                    return try updated(record, old, &reportedOld, isHolding: changes.isHolding)
                }
            } catch { return try context.failed(error) }
            let timestamp = change.new?.timestamp ?? max(record.timestamp, change.old?.timestamp ?? record.timestamp)
            try changes.send(record, new: change.new?.value, old: reportedOld, at: timestamp, change.result)
        }
    }

    private func updated(
        _ record: Record<Key, Value>, _ old: ValueAndTimestamp<Result>?, _ reportedOld: inout Result?, isHolding: Bool
    ) throws -> ValueAndTimestamp<Result>? {
        if let old {
            let result = try next(record.key, record.value, old.value)
            return result.map { ValueAndTimestamp($0, at: max(record.timestamp, old.timestamp)) }
        }
        guard let initial else { return first(record.value).map { ValueAndTimestamp($0, at: record.timestamp) } }
        let before = try initial()
        // Kafka Streams reports the initial value as the old one of a key's first change, unless changes are held.
        if !isHolding { reportedOld = before }
        return try next(record.key, record.value, before).map { ValueAndTimestamp($0, at: record.timestamp) }
    }
}
