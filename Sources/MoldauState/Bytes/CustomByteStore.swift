/// A custom byte store: an ordered map from keys to values, below Moldau's write-back cache.
///
/// The cache takes all reads and writes of the topology, holds uncommitted data, and collects changes for the
/// changelog. So a custom store sees committed data only: a read for each key that the cache does not have, and from
/// time to time a `write`. All calls come from the thread that owns the task. They may block; an error stops the stream
/// thread.
///
/// Keys are ordered by their unsigned bytes. After a restart, only what the store does not have is restored: a key of
/// its own records how far its data goes, written together with the data.
public protocol CustomByteStore: AnyObject {
    /// The value of a key; nil if it has none.
    func get(_ key: [UInt8]) throws -> [UInt8]?

    /// Sets the values of keys, and deletes those whose value is nil. Must be atomic, also across a crash.
    /// - Parameter changes: in key order, each key once.
    func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) throws

    /// Iterates over the keys from `lower` up to but not including `upper`, in key order or reversed.
    /// - Parameters:
    ///   - lower: the first key.
    ///   - upper: nil means up to the last key.
    ///   - reversed: whether the last key comes first.
    /// - Returns: a function that returns the next entry on each call, and nil after the last. It is released before
    ///   the next `write`.
    func range(
        from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ) throws -> () throws -> (key: [UInt8], value: [UInt8])?

    /// Makes everything written durable. Returns when it is.
    func flush() throws

    /// Releases the store's resources. The store is not called again.
    func close()

    /// The number of entries; an estimate is enough.
    var approximateEntryCount: Int { get }
}

extension CustomByteStore {
    /// No-op, for stores that are durable with each write, or never.
    public func flush() throws {}
    public var approximateEntryCount: Int { 0 }
}

/// Opens custom byte stores, for `StoreKind.custom`.
public struct ByteStoreProvider: Sendable, Hashable, CustomStringConvertible {
    /// The store to open.
    public struct Place: Sendable, Hashable {
        /// The task that the store belongs to: sub-topology and partition, `0_3`.
        public let task: String
        /// The name of the store.
        public let store: String
        /// A directory for this store, which may not exist yet; nil if the application keeps no state on disk.
        public let directory: String?
    }

    /// Identifies the provider: two with the same name count as equal.
    public let name: String
    let open: @Sendable (Place) throws -> any CustomByteStore

    /// - Parameters:
    ///   - name: identifies the provider.
    ///   - open: opens a store, or creates it. Called on the task's thread when the task starts, once for each store;
    ///     an error stops the thread.
    public init(_ name: String, open: @escaping @Sendable (Place) throws -> any CustomByteStore) {
        self.name = name
        self.open = open
    }

    public static func == (left: ByteStoreProvider, right: ByteStoreProvider) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
    public var description: String { name }
}
