import MoldauRecords

/// How the entries of a windowed store are ordered.
public enum WindowOrder: Sendable, Hashable {
    /// By key, then time, within segments: efficient for finding the windows of a key.
    case byKey
    /// Like `byKey` within spans of that length; the spans are in the order of time. Efficient for both.
    case byKeyWithin(Duration)
    /// By time: efficient for finding all windows in a time span. To find those of one key, all keys in the span are
    /// scanned.
    case byTime
}

/// How far back a windowed store can be read.
public enum WindowReach: Sendable, Hashable {
    /// As far as the retention.
    case retention
    /// One millisecond further: includes entries that are exactly as old as the retention.
    case endOfRetention
    /// As long as entries exist: segments of at least a minute are deleted as a whole.
    case untilDropped
}

extension StoreDefinition {
    /// Values by key and window start.
    /// - Parameters:
    ///   - name: the name of the store and the types of its rows.
    ///   - size: the length of each window.
    ///   - retention: how long after its start, by stream time, a window is kept and may be written.
    ///   - retainsDuplicates: whether each put adds an entry, instead of replacing the one with the same key and time.
    ///     Entries with the same key and time are distinguished by a number that counts from 1 in each task that opens
    ///     the store.
    ///   - order: the order in which entries are stored.
    ///   - reach: how far back reads go.
    ///   - kind: where the data is kept.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: PlainWindowStoreName<Key, Value>, size: Duration, retention: Duration, retainsDuplicates: Bool = false,
        order: WindowOrder = .byKey, reach: WindowReach = .retention, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        let form = StoreForm(
            retainsDuplicates ? .duplicatesWindow : .window, key: name.key.format, value: name.value.format,
            retention: retention)
        self.init(windows: name, form, retention, kind, isLogged, changelogSettings) { store, environment in
            let segments = try environment.segments(
                for: store, retention: retention, order: order, reach: reach,
                trailerBytes: Windowed<Key>.windowTrailerBytes)
            return WindowStore(
                segments: segments, key: name.key, value: name.value, size: size, retainsDuplicates: retainsDuplicates)
        }
    }

    /// Values with timestamps by key and window start.
    public init<Key, Value>(
        _ name: WindowStoreName<Key, Value>, size: Duration, retention: Duration, order: WindowOrder = .byKey,
        reach: WindowReach = .retention, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        let form = StoreForm(
            .timestampedWindow, key: name.key.format, value: name.value.format, sizeMs: size.milliseconds,
            retention: retention)
        self.init(windows: name, form, retention, kind, isLogged, changelogSettings) { store, environment in
            let segments = try environment.segments(
                for: store, retention: retention, order: order, reach: reach,
                trailerBytes: Windowed<Key>.windowTrailerBytes)
            return TimestampedWindowStore(segments: segments, key: name.key, value: name.value, size: size)
        }
    }

    /// Values with timestamps and headers by key and window start.
    public init<Key, Value>(
        _ name: HeadersWindowStoreName<Key, Value>, size: Duration, retention: Duration, order: WindowOrder = .byKey,
        reach: WindowReach = .retention, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        let form = StoreForm(
            .headersWindow, key: name.key.format, value: name.value.format, sizeMs: size.milliseconds,
            retention: retention)
        self.init(windows: name, form, retention, kind, isLogged, changelogSettings) { store, environment in
            let segments = try environment.segments(
                for: store, retention: retention, order: order, reach: reach,
                trailerBytes: Windowed<Key>.windowTrailerBytes)
            return HeadersWindowStore(segments: segments, key: name.key, value: name.value, size: size)
        }
    }

    /// Values by session.
    /// - Parameters:
    ///   - name: the name of the store and the types of its rows.
    ///   - retention: how long after its end, by stream time, a session is kept and may be written.
    ///   - order: the order in which entries are stored.
    ///   - reach: how far back reads go.
    ///   - kind: where the data is kept.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: SessionStoreName<Key, Value>, retention: Duration, order: WindowOrder = .byKey,
        reach: WindowReach = .retention, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        let form = StoreForm(.session, key: name.key.format, value: name.value.format, retention: retention)
        self.init(windows: name, form, retention, kind, isLogged, changelogSettings) { store, environment in
            let segments = try environment.segments(
                for: store, retention: retention, order: order, reach: reach,
                trailerBytes: Windowed<Key>.sessionTrailerBytes)
            return SessionStore(segments: segments, key: name.key, value: name.value)
        }
    }

    private init(
        windows name: some StoreName, _ form: StoreForm, _ retention: Duration, _ kind: StoreKind, _ isLogged: Bool,
        _ changelogSettings: [String: String],
        make: @escaping @Sendable (StoreDefinition, StoreEnvironment) throws -> any StateStore
    ) {
        self.init(name: name.name, kind: kind, isLogged: isLogged, changelogSettings: changelogSettings, make: make)
        hold(name)
        windowRetention = retention
        self.form = form
    }
}

extension StoreEnvironment {
    fileprivate func segments(
        for store: StoreDefinition, retention: Duration, order: WindowOrder, reach: WindowReach, trailerBytes: Int
    ) throws(StateError) -> SegmentedStore {
        let span: Int64 =
            switch order {
            // Also in memory, where expiry is by the millisecond: searching through buckets of one millisecond each
            // would cost too much.
            case .byKey: max(retention.milliseconds / 2, 60_000)
            case .byKeyWithin(let span): max(span.milliseconds, 1)
            case .byTime: 1
            }
        let cache = try cache(for: store)
        do throws(StateError) {
            return try SegmentedStore(
                cache: cache,
                retention: WindowRetention(retention, isExact: store.expiresExactly ?? (store.kind == .inMemory)),
                bucketMs: span, reach: reach, trailerBytes: trailerBytes)
        } catch {
            cache.leave()
            throw error
        }
    }
}
