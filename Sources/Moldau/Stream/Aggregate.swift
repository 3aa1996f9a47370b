import MoldauRecords
import MoldauState
import MoldauTopology

extension KGroupedStream {
    /// Counts the records of each key. Records without a key or value are dropped (counted).
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().count()
    /// // clicks: ada=/home, bob=/home, ada=/shop
    /// // counts: ada=1, bob=1, ada=2
    /// ```
    @inlinable public func count(
        as store: (any TableMaterialization<Key, Int64>)? = nil, named name: String? = nil
    ) -> KTable<Key, Int64> {
        count(result: Int64.serde, as: store, named: name)
    }

    /// As `count`, with another number type.
    @inlinable public func count<Number: AdditiveArithmetic & ExpressibleByIntegerLiteral & SendableMetatype>(
        result: Serde<Number>, as store: (any TableMaterialization<Key, Number>)? = nil, named name: String? = nil
    ) -> KTable<Key, Number> {
        // Kafka Streams consumes a number here without using it if only the options of the store are given.
        skipNumber(for: store)
        guard let keysOnly else {
            return aggregating(
                "KSTREAM-AGGREGATE-", operation: .count, as: store, named: name, result: result,
                .counting())
        }
        return keysOnly.aggregating(
            "KSTREAM-AGGREGATE-", operation: .count, as: store, named: name, result: result,
            .counting())
    }

    /// Folds the records of each key into one value, which is updated in place: the closure assigns to its first
    /// argument, and returns nothing.
    ///
    /// ```swift
    /// let spent = orders.groupBy { _, order in order.customer }
    ///     .aggregate(0) { total, _, order in total += order.amount }
    /// // orders: o1=ada 120, o2=bob 30, o3=ada 5
    /// // spent: ada=120, bob=30, ada=125
    /// ```
    @inlinable public func aggregate<Result: StreamCodable & Sendable>(
        _ initial: Result, as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        into update: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> KTable<Key, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", operation: .aggregate, as: store, named: name, result: Result.serde,
            .changing(initial, update))
    }

    /// Folds the records of each key into one value; nil deletes the row.
    ///
    /// ```swift
    /// let open = payments.groupByKey().aggregate({ 100 }, result: Int.serde) { rest, _, payment in
    ///     rest > payment ? rest - payment : nil
    /// }
    /// // payments: o1=60, o2=10, o1=40
    /// // open: o1=40, o2=90, o1=nil
    /// ```
    @inlinable public func aggregate<Result>(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        _ next: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) -> KTable<Key, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", operation: .aggregate, as: store, named: name, result: result,
            Fold(initial: initial, next: next))
    }

    /// Combines the values of each key pairwise, starting with the first value. nil deletes the row.
    ///
    /// ```swift
    /// let largest = payments.groupByKey().reduce { max($0, $1) }
    /// // payments: o1=60, o1=10, o1=80
    /// // largest: o1=60, o1=60, o1=80
    /// ```
    @inlinable public func reduce(
        as store: (any TableMaterialization<Key, Value>)? = nil, named name: String? = nil,
        _ combine: @escaping @Sendable (Value, Value) throws -> Value
    ) -> KTable<Key, Value> {
        reducing(as: store, named: name, result: value, first: { $0 }, combine)
    }

    /// As `reduce`, for optional values: nil values are dropped first.
    @inlinable public func reduce<Wrapped: StreamCodable>(
        as store: (any TableMaterialization<Key, Wrapped>)? = nil, named name: String? = nil,
        _ combine: @escaping @Sendable (Wrapped, Wrapped) throws -> Wrapped?
    ) -> KTable<Key, Wrapped> where Value == Wrapped? {
        reduce(result: Wrapped.serde, as: store, named: name, combine)
    }

    /// As `reduce` of optional values, with the given serde.
    @inlinable public func reduce<Wrapped>(
        result: Serde<Wrapped>, as store: (any TableMaterialization<Key, Wrapped>)? = nil, named name: String? = nil,
        _ combine: @escaping @Sendable (Wrapped, Wrapped) throws -> Wrapped?
    ) -> KTable<Key, Wrapped> where Value == Wrapped? {
        reducing(as: store, named: name, result: result, first: { $0 }) { old, new in
            guard let new else { return nil }
            return try combine(old, new)
        }
    }

    @inlinable func reducing<Result>(
        as store: (any TableMaterialization<Key, Result>)?, named name: String?,
        result: Serde<Result>,
        first: @escaping @Sendable (Value) -> Result?,
        _ combine: @escaping @Sendable (Result, Value) throws -> Result?
    ) -> KTable<Key, Result> {
        aggregating(
            "KSTREAM-REDUCE-", operation: .reduce, as: store, named: name, result: result,
            .reducing(combine, first: first))
    }

    @usableFromInline func skipNumber(for store: (any Materialization)?) {
        guard let store, store.storeName == nil else { return }
        _ = stream.builder.names.processor(nil, "KSTREAM-AGGREGATE-STATE-STORE-")
    }

    @inlinable func aggregating<Result>(
        _ prefix: String, operation: Aggregation, as store: (any TableMaterialization<Key, Result>)?,
        named name: String?, result: Serde<Result>, _ fold: Fold<Key, Value, Result>
    ) -> KTable<Key, Result> {
        let (key, value) = (key, value)
        return aggregating(prefix, operation: operation, as: store, named: name, result: result) {
            context, store, changes in
            try fold.inlet(
                context, store: store, key: key, value: value, changes, reportsInitial: !changes.isHolding)
        }
    }

    @usableFromInline func aggregating<Result>(
        _ prefix: String, operation: Aggregation, as store: (any TableMaterialization<Key, Result>)?,
        named given: String?, result: Serde<Result>,
        inlet:
            @escaping @Sendable (NodeContext, _ store: String, ChangeForwarder<Key, Result>) throws -> Inlet<Key, Value>
    ) -> KTable<Key, Result> {
        let choice = StoreChoice(store, key: key, in: stream.builder) {
            stream.builder.names.store(prefix, origin: stream.origin, operation: operation.rawValue)
        }
        let name = choice.name
        return aggregated(
            prefix, .aggregate(operation, windows: nil, emit: choice.emission.described), named: given,
            choice, key: key, getter: .store(name),
            store: choice.definition(key: key, value: store?.value ?? result)
        ) { context, changes in try inlet(context, name, changes) }
    }
}

extension Fold {
    /// The node of an aggregation without windows.
    /// - Parameter reportsInitial: whether a key's first change has the initial value as its old value, as in Kafka
    ///   Streams unless changes are held.
    @inlinable func inlet(
        _ context: NodeContext, store: String, key: Serde<Key>, value: Serde<Value>,
        _ changes: ChangeForwarder<Key, Result>, reportsInitial: Bool
    ) throws -> Inlet<Key, Value> {
        let rows = try TableRows<Key, Result>(context, store)
        // Captures the functions only, not the whole `Null`s: using those would cost reference counting.
        let (isNullKey, isNullValue) = (key.null?.isNull, value.null?.isNull)
        return Inlet(
            expecting: rows.expectation,
            parts: { key, value, recordTime, headers in
                if isNullKey?(key) ?? false { return context.drop(.nullKey) }
                if isNullValue?(value) ?? false { return context.drop(.nullValue) }
                var reportedOld: Result?
                var timestamp = recordTime
                let change:
                    (old: ValueAndTimestamp<Result>?, new: ValueAndTimestamp<Result>?, result: VersionedPutResult)
                do {
                    change = try rows.update(key, at: recordTime) { old in
                        let (before, after) = try adding(key, value, to: old?.value)
                        reportedOld = reportsInitial ? before : old?.value
                        if let old { timestamp = max(timestamp, old.timestamp) }
                        return after.map { ValueAndTimestamp($0, at: timestamp) }
                    }
                } catch { return try context.failed(error) }
                try changes.send(key, headers, new: change.new?.value, old: reportedOld, at: timestamp, change.result)
            })
    }
}
