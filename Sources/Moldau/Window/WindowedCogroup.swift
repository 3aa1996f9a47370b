import MoldauRecords
import MoldauState
import MoldauTopology

/// A cogroup's records by key and window. See `TimeWindowedKStream`.
public struct TimeWindowedCogroupedKStream<Key, Result> {
    let cogrouped: CogroupedKStream<Key, Result>
    let windows: TimeWindows
}

/// A cogroup's records by key and session. See `SessionWindowedKStream`.
public struct SessionWindowedCogroupedKStream<Key, Result> {
    let cogrouped: CogroupedKStream<Key, Result>
    let windows: SessionWindows
}

extension CogroupedKStream {
    /// Aggregates within windows.
    ///
    /// ```swift
    /// let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
    ///     .cogroup(withdrawals.groupByKey()) { flow, _, amount in flow -= amount }
    ///     .windowedBy(.tumbling(.seconds(60), grace: .zero)).aggregate(0)
    /// // deposits: ada@10=100
    /// // withdrawals: ada@20=30, ada@70=1
    /// // flows: ada[0-60]=100, ada[0-60]=70, ada[60-120]=-1
    /// ```
    public func windowedBy(_ windows: TimeWindows) -> TimeWindowedCogroupedKStream<Key, Result> {
        builder.attempt { try windows.check() }
        return TimeWindowedCogroupedKStream(cogrouped: self, windows: windows)
    }

    /// Aggregates within windows without end, or windows chosen by a function.
    ///
    /// ```swift
    /// let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
    ///     .windowedBy(.unlimited()).aggregate(0).toStream { windowed, _ in windowed.key }
    /// // deposits: ada@10=100, ada@70=5
    /// // flows: ada=100, ada=105
    /// ```
    public func windowedBy(_ windows: CustomWindows) -> TimeWindowedCogroupedKStream<Key, Result> {
        windowedBy(windows.windows)
    }

    /// Aggregates within sessions.
    ///
    /// ```swift
    /// let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
    ///     .windowedBy(.sessions(gap: .seconds(30), grace: .zero))
    ///     .aggregate(0) { flow, _, later in flow += later }
    /// // deposits: ada@10=100, ada@20=10
    /// // flows: ada[10-10]=100, ada[10-10]=nil, ada[10-20]=110
    /// ```
    public func windowedBy(_ windows: SessionWindows) -> SessionWindowedCogroupedKStream<Key, Result> {
        builder.attempt { try windows.check() }
        return SessionWindowedCogroupedKStream(cogrouped: self, windows: windows)
    }
}

extension TimeWindowedCogroupedKStream {
    /// The aggregates as a table.
    ///
    /// ```swift
    /// let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
    ///     .windowedBy(.tumbling(.seconds(60), grace: .zero)).aggregate(0)
    /// // deposits: ada@10=100, ada@70=5
    /// // flows: ada[0-60]=100, ada[60-120]=5
    /// ```
    public func aggregate(
        _ initial: Result, as store: (any Materialization<WindowStoreName<Key, Result>>)? = nil,
        named name: String? = nil
    ) -> KTable<Windowed<Key>, Result> where Result: StreamCodable & Sendable {
        aggregate({ initial }, result: Result.serde, as: store, named: name)
    }

    /// As `aggregate`, with an initial value made for each window and the given serde.
    public func aggregate(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any Materialization<WindowStoreName<Key, Result>>)? = nil, named name: String? = nil
    ) -> KTable<Windowed<Key>, Result> {
        let choice = cogrouped.choice(windows: store)
        let (storeName, memory, windows, key) = (choice.name, choice.windowMemory, windows, cogrouped.key)
        return cogrouped.aggregated(
            named: name, choice, key: windows.keySerde(of: key),
            getter: .windowStore(storeName),
            store: choice.definition(
                of: windows, emit: .onWindowUpdate, key: key, value: store?.value ?? result, in: cogrouped.builder),
            grace: .milliseconds(windows.graceMs), windows: windows.described
        ) { inlets, context, changes, isHolding in
            try inlets.windowed(context, store: storeName, memory, windows, initial, changes, isHolding: isHolding)
        }
    }
}

extension SessionWindowedCogroupedKStream {
    /// The aggregates as a table. `merge` merges a session's value into another when a record joins them.
    ///
    /// ```swift
    /// let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
    ///     .windowedBy(.sessions(gap: .seconds(30), grace: .zero))
    ///     .aggregate(0) { flow, _, later in flow += later }
    /// // deposits: ada@10=100, ada@90=5
    /// // flows: ada[10-10]=100, ada[90-90]=5
    /// ```
    public func aggregate(
        _ initial: Result, as store: (any Materialization<SessionStoreName<Key, Result>>)? = nil,
        named name: String? = nil,
        merging merge: @escaping @Sendable (inout Result, Key, Result) throws -> Void
    ) -> KTable<Windowed<Key>, Result> where Result: StreamCodable & Sendable {
        aggregate({ initial }, result: Result.serde, as: store, named: name) { left, key, right in
            var merged = left
            try merge(&merged, key, right)
            return merged
        }
    }

    /// As `aggregate`, with an initial value made for each session and the given serde.
    public func aggregate(
        _ initial: @escaping @Sendable () throws -> Result, result: Serde<Result>,
        as store: (any Materialization<SessionStoreName<Key, Result>>)? = nil, named name: String? = nil,
        merging merge: @escaping @Sendable (Result, Key, Result) throws -> Result
    ) -> KTable<Windowed<Key>, Result> {
        let choice = cogrouped.choice(windows: store)
        let (storeName, memory, windows, key) = (choice.name, choice.windowMemory, windows, cogrouped.key)
        return cogrouped.aggregated(
            named: name, choice, key: Windowed.sessionSerde(of: key), getter: .sessionStore(storeName),
            store: choice.definition(
                of: windows, emit: .onWindowUpdate, key: key, value: store?.value ?? result, in: cogrouped.builder),
            grace: .milliseconds(windows.closingMs), windows: windows.described
        ) { inlets, context, changes, isHolding in
            try inlets.sessions(
                context, store: storeName, memory, windows, initial, merging: merge, changes, isHolding: isHolding)
        }
    }
}
