import MoldauRecords

/// A map from keys to values, with the timestamps and headers of their records (KIP-1271). For processors: the stores
/// of the DSL's operators keep no headers.
///
/// In the changelog, timestamp and headers are those of the changelog record, as in Kafka Streams. Rows that a
/// `TimestampedKeyValueStore` of the same name has written, there and on disk, are read as values without headers; the
/// reverse is not possible.
public final class HeadersKeyValueStore<Key, Value>: CacheBackedStore, HeaderKeepingStore {
    /// A value with its timestamp and headers.
    public typealias Row = RecordedValue<Value>

    let rows: KeyValueStore<Key, Row>
    private var rowBytes = ByteWriter()
    @usableFromInline package var cache: CachedByteStore { rows.cache }

    package init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>) {
        rows = KeyValueStore(cache: cache, key: key, value: Row.serde(of: value))
    }

    /// The value of a key; nil if it has none.
    public func get(_ key: Key) throws -> Row? { try rows.get(key) }

    /// Sets the value of a key, or deletes it (nil).
    public func put(_ key: Key, _ row: Row?) throws { try rows.put(key, row) }

    /// Sets the value of a key that has none.
    /// - Returns: the existing value, which stays; nil if `row` was set.
    @discardableResult public func putIfAbsent(_ key: Key, _ row: Row?) throws -> Row? {
        try rows.putIfAbsent(key, row)
    }

    /// Deletes a key.
    /// - Returns: the value that it had.
    @discardableResult public func delete(_ key: Key) throws -> Row? { try rows.delete(key) }

    /// Like `KeyValueStore.update`.
    @discardableResult public func update(
        _ key: Key, _ body: (Row?) throws -> Row?
    ) throws -> (old: Row?, new: Row?) { try rows.update(key, body) }

    /// Like `KeyValueStore.range`.
    public func range(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Row> {
        try rows.range(from: first, to: last)
    }

    /// Like `range`, from `last` down to `first`.
    public func reverseRange(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Row> {
        try rows.reverseRange(from: first, to: last)
    }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix>(_ prefix: Prefix, serde: Serde<Prefix>) throws -> StoreIterator<Key, Row> {
        try rows.prefixScan(prefix, serde: serde)
    }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix: StreamCodable>(_ prefix: Prefix) throws -> StoreIterator<Key, Row> {
        try rows.prefixScan(prefix)
    }

    /// All entries, in the order of their keys' bytes.
    public func all() throws -> StoreIterator<Key, Row> { try rows.all() }

    /// All entries, in reverse order of their keys' bytes.
    public func reverseAll() throws -> StoreIterator<Key, Row> { try rows.reverseAll() }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        withHeaders body: (
            _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?, Headers
        ) throws -> Void
    ) throws {
        try cache.drainChanges { key, row in try RecordedBytes.pass(key, row: row, deletedAt: nil, to: body) }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers
    ) throws { try cache.restore(key, rowBytes.row(value, timestamp, headers)) }
}

extension StoreDefinition {
    /// A map from keys to values with their timestamps and headers.
    public init<Key, Value>(
        _ name: HeadersStoreName<Key, Value>, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        self.init(name: name.name, kind: kind, isLogged: isLogged, changelogSettings: changelogSettings) {
            store, environment in
            HeadersKeyValueStore(cache: try environment.cache(for: store), key: name.key, value: name.value)
        }
        hold(name, as: .headersKeyValue)
    }
}
