import MoldauRecords
import MoldauState
import MoldauTopology

/// A grouped stream's records by key and session, ready to be aggregated.
///
/// A record may extend a session or merge several: the old ones are then deleted, and the new one is emitted. A record
/// that arrives after its session and the grace period are over is dropped (counted), as is one without a key. The
/// timestamp of a result is the session's end.
public struct SessionWindowedKStream<Key, Value> {
    let grouped: KGroupedStream<Key, Value>
    let windows: SessionWindows
    let emit: EmitStrategy
}

extension KGroupedStream {
    /// Aggregates within sessions.
    ///
    /// ```swift
    /// let visits = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero)).count()
    /// // clicks: ada@10=/home, ada@20=/shop, ada@90=/home
    /// // visits: ada[10-10]=1, ada[10-10]=nil, ada[10-20]=2, ada[90-90]=1
    /// ```
    public func windowedBy(
        _ windows: SessionWindows, emit: EmitStrategy = .onWindowUpdate
    ) -> SessionWindowedKStream<Key, Value> {
        stream.builder.attempt { try windows.check() }
        return SessionWindowedKStream(grouped: self, windows: windows, emit: emit)
    }
}

extension SessionWindowedKStream {
    /// Counts the records of each session.
    ///
    /// ```swift
    /// let visits = clicks.groupByKey()
    ///     .windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose).count()
    /// // clicks: ada@10=/home, ada@20=/shop, ada@90=/home
    /// // visits: ada[10-20]=2
    /// ```
    public func count(
        as store: (any Materialization<SessionStoreName<Key, Int64>>)? = nil, named name: String? = nil
    ) -> KTable<Windowed<Key>, Int64> {
        count(result: Int64.serde, as: store, named: name)
    }

    /// As `count`, with another number type.
    public func count<Number: AdditiveArithmetic & ExpressibleByIntegerLiteral & SendableMetatype>(
        result: Serde<Number>, as store: (any Materialization<SessionStoreName<Key, Number>>)? = nil,
        named name: String? = nil
    ) -> KTable<Windowed<Key>, Number> {
        // Kafka Streams consumes a number here without using it if only the options of the store are given.
        grouped.skipNumber(for: store)
        return aggregating(
            "KSTREAM-AGGREGATE-", .count, as: store, named: name, result, .counting()
        ) { left, _, right in left + right }
    }

    /// Folds the records of each session into one value, which is updated in place.
    ///
    /// ```swift
    /// let visits = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose)
    ///     .aggregate("") { pages, _, page in pages += page } merging: { pages, _, later in pages += later }
    /// // clicks: ada@10=/home, ada@20=/shop, ada@90=/home
    /// // visits: ada[10-20]=/home/shop
    /// ```
    /// - Parameter merge: merges a session's value into another when a record joins them. The first call gets the
    ///   initial value; the sessions come in the order of their ends.
    /// - Parameter initial: the initial value of an aggregate.
    /// - Parameter store: the name of the store; nil generates one.
    /// - Parameter name: the operator's name in descriptions and metrics; nil generates one.
    /// - Parameter update: adds a record to the aggregate.
    public func aggregate<Result: StreamCodable & Sendable>(
        _ initial: Result, as store: (any Materialization<SessionStoreName<Key, Result>>)? = nil,
        named name: String? = nil, into update: @escaping @Sendable (inout Result, Key, Value) throws -> Void,
        merging merge: @escaping @Sendable (inout Result, Key, Result) throws -> Void
    ) -> KTable<Windowed<Key>, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", .aggregate, as: store, named: name, Result.serde,
            .changing(initial, update)
        ) { left, key, right in
            var merged = left
            try merge(&merged, key, right)
            return merged
        }
    }

    /// Folds the records of each session into one value; nil deletes the row. See `aggregate` above for `merge`.
    ///
    /// ```swift
    /// let longest = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose)
    ///     .aggregate({ 0 }, result: Int.serde) { length, _, page in max(page.count, length) }
    ///         merging: { one, _, other in max(one, other) }
    /// // clicks: ada@10=/home, ada@20=/, ada@90=/home
    /// // longest: ada[10-20]=5
    /// ```
    public func aggregate<Result>(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any Materialization<SessionStoreName<Key, Result>>)? = nil, named name: String? = nil,
        _ next: @escaping @Sendable (Result, Key, Value) throws -> Result?,
        merging merge: @escaping @Sendable (Result, Key, Result) throws -> Result
    ) -> KTable<Windowed<Key>, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", .aggregate, as: store, named: name, result,
            Fold(initial: initial, next: next), merge)
    }

    /// Combines the values of each session pairwise, starting with the first one.
    ///
    /// ```swift
    /// let paths = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose)
    ///     .reduce { path, page in path + page }
    /// // clicks: ada@10=/home, ada@20=/shop, ada@90=/home
    /// // paths: ada[10-20]=/home/shop
    /// ```
    public func reduce(
        as store: (any Materialization<SessionStoreName<Key, Value>>)? = nil, named name: String? = nil,
        _ combine: @escaping @Sendable (Value, Value) throws -> Value
    ) -> KTable<Windowed<Key>, Value> {
        aggregating(
            "KSTREAM-REDUCE-", .reduce, as: store, named: name, grouped.value,
            .reducing(combine, first: { $0 })
        ) { left, _, right in try combine(left, right) }
    }

    /// As `reduce`, for optional values: a nil after the first value is passed to `combine`. nil deletes the row.
    public func reduce<Wrapped>(
        result: Serde<Wrapped>, as store: (any Materialization<SessionStoreName<Key, Wrapped>>)? = nil,
        named name: String? = nil, _ combine: @escaping @Sendable (Wrapped, Wrapped?) throws -> Wrapped?
    ) -> KTable<Windowed<Key>, Wrapped> where Value == Wrapped? {
        aggregating(
            "KSTREAM-REDUCE-", .reduce, as: store, named: name, result,
            .reducing(combine, first: { $0 })
        ) { left, _, right in try combine(left, right) }
    }

    private func aggregating<Result>(
        _ prefix: String, _ operation: Aggregation, as store: (any Materialization<SessionStoreName<Key, Result>>)?,
        named given: String?, _ result: Serde<Result>, _ fold: Fold<Key, Value, Result>,
        _ merge: @escaping @Sendable (Result, Key, Result) throws -> Result?
    ) -> KTable<Windowed<Key>, Result> {
        let builder = grouped.stream.builder
        let choice = StoreChoice(windows: store, key: grouped.key, in: builder) {
            builder.names.store(prefix, origin: grouped.stream.origin, operation: operation.rawValue)
        }
        let aggregation = SessionAggregation(
            fold: fold, merge: merge, windows: windows, emit: emit, store: choice.name, memory: choice.windowMemory,
            key: grouped.key)
        return grouped.aggregated(
            prefix,
            .aggregate(operation, windows: windows.described, emit: emit.described(choice.emission)),
            named: given, choice, emission: emit == .onWindowClose ? .everyChange : nil,
            key: Windowed.sessionSerde(of: grouped.key), getter: .sessionStore(choice.name),
            store: choice.definition(
                of: windows, emit: emit, key: grouped.key, value: store?.value ?? result, in: builder),
            grace: .milliseconds(windows.closingMs)
        ) { context, changes in
            try aggregation.inlet(context, changes, reportsOld: changes.isHolding)
        }
    }
}
