import MoldauRecords

/// The last value of each key of a topic, owned by a task. The task's processors read it, on its thread; only the
/// topic's records change it.
///
/// Keys are ordered by their bytes; ranges follow that order. Errors of the serdes are thrown unchanged; `StateError`
/// means that the storage refused something.
public final class ReadOnlyKeyValueStore<Key, Value>: KeyValueBackedStore, ReadableMap {
    @usableFromInline package let rows: KeyValueStore<Key, Value>

    init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>) {
        rows = KeyValueStore(cache: cache, key: key, value: value)
    }

    /// The value of a key; nil if it has none.
    public func get(_ key: Key) throws -> Value? { try rows.get(key) }

    /// The entries from one key to another, both included, in the order of their bytes; nil means no bound.
    public func range(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Value> {
        try rows.range(from: first, to: last)
    }

    /// Like `range`, from `last` down to `first`.
    public func reverseRange(from first: Key? = nil, to last: Key? = nil) throws -> StoreIterator<Key, Value> {
        try rows.reverseRange(from: first, to: last)
    }

    /// All entries, in the order of their keys' bytes.
    public func all() throws -> StoreIterator<Key, Value> { try rows.all() }

    /// All entries, in reverse order of their keys' bytes.
    public func reverseAll() throws -> StoreIterator<Key, Value> { try rows.reverseAll() }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix>(_ prefix: Prefix, serde: Serde<Prefix>) throws -> StoreIterator<Key, Value> {
        try rows.prefixScan(prefix, serde: serde)
    }

    /// The entries whose key's bytes begin with those of `prefix`.
    public func prefixScan<Prefix: StreamCodable>(_ prefix: Prefix) throws -> StoreIterator<Key, Value> {
        try rows.prefixScan(prefix)
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { rows.approximateEntryCount }
}

extension ReadOnlyKeyValueStore: ByteReadableMap {
    package var decoder: @Sendable (UnsafeRawBufferPointer) throws -> Value { rows.decoder }
}

extension StoreDefinition {
    /// The last value of each key of a topic.
    package init<Key, Value>(_ name: ReadOnlyStoreName<Key, Value>, kind: StoreKind) {
        self.init(name: name.name, kind: kind) { store, environment in
            ReadOnlyKeyValueStore(cache: try environment.cache(for: store), key: name.key, value: name.value)
        }
        hold(name, as: .keyValue)
    }
}
