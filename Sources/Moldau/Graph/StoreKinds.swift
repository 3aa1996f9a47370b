import MoldauState

/// Where the stores of a topology keep their data, by shape. Kafka Streams' `dsl.store.suppliers.class`.
public struct StoreKinds: Sendable, Hashable {
    /// The stores of tables and of aggregates without windows, and internal stores of operators.
    public var keyValue: StoreKind
    /// The stores of windowed aggregates and of joins of streams.
    public var window: StoreKind
    /// The stores of session aggregates.
    public var session: StoreKind

    /// Chooses a kind for each shape of store.
    public init(keyValue: StoreKind = .rocksDB, window: StoreKind = .rocksDB, session: StoreKind = .rocksDB) {
        self.keyValue = keyValue
        self.window = window
        self.session = session
    }

    /// The same kind for all.
    public init(_ kind: StoreKind) { self.init(keyValue: kind, window: kind, session: kind) }

    /// All stores on disk.
    public static let rocksDB = StoreKinds(.rocksDB)
    /// All stores in memory.
    public static let inMemory = StoreKinds(.inMemory)
    /// Custom stores for all.
    ///
    /// ```swift
    /// /// A list in key order. It forgets all with its process: the changelog brings that back.
    /// final class SortedList: CustomByteStore {
    ///     private var entries: [(key: [UInt8], value: [UInt8])] = []
    ///
    ///     func get(_ key: [UInt8]) -> [UInt8]? { entries.first { $0.key == key }?.value }
    ///
    ///     func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) {
    ///         for (key, value) in changes {
    ///             entries.removeAll { $0.key == key }
    ///             if let value { entries.append((key, value)) }
    ///         }
    ///         entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
    ///     }
    ///
    ///     func range(
    ///         from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ///     ) -> () throws -> (key: [UInt8], value: [UInt8])? {
    ///         let found = entries.filter { entry in
    ///             !entry.key.lexicographicallyPrecedes(lower)
    ///                 && upper.map { entry.key.lexicographicallyPrecedes($0) } ?? true
    ///         }
    ///         var left = (reversed ? found.reversed() : found).makeIterator()
    ///         return { left.next() }
    ///     }
    ///
    ///     func close() {}
    /// }
    /// let lists = ByteStoreProvider("sorted lists") { _ in SortedList() }
    /// let counts = Topic<String, Int64>("counts")
    /// let topology = try Topology(TopologyOptions(storeKinds: .custom(lists))) { streams in
    ///     streams.stream(shouted).groupByKey().count().toStream().to(counts)
    /// }
    /// // shouted: ada=TO BE, ada=OR NOT
    /// // counts: ada=1, ada=2
    /// ```
    public static func custom(_ provider: ByteStoreProvider) -> StoreKinds { StoreKinds(.custom(provider)) }
}
