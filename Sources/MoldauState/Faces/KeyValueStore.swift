import MoldauRecords

/// A map from keys to values, owned by a task. Used by the task's processors, on its thread.
///
/// Keys are ordered by their bytes; ranges follow that order. Errors of the serdes are thrown unchanged; `StateError`
/// means that the storage refused something.
public final class KeyValueStore<Key, Value>: CacheBackedStore {
    @usableFromInline package let cache: CachedByteStore
    @usableFromInline let codec: EntryCodec<Key, Value>

    @inlinable package init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>) {
        self.cache = cache
        codec = EntryCodec(cache, key: key, value: value)
    }

    /// The value of a key; nil if it has none.
    @inlinable public func get(_ key: Key) throws -> Value? {
        try codec.decode(try cache.get(try codec.bytes(of: key)))
    }

    /// Sets the value of a key, or deletes it (nil).
    @inlinable public func put(_ key: Key, _ value: Value?) throws {
        let value = try codec.bytes(of: value)
        try cache.put(try codec.bytes(of: key), value)
    }

    /// Sets the value of a key that has none.
    /// - Returns: the existing value, which stays; nil if `value` was set.
    @inlinable @discardableResult public func putIfAbsent(_ key: Key, _ value: Value?) throws -> Value? {
        let update = try cache.beginUpdate(try codec.bytes(of: key))
        defer { cache.endUpdate() }
        // An existing value is not written again, so nothing goes to the changelog.
        if let existing = try codec.decode(update.value) { return existing }
        if let value = try codec.bytes(of: value) { cache.write(value, in: update) }
        return nil
    }

    /// Deletes a key.
    /// - Returns: the value that it had.
    @inlinable @discardableResult public func delete(_ key: Key) throws -> Value? { try update(key) { _ in nil }.old }

    /// Reads a key and sets it to the result of `body`, with one look-up; nil deletes the key, or leaves it absent.
    /// `body` may use the store for other keys. If it throws, nothing is written.
    @inlinable @discardableResult public func update(
        _ key: Key, _ body: (Value?) throws -> Value?
    ) throws -> (old: Value?, new: Value?) {
        let update = try cache.beginUpdate(try codec.bytes(of: key))
        defer { cache.endUpdate() }
        let old = try codec.decode(update.value)
        let new = try body(old)
        let value = try codec.bytes(of: new)
        if value != nil || update.value != nil { cache.write(value, in: update) }
        return (old, new)
    }

    /// The entries from one key to another, both included, in the order of their bytes; nil means no bound. See
    /// `StoreIterator` for the effect of writes meanwhile.
    public func range(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Value> {
        try iterate(try keyRange(first, last), reverse: false)
    }

    /// Like `range`, from `last` down to `first`.
    public func reverseRange(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Value> {
        try iterate(try keyRange(first, last), reverse: true)
    }

    /// All entries, in the order of their keys' bytes.
    public func all() throws -> StoreIterator<Key, Value> { try iterate(.all, reverse: false) }

    /// All entries, in reverse order of their keys' bytes.
    public func reverseAll() throws -> StoreIterator<Key, Value> { try iterate(.all, reverse: true) }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix>(_ prefix: Prefix, serde: Serde<Prefix>) throws -> StoreIterator<Key, Value> {
        var writer = ByteWriter(capacity: 64)
        try serde.at(cache.topic, .key).encode(prefix, &writer)
        return try iterate(KeyRange(prefix: Array(writer.bytes)), reverse: false)
    }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix: StreamCodable>(_ prefix: Prefix) throws -> StoreIterator<Key, Value> {
        try prefixScan(prefix, serde: Prefix.serde)
    }

    private func iterate(_ range: KeyRange, reverse: Bool) throws -> StoreIterator<Key, Value> {
        StoreIterator(try cache.scan(range, reverse: reverse), of: name, key: codec.key, value: codec.value)
    }

    private func keyRange(_ first: Key?, _ last: Key?) throws -> KeyRange {
        KeyRange(
            from: try first.map { Array(try codec.bytes(of: $0)) },
            through: try last.map { Array(try codec.bytes(of: $0)) })
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try cache.drainChanges { key, value in try body(key, value, nil) }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try cache.restore(key, value)
    }
}
