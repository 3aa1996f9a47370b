/// A store of bytes of a user's own: an ordered map from keys to values, below Moldau's write-back cache.
///
/// The cache takes every read and write of the topology, keeps what is not committed, and captures changes for the changelog;
/// so a store sees committed data only: a read for each key that the cache does not have, and now and then a `write`. Every
/// call comes from the thread that owns the task, may block, and stops the stream thread when it throws.
///
/// Keys are in the order of their unsigned bytes. What is restored after a restart is what the store does not hold: how far it
/// goes lies in it under a key of its own, written with the data.
public protocol CustomByteStore: AnyObject {
    /// The value of a key; nil where it has none.
    func get(_ key: [UInt8]) throws -> [UInt8]?

    /// Sets the values of keys, and deletes those whose value is nil: all of it or, after a crash too, nothing.
    /// - Parameter changes: in key order, each key once.
    func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) throws

    /// Walks over the keys from `lower` on, up to but not including `upper`, in key order or against it.
    /// - Parameter upper: nil: to the last key.
    /// - Returns: what answers with the next entry each time, and with nil behind the last. It is dropped before the next
    ///   `write`.
    func range(
        from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ) throws -> () throws -> (key: [UInt8], value: [UInt8])?

    /// Makes what was written durable; returns when it is.
    func flush() throws

    /// Gives back what the store holds of the system. It is not called again.
    func close()

    /// An estimate is enough.
    var approximateCount: Int { get }
}

extension CustomByteStore {
    /// Nothing to do, for stores that are durable with each write, or never.
    public func flush() throws {}
    public var approximateCount: Int { 0 }
}

/// Opens stores of bytes of a user's own, for `StoreKind.custom`.
public struct ByteStoreProvider: Sendable, Hashable, CustomStringConvertible {
    /// Which store is opened.
    public struct Place: Sendable, Hashable {
        /// The task that the store belongs to: sub-topology and partition, `0_3`.
        public let task: String
        public let store: String
        /// A directory of the store's own, which may not be there yet; nil where the application keeps no state on disk.
        public let directory: String?
    }

    /// Tells providers apart: two of the same name are taken for equal.
    public let name: String
    let open: @Sendable (Place) throws -> any CustomByteStore

    /// - Parameter open: opens a store, or makes it where it is not there. Called on the task's thread when the task begins,
    ///   once for each store; what it throws stops the thread.
    public init(_ name: String, open: @escaping @Sendable (Place) throws -> any CustomByteStore) {
        self.name = name
        self.open = open
    }

    public static func == (left: ByteStoreProvider, right: ByteStoreProvider) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
    public var description: String { name }
}
