import MoldauState

/// Where the stores of a topology keep their data, by what they hold. Kafka Streams' `dsl.store.suppliers.class`.
public struct StoreKinds: Sendable, Hashable {
    /// Of tables, aggregates without windows, and what operators keep for themselves.
    public var keyValue: StoreKind
    /// Of windowed aggregates and joins of streams.
    public var window: StoreKind
    /// Of aggregates of sessions.
    public var session: StoreKind

    public init(keyValue: StoreKind = .rocksDB, window: StoreKind = .rocksDB, session: StoreKind = .rocksDB) {
        self.keyValue = keyValue
        self.window = window
        self.session = session
    }

    /// One kind for all.
    public init(_ kind: StoreKind) { self.init(keyValue: kind, window: kind, session: kind) }

    public static let rocksDB = StoreKinds(.rocksDB)
    public static let inMemory = StoreKinds(.inMemory)
    public static func custom(_ provider: ByteStoreProvider) -> StoreKinds { StoreKinds(.custom(provider)) }
}
