import CRocksDB
import Synchronization

/// The memory budget for all stores of a process: one number, shared by RocksDB's caches and the write-back caches.
///
/// Half is RocksDB's block cache, which its memtables are charged to as well. The other half is for the write-back
/// caches, in equal shares for all open stores. A store that cannot keep within its share asks for a commit
/// (`needsCommit`). Stores of kind `.inMemory` hold their saved data outside the budget.
@usableFromInline
package final class StateMemory: @unchecked Sendable {  // Unchecked: RocksDB's cache and manager are thread-safe.
    /// The configured budget.
    package let budgetBytes: Int

    let blockCache: OpaquePointer
    let writeBuffers: OpaquePointer
    let writeBufferBytes: Int
    private let writeBackBudgetBytes: Int
    private let openStores = Atomic<Int>(0)
    private let writeBackBytes = Atomic<Int>(0)

    /// The memory in use.
    package typealias Usage = StateMemoryUsage

    /// - Parameter budgetBytes: at least 1 MiB; a smaller value counts as 1 MiB.
    package init(budgetBytes: Int) {
        self.budgetBytes = max(budgetBytes, 1 << 20)
        writeBackBudgetBytes = self.budgetBytes / 2
        let blockCacheBytes = self.budgetBytes - writeBackBudgetBytes
        writeBufferBytes = blockCacheBytes / 2
        blockCache = rocksdb_cache_create_lru(blockCacheBytes)
        writeBuffers = moldau_write_buffer_manager_create(writeBufferBytes, blockCache)
    }

    deinit {
        moldau_write_buffer_manager_destroy(writeBuffers)
        rocksdb_cache_destroy(blockCache)
    }

    /// The current use. Cheap enough to be read every second.
    package var usage: Usage {
        Usage(
            budgetBytes: budgetBytes,
            blockCacheBytes: rocksdb_cache_get_usage(blockCache),
            writeBufferBytes: moldau_write_buffer_manager_usage(writeBuffers),
            writeBackBytes: writeBackBytes.load(ordering: .relaxed), openStores: openStores.load(ordering: .relaxed))
    }

    /// The bytes that each open store may use for its write-back cache.
    var shareBytes: Int { writeBackBudgetBytes / max(1, openStores.load(ordering: .relaxed)) }

    func storeOpened() { openStores.add(1, ordering: .relaxed) }
    func storeClosed() { openStores.subtract(1, ordering: .relaxed) }
    func writeBackChanged(by bytes: Int) { writeBackBytes.add(bytes, ordering: .relaxed) }
}
