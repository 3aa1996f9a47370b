import MoldauRecords
import MoldauState

extension StoreReader where Name.Store: ReadableMap, Name.Store.Key == Name.Key, Name.Store.Row: Sendable {
    /// A page of a table or map.
    public typealias Page = StorePage<Name.Key, Name.Store.Row>

    /// How many keys a stream thread looks up at a time; records wait meanwhile.
    private static var keysAtATime: Int { 512 }
    /// How many of them it may read from disk at a time.
    private static var readsAtATime: Int { 64 }

    /// The row of a key; nil if it has none.
    public func get(_ key: Name.Key) async throws -> QueryAnswer<Name.Store.Row?> {
        try await ask(key) { try $0.get(key) }
    }

    /// The rows of several keys, in the order of the keys; nil for a key that has none. Each task that has some of them
    /// is queried once for up to 512 keys, or 64 that are not in its cache, which takes far less time than a call per
    /// key. The answer is not a snapshot of one moment: each row is as of the query of its task, and `position` holds
    /// for all of them.
    public func get(_ keys: [Name.Key]) async throws -> QueryAnswer<[Name.Store.Row?]> {
        var answer = QueryAnswer([Name.Store.Row?](repeating: nil, count: keys.count))
        for asked in try await engine.keysToAsk(keys, in: name, options, atATime: Self.keysAtATime) {
            var first = 0
            while first < asked.places.count {
                let part = try await ask(asked.partition, lookUp(keys, asked, from: first))
                answer.add(part)
                first += try part.value(&answer.value)
            }
        }
        return answer
    }

    /// Reads rows on the store's thread, and returns a closure that decodes them on the caller's: those of some of the
    /// keys from `first` on, at least one.
    private func lookUp(
        _ keys: [Name.Key], _ asked: AskedKeys, from first: Int
    ) -> @Sendable (Name.Store) throws -> @Sendable (inout [Name.Store.Row?]) throws -> Int {
        { store in
            guard let map = store as? any ByteReadableMap<Name.Store.Row> else {
                let rows = try asked.places[first...].prefix(Self.readsAtATime).map { try store.get(keys[$0]) }
                return { found in
                    for (number, row) in rows.enumerated() { found[asked.places[first + number]] = row }
                    return rows.count
                }
            }
            let rows = try map.cache.rows(of: asked.bytes, from: first, maxReads: Self.readsAtATime)
            let decode = map.decoder
            return { found in
                var place = first
                try rows.forEach { row in
                    // No closure and no zip: in generic code, each of their steps looks the types up again.
                    if let row { found[asked.places[place]] = try decode(row) }
                    place += 1
                }
                return rows.count
            }
        }
    }

    /// The entries from one key to another, both included; nil means no bound.
    /// - Parameters:
    ///   - first: the first key; nil means no bound.
    ///   - last: the last key; nil means no bound.
    ///   - reverse: from the last key down to the first.
    ///   - limit: the maximum number of entries.
    ///   - place: where the previous page ended.
    public func range(
        from first: Name.Key? = nil, to last: Name.Key? = nil, reverse: Bool = false, limit: Int = 1_000,
        after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> {
        try await list(StorePageRequest(limit, after: place, isReversed: reverse)) { store in
            reverse ? try store.reverseRange(from: first, to: last) : try store.range(from: first, to: last)
        }
    }

    /// All entries; see `range`.
    public func all(
        reverse: Bool = false, limit: Int = 1_000, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> { try await range(reverse: reverse, limit: limit, after: place) }

    /// The entries whose key's bytes begin with those of `prefix`; see `range`.
    public func prefixScan<Prefix: Sendable>(
        _ prefix: Prefix, serde: Serde<Prefix>, limit: Int = 1_000, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> {
        try await list(StorePageRequest(limit, after: place)) { try $0.prefixScan(prefix, serde: serde) }
    }

    /// The entries whose key's bytes begin with those of `prefix`; see `range`.
    public func prefixScan<Prefix: StreamCodable & Sendable>(
        _ prefix: Prefix, limit: Int = 1_000, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> {
        try await prefixScan(prefix, serde: Prefix.serde, limit: limit, after: place)
    }
}

extension StoreReader {
    /// The row of a key in a map of the most recently used rows; nil if it has none. Does not count as a use.
    public func get<Row: Sendable>(_ key: Name.Key) async throws -> QueryAnswer<Row?>
    where Name.Store == LRUKeyValueStore<Name.Key, Row> {
        try await ask(key) { try $0.get(key) }
    }

    /// The version of a key that is valid now; nil if it has none.
    public func get(_ key: Name.Key) async throws -> QueryAnswer<VersionedRecord<Name.Value>?>
    where Name.Store == VersionedKeyValueStore<Name.Key, Name.Value> {
        try await ask(key) { try $0.get(key) }
    }

    /// The version of a key that was valid at that time; nil if there was none, or if it is older than the retention.
    public func get(_ key: Name.Key, asOf time: Timestamp) async throws -> QueryAnswer<VersionedRecord<Name.Value>?>
    where Name.Store == VersionedKeyValueStore<Name.Key, Name.Value> {
        try await ask(key) { try $0.get(key, asOf: time) }
    }
}
