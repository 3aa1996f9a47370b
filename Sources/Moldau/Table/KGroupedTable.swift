import MoldauRecords
import MoldauState
import MoldauTopology

/// A table's rows grouped by another key, ready to be aggregated: an update subtracts the old row and adds the new one.
public struct KGroupedTable<Key, Value> {
    let builder: StreamsBuilder
    let node: GraphNode
    let origin: String
    let name: String?
    let key: Serde<Key>
    let value: Serde<Value>
    fileprivate let shared = Shared()

    /// The repartition that the aggregations of one named grouping share.
    fileprivate final class Shared { var node: GraphNode? }
}

extension KTable {
    /// Groups rows by another key. A row for which the closure returns nil is left out.
    ///
    /// ```swift
    /// let inhabitants = customers.groupBy { customer, city in (city, customer) }.count()
    /// // customers: ada=Prague, bob=Prague, ada=Brno
    /// // inhabitants: Prague=1, Prague=2, Prague=1, Brno=1
    /// ```
    public func groupBy<NewKey: StreamCodable, NewValue: StreamCodable>(
        named name: String? = nil, _ transform: @escaping @Sendable (Key, Value) throws -> (NewKey, NewValue)?
    ) -> KGroupedTable<NewKey, NewValue> {
        groupBy(key: NewKey.serde, value: NewValue.serde, named: name, transform)
    }

    /// As `groupBy`, with the given serdes.
    public func groupBy<NewKey, NewValue>(
        key: Serde<NewKey>, value: Serde<NewValue>, named given: String? = nil,
        _ transform: @escaping @Sendable (Key, Value) throws -> (NewKey, NewValue)?
    ) -> KGroupedTable<NewKey, NewValue> {
        let name = builder.name(given, "KTABLE-SELECT-")
        let dropsHistory = content.isVersioned
        let node = GraphNode(name) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { context in
                try regrouping(context, dropsHistory: dropsHistory, key: key, value: value, transform)
            }
            try topology.add(TopologyNode(name, .processor(make: make), .groupTable, parents: parents))
        }
        builder.add(node, below: [self.node])
        content.sendOldValues(force: true)
        return KGroupedTable(builder: builder, node: node, origin: origin, name: given, key: key, value: value)
    }
}

/// Sends an update as one record if its new key stays the same (KIP-904), else as two: the old row, then the new one.
private func regrouping<Key, Value, NewKey, NewValue>(
    _ context: NodeContext, dropsHistory: Bool, key: Serde<NewKey>, value: Serde<NewValue>,
    _ transform: @escaping @Sendable (Key, Value) throws -> (NewKey, NewValue)?
) throws -> Inlet<Key, Change<Value>> {
    // Keys are compared by their bytes. The suffix gives the serde a topic name of its own, as several aggregations may
    // share the actual topic.
    let key = key.at("\(context.task.applicationID)-\(context.node)-repartition", .key)
    let forward = try context.nextCounted(NewKey.self, Change<NewValue>.self).receive
    func moved(_ keyIn: Key, _ row: Value?, isNew: Bool) throws -> (key: NewKey, bytes: [UInt8], value: NewValue)? {
        guard let row, let (newKey, newValue) = try transform(keyIn, row) else { return nil }
        let reason: DropReason? =
            key.isNull(newKey)
            ? .nullKeyBeforeRepartition : value.isNull(newValue) ? .nullValueBeforeRepartition : nil
        guard let reason else { return (newKey, try key.bytes(of: newKey), newValue) }
        // An old row without a key or value was never part of the aggregate.
        if isNew { context.drop(reason) }
        return nil
    }
    return Inlet { record in
        if dropsHistory, !record.value.isLatest { return context.drop(.outOfOrderBeforeRepartition) }
        let old: (key: NewKey, bytes: [UInt8], value: NewValue)?
        let new: (key: NewKey, bytes: [UInt8], value: NewValue)?
        do {
            new = try moved(record.key, record.value.new, isNew: true)
            old = try moved(record.key, record.value.old, isNew: false)
        } catch { return try context.failed(error) }
        if let old, let new, old.bytes == new.bytes {
            return try forward(record.with(key: new.key, value: Change(new: new.value, old: old.value)))
        }
        if let old { try forward(record.with(key: old.key, value: Change(new: nil, old: old.value))) }
        if let new { try forward(record.with(key: new.key, value: Change(new: new.value, old: nil))) }
    }
}

extension KGroupedTable {
    /// Counts the rows under each key.
    ///
    /// ```swift
    /// let inhabitants = customers.groupBy { customer, city in (city, customer) }.count()
    /// // customers: ada=Prague, bob=Prague, bob=nil
    /// // inhabitants: Prague=1, Prague=2, Prague=1
    /// ```
    public func count(
        as store: (any TableMaterialization<Key, Int64>)? = nil, named name: String? = nil
    ) -> KTable<Key, Int64> {
        count(result: Int64.serde, as: store, named: name)
    }

    /// As `count`, with another number type.
    public func count<Number: AdditiveArithmetic & ExpressibleByIntegerLiteral & SendableMetatype>(
        result: Serde<Number>, as store: (any TableMaterialization<Key, Number>)? = nil, named name: String? = nil
    ) -> KTable<Key, Number> {
        let step = TableStep<Key, Value, Number>(
            first: { _, _ in 1 }, add: { count, _, _ in count + 1 }, subtract: { count, _, _ in count - 1 })
        return aggregating("KTABLE-AGGREGATE-", .count, as: store, named: name, result: result, step)
    }

    /// Folds the rows under each key into one value. `subtract` must undo `add`.
    ///
    /// ```swift
    /// let sums = openOrders.groupBy { _, order in (order.customer, order.amount) }
    ///     .aggregate(0) { sum, _, amount in sum += amount } subtracting: { sum, _, amount in sum -= amount }
    /// // openOrders: o1=ada 120, o2=ada 30, o1=ada 100
    /// // sums: ada=120, ada=150, ada=130
    /// ```
    public func aggregate<Result: StreamCodable & Sendable>(
        _ initial: Result, as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        adding add: @escaping @Sendable (inout Result, Key, Value) throws -> Void,
        subtracting subtract: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> KTable<Key, Result> {
        aggregate(
            { initial }, result: Result.serde, as: store, named: name,
            adding: { result, key, value in
                var result = result
                try add(&result, key, value)
                return result
            },
            subtracting: { result, key, value in
                var result = result
                try subtract(&result, key, value)
                return result
            })
    }

    /// Folds the rows under each key into one value; nil deletes the row.
    ///
    /// ```swift
    /// let sums = openOrders.groupBy { _, order in (order.customer, order.amount) }.aggregate(
    ///     { 0 }, result: Int.serde, adding: { sum, _, amount in sum + amount },
    ///     subtracting: { sum, _, amount in sum > amount ? sum - amount : nil })
    /// // openOrders: o1=ada 120, o1=nil
    /// // sums: ada=120, ada=nil
    /// ```
    public func aggregate<Result>(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        adding add: @escaping @Sendable (Result, Key, Value) throws -> Result?,
        subtracting subtract: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) -> KTable<Key, Result> {
        let step = TableStep<Key, Value, Result>(
            first: { key, value in try add(try initial(), key, value) }, add: add, subtract: subtract)
        return aggregating("KTABLE-AGGREGATE-", .aggregate, as: store, named: name, result: result, step)
    }

    /// Combines the rows under each key pairwise, starting with the first one. `subtract` must undo `add`.
    ///
    /// ```swift
    /// let sums = openOrders.groupBy { _, order in (order.customer, order.amount) }
    ///     .reduce { sum, amount in sum + amount } subtracting: { sum, amount in sum - amount }
    /// // openOrders: o1=ada 120, o2=ada 30, o1=nil
    /// // sums: ada=120, ada=150, ada=30
    /// ```
    public func reduce(
        as store: (any TableMaterialization<Key, Value>)? = nil, named name: String? = nil,
        adding add: @escaping @Sendable (Value, Value) throws -> Value?,
        subtracting subtract: @escaping @Sendable (Value, Value) throws -> Value?
    ) -> KTable<Key, Value> {
        let step = TableStep<Key, Value, Value>(
            first: { _, value in value }, add: { result, _, value in try add(result, value) },
            subtract: { result, _, value in try subtract(result, value) }, firstKeepsTime: true)
        return aggregating("KTABLE-REDUCE-", .reduce, as: store, named: name, result: value, step)
    }

    private func aggregating<Result>(
        _ prefix: String, _ operation: Aggregation, as store: (any TableMaterialization<Key, Result>)?,
        named given: String?, result: Serde<Result>, _ step: TableStep<Key, Value, Result>
    ) -> KTable<Key, Result> {
        let choice = StoreChoice(store, key: key, in: builder) {
            builder.names.store("KTABLE-AGGREGATE-", origin: origin, operation: operation.rawValue)
        }
        let sink = builder.names.processor(given, suffix: "-sink", "KSTREAM-SINK-")
        let source = builder.names.processor(given, suffix: "-source", "KSTREAM-SOURCE-")
        let name = builder.name(given, prefix)
        let through = repartitioned(sink: sink, source: source, topic: (self.name ?? choice.name) + "-repartition")
        let content = TableContent<Key, Result>(
            isVersioned: choice.isVersioned, askUpstream: { _ in true }, makeGetter: { .store(choice.name) })
        let (key, result) = (key, store?.value ?? result)
        let node = GraphNode(name) { topology, parents in
            let (store, emission, sendsOldValues) = (choice.name, choice.emission, content.sendsOldValues)
            let make: @Sendable (NodeContext) throws -> Any = { context in
                let changes = try ChangeForwarder<Key, Result>(
                    context, store: store, emission: emission, key: key, sendsOldValues: sendsOldValues)
                return try step.inlet(context, store: store, changes)
            }
            let operation = OperatorDescription.aggregate(
                operation, windows: nil, emit: emission.described)
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            try topology.add(choice.definition(key: key, value: result), for: [name])
        }
        builder.add(node, below: [through])
        return KTable(
            builder: builder, node: node, sources: [through.name], origin: store?.storeName ?? origin, key: key,
            content: content)
    }

    private func repartitioned(sink: String, source: String, topic: String) -> GraphNode {
        if name != nil, let node = shared.node {
            builder.postpone(node)
            return node
        }
        let (key, value) = (key, Serde.change(of: value))
        let through = GraphNode(source) { topology, parents in
            try topology.add(topic: topic, sink: sink, source: source, below: parents, key: key, value: value)
        }
        builder.add(through, below: [node])
        shared.node = through
        return through
    }
}

/// How an aggregation of a table processes one change.
private struct TableStep<Key, Value, Result>: Sendable {
    /// The aggregate after the first row.
    let first: @Sendable (Key, Value) throws -> Result?
    let add: @Sendable (Result, Key, Value) throws -> Result?
    let subtract: @Sendable (Result, Key, Value) throws -> Result?
    /// Whether the first row after all rows were removed keeps its own time, even if the deleted aggregate's is later.
    var firstKeepsTime = false

    func inlet(
        _ context: NodeContext, store: String, _ changes: ChangeForwarder<Key, Result>
    ) throws -> Inlet<Key, Change<Value>> {
        let rows = try TableRows<Key, Result>(context, store)
        return Inlet { record in
            var timestamp = record.timestamp
            let change: (old: ValueAndTimestamp<Result>?, new: ValueAndTimestamp<Result>?, result: VersionedPutResult)
            do {
                change = try rows.update(record.key, at: record.timestamp) { old in
                    try updated(record, old, &timestamp).map { ValueAndTimestamp($0, at: timestamp) }
                }
            } catch { return try context.failed(error) }
            try changes.send(record, new: change.new?.value, old: change.old?.value, at: timestamp, change.result)
        }
    }

    private func updated(
        _ record: Record<Key, Change<Value>>, _ old: ValueAndTimestamp<Result>?, _ timestamp: inout Timestamp
    ) throws -> Result? {
        var result = old?.value
        if let removed = record.value.old, let before = result, let old {
            result = try subtract(before, record.key, removed)
            timestamp = max(record.timestamp, old.timestamp)
        }
        guard let added = record.value.new else { return result }
        if let before = result {
            timestamp = max(record.timestamp, old?.timestamp ?? record.timestamp)
            return try add(before, record.key, added)
        }
        if let old, !firstKeepsTime { timestamp = max(record.timestamp, old.timestamp) }
        return try first(record.key, added)
    }
}
