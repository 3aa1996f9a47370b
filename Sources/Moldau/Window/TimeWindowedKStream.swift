import MoldauRecords
import MoldauState
import MoldauTopology

/// A grouped stream's records by key and window, ready to be aggregated.
///
/// A record that arrives after its window and the grace period are over is dropped (counted). Records without a key are
/// dropped (counted); those without a value count, except in sliding windows.
public struct TimeWindowedKStream<Key, Value> {
    @usableFromInline let grouped: KGroupedStream<Key, Value>
    let windows: TimeWindows
    let emit: EmitStrategy
}

extension KGroupedStream {
    /// Aggregates within windows.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .seconds(5)), emit: .onWindowClose)
    ///     .count()
    /// // clicks: ada@10=/home, ada@20=/shop, ada@70=/home
    /// // counts: ada[0-60]=2
    /// ```
    /// - Parameters:
    ///   - windows: the windows that records are put into.
    ///   - emit: when the results are emitted.
    public func windowedBy(
        _ windows: TimeWindows, emit: EmitStrategy = .onWindowUpdate
    ) -> TimeWindowedKStream<Key, Value> {
        stream.builder.attempt { try windows.check() }
        return TimeWindowedKStream(grouped: self, windows: windows, emit: emit)
    }

    /// Aggregates within windows without end, or windows chosen by a function.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.unlimited()).count().toStream { windowed, _ in windowed.key }
    /// // clicks: ada@10=/home, ada@70=/home
    /// // counts: ada=1, ada=2
    /// ```
    public func windowedBy(_ windows: CustomWindows) -> TimeWindowedKStream<Key, Value> {
        windowedBy(windows.windows)
    }

    /// Does not exist.
    @available(*, unavailable, message: "such windows are not emitted on close; leave out 'emit'")
    public func windowedBy(_ windows: CustomWindows, emit: EmitStrategy) -> TimeWindowedKStream<Key, Value> {
        fatalError()
    }
}

extension TimeWindowedKStream {
    /// Counts the records of each key and window.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
    /// // clicks: ada@10=/home, ada@20=/shop, ada@70=/home
    /// // counts: ada[0-60]=1, ada[0-60]=2, ada[60-120]=1
    /// ```
    @inlinable public func count(
        as store: (any Materialization<WindowStoreName<Key, Int64>>)? = nil, named name: String? = nil
    ) -> KTable<Windowed<Key>, Int64> {
        count(result: Int64.serde, as: store, named: name)
    }

    /// As `count`, with another number type.
    @inlinable public func count<Number: AdditiveArithmetic & ExpressibleByIntegerLiteral & SendableMetatype>(
        result: Serde<Number>, as store: (any Materialization<WindowStoreName<Key, Number>>)? = nil,
        named name: String? = nil
    ) -> KTable<Windowed<Key>, Number> {
        // Kafka Streams consumes a number here without using it if only the options of the store are given.
        skipNumber(for: store)
        return aggregating("KSTREAM-AGGREGATE-", .count, as: store, named: name, result, .counting())
    }

    /// Folds the records of each key and window into one value, which is updated in place.
    ///
    /// ```swift
    /// let paid = payments.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero))
    ///     .aggregate(0) { sum, _, payment in sum += payment }
    /// // payments: o1@10=60, o1@20=10, o1@70=5
    /// // paid: o1[0-60]=60, o1[0-60]=70, o1[60-120]=5
    /// ```
    @inlinable public func aggregate<Result: StreamCodable & Sendable>(
        _ initial: Result, as store: (any Materialization<WindowStoreName<Key, Result>>)? = nil,
        named name: String? = nil, into update: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> KTable<Windowed<Key>, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", .aggregate, as: store, named: name, Result.serde,
            .changing(initial, update))
    }

    /// Folds the records of each key and window into one value; nil deletes the row.
    ///
    /// ```swift
    /// let latest = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero))
    ///     .aggregate({ "" }, result: String.serde) { _, _, page in page == "/bye" ? nil : page }
    /// // clicks: ada@10=/home, ada@20=/bye
    /// // latest: ada[0-60]=/home, ada[0-60]=nil
    /// ```
    @inlinable public func aggregate<Result>(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any Materialization<WindowStoreName<Key, Result>>)? = nil, named name: String? = nil,
        _ next: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) -> KTable<Windowed<Key>, Result> {
        aggregating(
            "KSTREAM-AGGREGATE-", .aggregate, as: store, named: name, result,
            Fold(initial: initial, next: next))
    }

    /// Combines the values of each key and window pairwise, starting with the first one.
    ///
    /// ```swift
    /// let largest = payments.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).reduce { max($0, $1) }
    /// // payments: o1@10=60, o1@20=10, o1@70=5
    /// // largest: o1[0-60]=60, o1[0-60]=60, o1[60-120]=5
    /// ```
    @inlinable public func reduce(
        as store: (any Materialization<WindowStoreName<Key, Value>>)? = nil, named name: String? = nil,
        _ combine: @escaping @Sendable (Value, Value) throws -> Value
    ) -> KTable<Windowed<Key>, Value> {
        aggregating(
            "KSTREAM-REDUCE-", .reduce, as: store, named: name, grouped.value,
            .reducing(combine, first: { $0 }))
    }

    /// As `reduce`, for optional values: a nil after the first value is passed to `combine`. nil deletes the row.
    @inlinable public func reduce<Wrapped>(
        result: Serde<Wrapped>, as store: (any Materialization<WindowStoreName<Key, Wrapped>>)? = nil,
        named name: String? = nil, _ combine: @escaping @Sendable (Wrapped, Wrapped?) throws -> Wrapped?
    ) -> KTable<Windowed<Key>, Wrapped> where Value == Wrapped? {
        aggregating(
            "KSTREAM-REDUCE-", .reduce, as: store, named: name, result,
            .reducing(combine, first: { $0 }))
    }

    @usableFromInline func skipNumber(for store: (any Materialization)?) {
        if !windows.isSliding { grouped.skipNumber(for: store) }
    }

    @inlinable func aggregating<Result>(
        _ prefix: String, _ operation: Aggregation, as store: (any Materialization<WindowStoreName<Key, Result>>)?,
        named name: String?, _ result: Serde<Result>, _ fold: Fold<Key, Value, Result>
    ) -> KTable<Windowed<Key>, Result> {
        let (key, value) = (grouped.key, grouped.value)
        return aggregating(prefix, operation, as: store, named: name, result) { context, settings, changes in
            try WindowAggregation(fold: fold, settings: settings, key: key, value: value)
                .inlet(context, changes, reportsInitial: !changes.isHolding)
        }
    }

    @usableFromInline func aggregating<Result>(
        _ prefix: String, _ operation: Aggregation, as store: (any Materialization<WindowStoreName<Key, Result>>)?,
        named given: String?, _ result: Serde<Result>,
        inlet:
            @escaping @Sendable (NodeContext, WindowSettings, ChangeForwarder<Windowed<Key>, Result>) throws -> Inlet<
                Key, Value
            >
    ) -> KTable<Windowed<Key>, Result> {
        let builder = grouped.stream.builder
        let choice = StoreChoice(windows: store, key: grouped.key, in: builder) {
            builder.names.store(prefix, origin: grouped.stream.origin, operation: operation.rawValue)
        }
        let settings = WindowSettings(windows: windows, emit: emit, store: choice.name, memory: choice.windowMemory)
        return grouped.aggregated(
            prefix,
            .aggregate(operation, windows: windows.described, emit: emit.described(choice.emission)),
            named: given, choice, emission: emit == .onWindowClose ? .everyChange : nil,
            key: windows.keySerde(of: grouped.key),
            getter: .windowStore(choice.name),
            store: choice.definition(
                of: windows, emit: emit, key: grouped.key, value: store?.value ?? result, in: builder),
            grace: .milliseconds(windows.graceMs)
        ) { context, changes in try inlet(context, settings, changes) }
    }
}
