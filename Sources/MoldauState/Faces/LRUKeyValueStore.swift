import MoldauRecords

/// A map in memory with a limited number of keys: when it is full, a new key evicts the least recently used one.
///
/// The counterpart of Kafka Streams' `Stores.lruMap`. An evicted key is deleted from the changelog too. Reads and
/// writes cost as much as in a `KeyValueStore` in memory, plus one look-up.
public final class LRUKeyValueStore<Key, Value>: CacheBackedStore {
    private let rows: KeyValueStore<Key, Value>
    private let maxEntries: Int
    /// Whether values begin with a timestamp, which in the changelog is the record's own.
    private let holdsTimestamps: Bool
    private var rowBytes = ByteWriter()
    /// When each key was last used.
    private var lastUse: [[UInt8]: UInt64] = [:]
    /// All uses in order, from `oldest` on. A use that is not its key's last one does not count.
    private var uses: [(key: [UInt8], time: UInt64)] = []
    private var oldest = 0
    private var clock: UInt64 = 0

    package init(
        cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>, maxEntries: Int, holdsTimestamps: Bool = false
    ) {
        rows = KeyValueStore(cache: cache, key: key, value: value)
        self.maxEntries = maxEntries
        self.holdsTimestamps = holdsTimestamps
    }

    @usableFromInline package var cache: CachedByteStore { rows.cache }

    /// The number of keys.
    public var entryCount: Int { lastUse.count }

    /// The value of a key, which counts as a use except in queries; nil if it has none.
    public func get(_ key: Key) throws -> Value? {
        let value = try rows.get(key)
        if value != nil, cache.queriedView == nil { use(try bytes(of: key)) }
        return value
    }

    /// Sets the value of a key, or deletes it (nil).
    public func put(_ key: Key, _ value: Value?) throws {
        try rows.put(key, value)
        let bytes = try bytes(of: key)
        guard value != nil else { return lastUse[bytes] = nil }
        use(bytes)
        while lastUse.count > maxEntries, let last = takeOldest() {
            try last.withUnsafeBytes { try cache.put($0, nil) }
        }
    }

    /// Sets the value of a key that has none.
    /// - Returns: the existing value, which stays; nil if `value` was set.
    @discardableResult public func putIfAbsent(_ key: Key, _ value: Value?) throws -> Value? {
        if let existing = try get(key) { return existing }
        try put(key, value)
        return nil
    }

    /// Deletes a key.
    /// - Returns: the value that it had.
    @discardableResult public func delete(_ key: Key) throws -> Value? {
        lastUse[try bytes(of: key)] = nil
        return try rows.delete(key)
    }

    /// Sets a key to the result of `body`; nil deletes it. If `body` throws, nothing is written.
    @discardableResult public func update(
        _ key: Key, _ body: (Value?) throws -> Value?
    ) throws -> (old: Value?, new: Value?) {
        let old = try get(key)
        let new = try body(old)
        if old != nil || new != nil { try put(key, new) }
        return (old, new)
    }

    /// All entries, in the order of their keys' bytes. Does not count as a use.
    public func all() throws -> StoreIterator<Key, Value> { try rows.all() }

    private func bytes(of key: Key) throws -> [UInt8] { Array(try rows.codec.bytes(of: key)) }

    private func use(_ key: [UInt8]) {
        clock += 1
        lastUse[key] = clock
        uses.append((key, clock))
        // At least half of the list is outdated by now, so the cost is spread over the uses that made it grow.
        guard uses.count > 2 * lastUse.count + 64 else { return }
        uses = uses[oldest...].filter { lastUse[$0.key] == $0.time }
        oldest = 0
    }

    private func takeOldest() -> [UInt8]? {
        while oldest < uses.count {
            let (key, time) = uses[oldest]
            oldest += 1
            guard lastUse[key] == time else { continue }
            lastUse[key] = nil
            return key
        }
        return nil
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        if holdsTimestamps { try cache.drainRows(into: body) } else { try rows.drainChanges(into: body) }
    }

    /// After a restore, the order of the changelog stands in for the order of use.
    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        if holdsTimestamps {
            try cache.restore(key, rowBytes.row(value, timestamp))
        } else {
            try cache.restore(key, value)
        }
        if value == nil { lastUse[Array(key)] = nil } else { use(Array(key)) }
    }
}

extension StoreDefinition {
    /// An in-memory map of the most recently used keys.
    public init<Key, Value>(
        _ name: LRUStoreName<Key, Value>, isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) {
        self.init(usedLast: name, maxEntries: name.maxEntries, isLogged, changelogSettings) { cache in
            LRUKeyValueStore(cache: cache, key: name.key, value: name.value, maxEntries: name.maxEntries)
        }
    }

    /// An in-memory map of the most recently used rows.
    public init<Key, Value>(
        _ name: LRUTableStoreName<Key, Value>, isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) {
        let row = ValueAndTimestamp.serde(of: name.value)
        self.init(
            usedLast: name, maxEntries: name.maxEntries, isLogged, changelogSettings, holdsTimestamps: true
        ) { cache in
            LRUKeyValueStore(
                cache: cache, key: name.key, value: row, maxEntries: name.maxEntries, holdsTimestamps: true)
        }
    }

    private init(
        usedLast name: some StoreName, maxEntries: Int, _ isLogged: Bool, _ changelogSettings: [String: String],
        holdsTimestamps: Bool = false, make: @escaping @Sendable (CachedByteStore) -> any StateStore
    ) {
        precondition(maxEntries > 0, "maxEntries of an LRU map is \(maxEntries); it must be at least 1")
        self.init(name: name.name, kind: .inMemory, isLogged: isLogged, changelogSettings: changelogSettings) {
            store, environment in
            make(try environment.cache(for: store))
        }
        self.maxEntries = maxEntries
        hold(name, hasTimestamps: holdsTimestamps)
    }
}
