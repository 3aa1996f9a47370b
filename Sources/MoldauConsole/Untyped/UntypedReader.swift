import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// Reads a store whose types are not known at compile time: keys are given as text, and rows returned as JSON.
///
/// For servers and commands; programs use `StoreReader`. Calls throw `QueryError`, `StateError` and the errors of the
/// serdes.
struct UntypedReader: Sendable {
    /// Entries, and where the next page begins; nil if there are no more.
    typealias Page = (entries: [UntypedEntry], next: StorePlace?)

    /// A page ends when its text has this many bytes of UTF-8.
    private static let pageBytes = 4 << 20
    /// How many entries a stream thread reads and converts to JSON at a time; records wait meanwhile.
    private static let slice = 64

    /// How queries are answered; may be changed before each query.
    var options: QueryOptions
    let name: any StoreName
    let engine: StreamsEngine

    /// - Throws: `QueryError.unknownStore` if the topology has no store of that name, or the store is internal to an
    ///   operator.
    init(_ store: String, of engine: StreamsEngine, _ options: QueryOptions = QueryOptions()) throws(QueryError) {
        let (stores, tables) = (engine.topology.stores, engine.topology.globalTables)
        let found = stores.first { $0.name == store } ?? tables.first { $0.store.name == store }?.store
        guard let name = found?.typedName else {
            let known = (stores + tables.map(\.store)).filter { $0.typedName != nil }
            throw .unknownStore(store, known: known.map(\.name).sorted())
        }
        (self.name, self.engine, self.options) = (name, engine, options)
    }

    /// The row of a key; nil if it has none.
    func get(_ key: KeyText, _ place: RowPlace = .only) async throws -> QueryAnswer<UntypedEntry?> {
        try await get(key, place, name)
    }

    private func get<Name: StoreName>(
        _ key: KeyText, _ place: RowPlace, _ name: Name
    ) async throws -> QueryAnswer<UntypedEntry?> {
        let serde = engine.keySerde(of: name)
        let bytes = try key.bytes(by: serde, store: name.name)
        let partition = try await engine.partition(ofKey: bytes, in: name, options)
        return try await engine.ask(name.name, partition, options) { store in
            try name.asked(store) { try $0.entry(of: serde.value(of: bytes), place) }
        }
    }

    /// The entries between two keys, both included, in the order of their bytes; nil means no bound.
    /// - Parameter limit: how many entries at most; there may be fewer on a page before the last.
    func range(
        from first: KeyText?, to last: KeyText?, reverse: Bool = false, limit: Int, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> {
        let scan = UntypedScan.range(from: try first.map(bytes), to: try last.map(bytes))
        return try await list(scan, StorePageRequest(limit, after: place, isReversed: reverse))
    }

    /// The entries whose key's bytes begin with the prefix.
    func prefix(
        _ prefix: KeyText, limit: Int, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> {
        try await list(.prefix(prefix.prefix), StorePageRequest(limit, after: place))
    }

    /// A key's windows that begin in a time span, or its sessions that overlap it; those of all keys if it is nil.
    func windows(
        of key: KeyText?, from: Timestamp, to: Timestamp, reverse: Bool = false, limit: Int,
        after place: StorePlace? = nil
    ) async throws -> QueryAnswer<Page> {
        let bytes = try key.map(bytes)
        var reader = self
        if let bytes { reader.options.partition = try await engine.partition(ofKey: bytes, in: name, options) }
        return try await reader.list(
            .windows(key: bytes, from: from, to: to), StorePageRequest(limit, after: place, isReversed: reverse))
    }

    /// Why the store has no value for a key: see `StreamsApplication.explain(_:in:)`.
    func explain(_ key: KeyText) async throws -> KeyExplanation {
        try await engine.explain(try bytes(of: key), in: name)
    }

    private func bytes(of key: KeyText) throws -> [UInt8] {
        func bytes<Name: StoreName>(_ name: Name) throws -> [UInt8] {
            try key.bytes(by: engine.keySerde(of: name), store: name.name)
        }
        return try bytes(name)
    }

    private func list(_ scan: UntypedScan, _ request: StorePageRequest) async throws -> QueryAnswer<Page> {
        let partitions = try await engine.partitions(of: name.name, options)
        var (entries, place, bytes) = ([UntypedEntry](), request.after, 0)
        var answer = QueryAnswer(())
        while true {
            let part = StorePageRequest(
                min(Self.slice, request.limit - entries.count), after: place, isReversed: request.isReversed)
            let found = try await list(scan, part, in: partitions, name)
            answer.add(found)
            entries += found.value.entries.map(\.row)
            place = found.value.next
            bytes += found.value.entries.reduce(0) { $0 + $1.row.size }
            // Fewer than requested: the search stopped because it had visited enough rows.
            let isCut = found.value.entries.count < part.limit
            if place == nil || isCut || entries.count >= request.limit || bytes >= Self.pageBytes {
                return answer.with((entries, place))
            }
        }
    }

    private func list<Name: StoreName>(
        _ scan: UntypedScan, _ request: StorePageRequest, in partitions: [Partition], _ name: Name
    ) async throws -> QueryAnswer<StorePage<Void, UntypedEntry>> {
        let (serde, isReversed) = (engine.keySerde(of: name), request.isReversed)
        return try await engine.list(name.name, in: partitions, options, request) { store, count in
            try name.asked(store) { try $0.entries(scan, reversed: isReversed, key: serde, atMost: count) }
        }
    }
}

extension UntypedEntry {
    fileprivate var size: Int { key.size + value.size }
}

extension JSONValue {
    /// The approximate size of its text, in bytes.
    fileprivate var size: Int {
        switch self {
        case .encoded(let text), .string(let text): text.utf8.count
        case .array(let values): values.reduce(0) { $0 + $1.size }
        case .object(let members): members.reduce(0) { $0 + $1.name.utf8.count + $1.value.size }
        }
    }
}

extension StoreName {
    /// Runs a query on the store of the name's type, on the store's thread.
    /// - Throws: `QueryError`.
    fileprivate func asked<Answer>(
        _ store: any StateStore, _ question: (any UntypedStore<Key>) throws -> Answer
    ) throws -> Answer {
        guard let untyped = try typed(store) as? any UntypedStore<Key> else {
            throw QueryError.wrongQuestion(store: name, questions: "nothing: its rows are an operator's own")
        }
        do { return try question(untyped) } catch is WrongQuestion {
            throw QueryError.wrongQuestion(store: name, questions: type(of: untyped).questions)
        }
    }
}
