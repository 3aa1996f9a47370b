import MoldauRecords
import MoldauState
import MoldauTopology

extension StoreChoice {
    /// The definition of the store of windows. Errors in the windows or the retention are reported to the builder.
    func definition<Key, Value>(
        of windows: TimeWindows, emit: EmitStrategy, key: Serde<Key>, value: Serde<Value>, in builder: StreamsBuilder
    ) -> StoreDefinition {
        let retention = self.retention ?? .milliseconds(windows.minimumRetentionMs)
        builder.attempt {
            try windows.check()
            try windows.check(retention: retention, store: name)
        }
        var definition = StoreDefinition(
            WindowStoreName(name, key: key, value: value), size: .milliseconds(windows.sizeMs), retention: retention,
            order: windows.storeOrder(emit), reach: reach(windows, emit), kind: kind(\.window),
            isLogged: storage.isLogged,
            changelogSettings: storage.changelogSettings)
        definition.expiresExactly = expiresExactly
        if emit == .onWindowClose { definition.closingMs = windows.closingMs }
        return definition
    }

    /// The definition of the store of sessions. Errors in the windows or the retention are reported to the builder.
    func definition<Key, Value>(
        of windows: SessionWindows, emit: EmitStrategy, key: Serde<Key>, value: Serde<Value>, in builder: StreamsBuilder
    ) -> StoreDefinition {
        // A session of exactly that age is still open; Kafka Streams' store in memory rejects it.
        let openMs: Int64 = windowMemory == .complete ? 1 : 0
        let retention = self.retention ?? .milliseconds(windows.closingMs.addingCapped(openMs))
        builder.attempt {
            try windows.check()
            try windows.check(retention: retention, store: name)
        }
        var definition = StoreDefinition(
            SessionStoreName(name, key: key, value: value), retention: retention,
            order: emit == .onWindowClose ? .byKeyWithin(.milliseconds(windows.gapMs)) : .byKey,
            reach: reach(ofSessions: emit), kind: kind(\.session),
            isLogged: storage.isLogged, changelogSettings: storage.changelogSettings)
        definition.expiresExactly = expiresExactly
        // The end is inclusive: a session closes a millisecond after it.
        if emit == .onWindowClose { definition.closingMs = 1 }
        return definition
    }
}

// As in Kafka Streams: held changes correspond to its record cache, which finds rows that the store below it would not;
// stores of windows that are emitted on close have their own rules.
extension StoreChoice {
    private func reach(_ windows: TimeWindows, _ emit: EmitStrategy) -> WindowReach {
        if windowMemory == .complete { return .untilDropped }
        if windows.isSliding, emit == .onWindowClose { return .endOfRetention }
        if emission != .everyChange { return .untilDropped }
        return emit == .onWindowClose ? .endOfRetention : .retention
    }

    private func reach(ofSessions emit: EmitStrategy) -> WindowReach {
        if windowMemory == .complete { return .untilDropped }
        return emit == .onWindowClose || emission == .everyChange ? .retention : .untilDropped
    }
}

extension TimeWindows {
    /// The time from a window's start until it closes, without the grace period. The end is exclusive, but inclusive
    /// for sliding windows, which therefore close a millisecond later.
    var closingMs: Int64 { isSliding ? sizeMs.addingCapped(1) : sizeMs }

    /// Windows that are emitted on close are looked up by time.
    fileprivate func storeOrder(_ emit: EmitStrategy) -> WindowOrder {
        guard emit == .onWindowClose else { return .byKey }
        return isSliding ? .byKeyWithin(.milliseconds(sizeMs)) : .byTime
    }
}

extension RowGetter {
    /// Looks up rows in the store of windows of that name.
    static func windowStore<Inner>(_ name: String) -> RowGetter where Key == Windowed<Inner> {
        RowGetter(stores: [name]) { context in
            let store: TimestampedWindowStore<Inner, Value> = try context.store(named: name)
            return { key, _ in try store.fetch(key.key, at: key.window.start) }
        }
    }

    /// Looks up rows in the store of sessions of that name; their time is the session's end.
    static func sessionStore<Inner>(_ name: String) -> RowGetter where Key == Windowed<Inner> {
        RowGetter(stores: [name]) { context in
            let store: SessionStore<Inner, Value> = try context.store(named: name)
            return { key, _ in try store.fetch(key).map { ValueAndTimestamp($0, at: key.window.end) } }
        }
    }
}
