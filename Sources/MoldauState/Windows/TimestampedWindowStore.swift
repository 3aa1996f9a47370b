import MoldauRecords

/// A map from keys and window starts to values, each with the timestamp of its newest event: what windowed aggregates
/// are stored in. See `WindowStore`.
///
/// In the store a value's bytes begin with its timestamp; in the changelog the timestamp is the record's, and the value
/// stands alone, as in Kafka Streams.
public final class TimestampedWindowStore<Key, Value>: SegmentBackedStore {
    /// A value with its timestamp.
    public typealias Row = ValueAndTimestamp<Value>

    /// For keys, and for iterating over entries.
    @usableFromInline let rows: WindowStore<Key, Row>
    @usableFromInline let codec: EntryCodec<Key, Value>
    @usableFromInline package var segments: SegmentedStore { rows.segments }
    /// Kept beside `rows`: access through it would cost reference counting.
    @usableFromInline package let cache: CachedByteStore
    private var rowBytes = ByteWriter()

    package init(segments: SegmentedStore, key: Serde<Key>, value: Serde<Value>, size: Duration) {
        rows = WindowStore(
            segments: segments, key: key, value: Row.serde(of: value), size: size, retainsDuplicates: false)
        codec = EntryCodec(segments.cache, key: key, value: value)
        cache = segments.cache
    }

    /// The length of each window.
    public var size: Duration { rows.size }

    /// Prefetches the rows that records will soon change; their keys must be encoded with the store's serde. Changes
    /// nothing.
    /// - Parameter sizeMs: of the windows, which are adjacent.
    package func expect(_ records: UnsafeBufferPointer<RecordView>, inWindowsOf sizeMs: Int64) {
        cache.expect(records) { record in
            record.key.map { rows.bytes(ofEncoded: $0, record.timestamp.ms / sizeMs * sizeMs) }
        }
    }

    /// Like `WindowStore.put`.
    @inlinable @discardableResult
    public func put(_ key: Key, _ row: Row?, at start: Timestamp) throws -> Bool {
        let value = try codec.bytes(of: row)
        let key = try rows.bytes(of: key, start)
        guard try segments.admits(start.ms) else { return false }
        try cache.put(key, value)
        return true
    }

    /// The value of the key's window that begins at `start`; nil if it has none, or if the window has expired.
    @inlinable public func fetch(_ key: Key, at start: Timestamp) throws -> Row? {
        guard segments.isReadable(start.ms) else { return nil }
        return try codec.decodeRow(try cache.get(try rows.bytes(of: key, start)))
    }

    /// Like `WindowStore.update`.
    @inlinable @discardableResult
    public func update(
        _ key: Key, at start: Timestamp, _ body: (Row?) throws -> Row?
    ) throws -> (old: Row?, new: Row?) {
        guard segments.isReadable(start.ms) else {
            let new = try body(nil)
            try put(key, new, at: start)
            return (nil, new)
        }
        let update = try cache.beginUpdate(try rows.bytes(of: key, start))
        defer { cache.endUpdate() }
        let old = try codec.decodeRow(update.value)
        let new = try body(old)
        let value = try codec.bytes(of: new)
        if try segments.admits(start.ms), value != nil || update.value != nil { cache.write(value, in: update) }
        return (old, new)
    }

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

    /// All windows that have not expired, in reverse.
    public func reverseAll() throws -> StoreIterator<Windowed<Key>, Row> { try rows.reverseAll() }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try segments.drainChanges { key, row, start in
            guard let row else { return try body(key, nil, start) }
            let (timestamp, value) = try splitTime(row, of: name)
            try body(key, value, timestamp)
        }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try rows.restore(key: key, value: rowBytes.row(value, timestamp), timestamp: timestamp)
    }
}
