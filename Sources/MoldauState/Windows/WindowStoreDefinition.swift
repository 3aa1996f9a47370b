import MoldauRecords

/// How the windows of a store lie on disk.
public enum WindowOrder: Sendable, Hashable {
    /// By key, then time, within segments: for finding the windows of a key.
    case byKey
    /// As `byKey`, within spans of that length, in the order of time: for both.
    case byKeyWithin(Duration)
    /// By time: for finding the windows of a span of time. All keys of the span are looked at to find those of one.
    case byTime
}

/// How far back the reads of a windowed store go.
public enum WindowReach: Sendable, Hashable {
    /// As far as the retention.
    case retention
    /// A millisecond further: to what is exactly as old as the retention.
    case endOfRetention
    /// To what is not dropped yet: segments of at least a minute go at once.
    case untilDropped
}

extension StoreDefinition {
    /// Values by key and window start.
    /// - Parameters:
    ///   - size: of each window.
    ///   - retention: how long windows are kept and written after stream time passed their start.
    ///   - reach: how far back reads go.
    ///   - retainsDuplicates: whether each put adds an entry, instead of replacing the one of its key and time. They are
    ///     told apart by a number that counts from 1 in each task that opens the store.
    public init<Key, Value>(
        _ name: PlainWindowStoreName<Key, Value>, size: Duration, retention: Duration, retainsDuplicates: Bool = false,
        order: WindowOrder = .byKey, reach: WindowReach = .retention, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        topicSettings: [String: String] = [:]
    ) {
        let form = StoreForm(
            retainsDuplicates ? .duplicatesWindow : .window, key: name.key.format, value: name.value.format,
            retention: retention)
        self.init(windows: name.name, form, retention, kind, isLogged, topicSettings) { store, environment in
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
        topicSettings: [String: String] = [:]
    ) {
        let form = StoreForm(
            .timestampedWindow, key: name.key.format, value: name.value.format, sizeMs: size.milliseconds,
            retention: retention)
        self.init(windows: name.name, form, retention, kind, isLogged, topicSettings) { store, environment in
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
        topicSettings: [String: String] = [:]
    ) {
        let form = StoreForm(
            .headersWindow, key: name.key.format, value: name.value.format, sizeMs: size.milliseconds,
            retention: retention)
        self.init(windows: name.name, form, retention, kind, isLogged, topicSettings) { store, environment in
            let segments = try environment.segments(
                for: store, retention: retention, order: order, reach: reach,
                trailerBytes: Windowed<Key>.windowTrailerBytes)
            return HeadersWindowStore(segments: segments, key: name.key, value: name.value, size: size)
        }
    }

    /// Values by session.
    /// - Parameter retention: how long sessions are kept and written after stream time passed their end.
    public init<Key, Value>(
        _ name: SessionStoreName<Key, Value>, retention: Duration, order: WindowOrder = .byKey,
        reach: WindowReach = .retention, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        topicSettings: [String: String] = [:]
    ) {
        let form = StoreForm(.session, key: name.key.format, value: name.value.format, retention: retention)
        self.init(windows: name.name, form, retention, kind, isLogged, topicSettings) { store, environment in
            let segments = try environment.segments(
                for: store, retention: retention, order: order, reach: reach,
                trailerBytes: Windowed<Key>.sessionTrailerBytes)
            return SessionStore(segments: segments, key: name.key, value: name.value)
        }
    }

    private init(
        windows name: String, _ form: StoreForm, _ retention: Duration, _ kind: StoreKind, _ isLogged: Bool,
        _ topicSettings: [String: String],
        make: @escaping @Sendable (StoreDefinition, StoreEnvironment) throws -> any StateStore
    ) {
        self.init(name: name, kind: kind, isLogged: isLogged, topicSettings: topicSettings, make: make)
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
            // Also in memory, where each millisecond expires by itself: to look through all of them would cost too much.
            case .byKey: max(retention.milliseconds / 2, 60_000)
            case .byKeyWithin(let span): max(span.milliseconds, 1)
            case .byTime: 1
            }
        return try SegmentedStore(
            cache: try cache(for: store),
            retention: WindowRetention(retention, isExact: store.expiresExactly ?? (store.kind == .inMemory)),
            bucketMs: span, reach: reach, trailerBytes: trailerBytes)
    }
}
