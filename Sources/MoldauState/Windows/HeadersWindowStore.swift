import MoldauRecords

/// A map from keys and window starts to values, with the timestamps and headers of their records (KIP-1271). See
/// `WindowStore`, and `HeadersKeyValueStore` for headers in the changelog.
public final class HeadersWindowStore<Key, Value>: SegmentBackedStore, HeaderKeepingStore {
    /// A value with its timestamp and headers.
    public typealias Row = RecordedValue<Value>

    private let rows: WindowStore<Key, Row>
    private var rowBytes = ByteWriter()
    @usableFromInline package var segments: SegmentedStore { rows.segments }
    @usableFromInline package var cache: CachedByteStore { rows.cache }

    package init(segments: SegmentedStore, key: Serde<Key>, value: Serde<Value>, size: Duration) {
        rows = WindowStore(
            segments: segments, key: key, value: Row.serde(of: value), size: size, retainsDuplicates: false)
    }

    /// The length of each window.
    public var size: Duration { rows.size }

    /// Like `WindowStore.put`.
    @discardableResult public func put(_ key: Key, _ row: Row?, at start: Timestamp) throws -> Bool {
        try rows.put(key, row, at: start)
    }

    /// The value of the key's window that begins at `start`; nil if it has none, or if the window has expired.
    public func fetch(_ key: Key, at start: Timestamp) throws -> Row? { try rows.fetch(key, at: start) }

    /// Like `WindowStore.update`.
    @discardableResult public func update(
        _ key: Key, at start: Timestamp, _ body: (Row?) throws -> Row?
    ) throws -> (old: Row?, new: Row?) { try rows.update(key, at: start, body) }

    /// A key's windows that begin in a time span, both ends included; oldest first.
    public func fetch(_ key: Key, from: Timestamp, to: Timestamp) throws -> StoreIterator<Windowed<Key>, Row> {
        try rows.fetch(key, from: from, to: to)
    }

    /// Like `fetch`, newest first.
    public func reverseFetch(_ key: Key, from: Timestamp, to: Timestamp) throws -> StoreIterator<Windowed<Key>, Row> {
        try rows.reverseFetch(key, from: from, to: to)
    }

    /// The windows of a range of keys that begin in a time span, all ends included; nil means no bound.
    public func fetch(
        keysFrom first: Key?, through last: Key?, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Row> {
        try rows.fetch(keysFrom: first, through: last, from: from, to: to)
    }

    /// Like `fetch` of several keys, in reverse.
    public func reverseFetch(
        keysFrom first: Key?, through last: Key?, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Row> {
        try rows.reverseFetch(keysFrom: first, through: last, from: from, to: to)
    }

    /// All windows that have not expired.
    public func all() throws -> StoreIterator<Windowed<Key>, Row> { try rows.all() }

    /// Like `all`, in reverse.
    public func reverseAll() throws -> StoreIterator<Windowed<Key>, Row> { try rows.reverseAll() }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        withHeaders body: (
            _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?, Headers
        ) throws -> Void
    ) throws {
        try segments.drainChanges { key, row, start in
            try RecordedBytes.pass(key, row: row, deletedAt: start, to: body)
        }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers
    ) throws {
        try rows.restore(key: key, value: rowBytes.row(value, timestamp, headers), timestamp: timestamp)
    }
}
