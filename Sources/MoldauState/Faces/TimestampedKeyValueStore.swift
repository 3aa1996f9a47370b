import MoldauRecords

/// A map from keys to values, each with the timestamp of its event: what tables and aggregates are stored in.
///
/// In the store a value's bytes begin with its timestamp; in the changelog the timestamp is the record's, and the value
/// stands alone, as in Kafka Streams.
public final class TimestampedKeyValueStore<Key, Value>: CacheBackedStore {
    /// A value with its timestamp.
    public typealias Row = ValueAndTimestamp<Value>

    /// For iterating over entries.
    @usableFromInline let rows: KeyValueStore<Key, Row>
    @usableFromInline let codec: EntryCodec<Key, Value>
    /// A copy of the reference in `rows`: access through that would cost reference counting.
    @usableFromInline package let cache: CachedByteStore
    @usableFromInline var rowBytes = ByteWriter()

    @inlinable package init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>) {
        rows = KeyValueStore(cache: cache, key: key, value: Row.serde(of: value))
        codec = EntryCodec(cache, key: key, value: value)
        self.cache = cache
    }

    /// Prefetches the rows of keys that will soon be read; the records' keys must be encoded with the store's serde.
    /// Changes nothing.
    package func expect(_ records: UnsafeBufferPointer<RecordView>) { cache.expect(records) }

    /// The value of a key; nil if it has none.
    @inlinable public func get(_ key: Key) throws -> Row? {
        try codec.decodeRow(try cache.get(try codec.bytes(of: key)))
    }

    /// Sets the value of a key, or deletes it (nil).
    @inlinable public func put(_ key: Key, _ row: Row?) throws {
        let value = try codec.bytes(of: row)
        try cache.put(try codec.bytes(of: key), value)
    }

    /// Sets the value of a key that has none.
    /// - Returns: the existing value, which stays; nil if `row` was set.
    @inlinable @discardableResult public func putIfAbsent(_ key: Key, _ row: Row?) throws -> Row? {
        let update = try cache.beginUpdate(try codec.bytes(of: key))
        defer { cache.endUpdate() }
        if let existing = try codec.decodeRow(update.value) { return existing }
        if let row = try codec.bytes(of: row) { cache.write(row, in: update) }
        return nil
    }

    /// Deletes a key.
    /// - Returns: the value that it had.
    @inlinable @discardableResult public func delete(_ key: Key) throws -> Row? { try update(key) { _ in nil }.old }

    /// Reads a key and sets it to the result of `body`, with one look-up; nil deletes the key, or leaves it absent.
    /// `body` may use the store for other keys. If it throws, nothing is written.
    @inlinable @inline(__always) @discardableResult public func update(_ key: Key, _ body: (Row?) throws -> Row?) throws
        -> (
            old: Row?, new: Row?
        )
    {
        let update = try cache.beginUpdate(try codec.bytes(of: key))
        defer { cache.endUpdate() }
        let old = try codec.decodeRow(update.value)
        let new = try body(old)
        let value = try codec.bytes(of: new)
        if value != nil || update.value != nil { cache.write(value, in: update) }
        return (old, new)
    }

    /// Like `KeyValueStore.range`.
    public func range(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Row> {
        try rows.range(from: first, to: last)
    }

    /// Like `range`, from `last` down to `first`.
    public func reverseRange(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Row> {
        try rows.reverseRange(from: first, to: last)
    }

    /// All entries, in the order of their keys' bytes.
    public func all() throws -> StoreIterator<Key, Row> { try rows.all() }

    /// All entries, in reverse order of their keys' bytes.
    public func reverseAll() throws -> StoreIterator<Key, Row> { try rows.reverseAll() }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix>(_ prefix: Prefix, serde: Serde<Prefix>) throws -> StoreIterator<Key, Row> {
        try rows.prefixScan(prefix, serde: serde)
    }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix: StreamCodable>(_ prefix: Prefix) throws -> StoreIterator<Key, Row> {
        try rows.prefixScan(prefix)
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws { try cache.drainRows(into: body) }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try cache.restore(key, rowBytes.row(value, timestamp))
    }
}
