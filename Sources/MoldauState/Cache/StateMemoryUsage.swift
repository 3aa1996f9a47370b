/// How much of their memory budget the stores of a process use, in bytes.
public struct StateMemoryUsage: Sendable, Equatable {
    /// The budget.
    public var budgetBytes: Int
    /// RocksDB's blocks, indexes, filters and memtables.
    public var blockCacheBytes: Int
    /// The part of `blockCacheBytes` that memtables use.
    public var writeBufferBytes: Int
    /// The write-back caches of all open stores, accurate to 16 KiB per store.
    public var writeBackBytes: Int
    /// The open stores, copies and global tables included: each has an equal share for its write-back cache.
    public var openStores: Int
    /// The sum of all.
    public var usedBytes: Int { blockCacheBytes + writeBackBytes }
}
