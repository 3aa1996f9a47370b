import MoldauRecords

/// A store as the runtime sees it: something to commit, restore and close. Owned by one task and used by its thread.
///
/// A commit calls `drainChanges`, sends the changes, then calls `committed` and `writeBehind`.
@usableFromInline
package protocol StateStore: AnyObject {
    /// Its name, unique in the topology.
    var name: String { get }

    /// Whether its changes go to a changelog topic.
    var isLogged: Bool { get }

    /// Passes on each key written since the last drain, once, in the order of its first write: the bytes of the
    /// changelog record, and its timestamp if the store keeps one per value (nil for deletions and for stores without
    /// timestamps). The bytes are valid during the call of `body` only. If `body` throws, the changes not taken yet
    /// stay for the next drain.
    func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws

    /// Applies a changelog record. Only before the first write.
    func restore(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp) throws

    /// The offset at which to resume the restore: the first changelog offset that the store does not contain; nil: the
    /// beginning.
    var changelogOffset: Offset? { get }

    /// For each input partition, the first offset that the committed data does not contain.
    var positions: [TopicPartition: Offset] { get }

    /// Notes that the changelog is restored up to (not including) `end`. Must be called after every batch of restored
    /// records.
    func restored(upTo end: Offset) throws

    /// Marks the drained changes as committed; `changelogEnd` is the first changelog offset after them. Without drained
    /// changes it does not count; nil if nothing was sent.
    func committed(changelogEnd: Offset?, positions: [TopicPartition: Offset])

    /// Atomically saves what is committed if it has outgrown its budget or `force` is true; with `force` it is on disk
    /// afterwards. Only right after a commit.
    func writeBehind(force: Bool) throws

    /// Whether uncommitted writes take so much memory that a commit should come now.
    var needsCommit: Bool { get }

    /// The first read that failed, even if user code has caught the error: results based on it must not be committed.
    var failure: StateError? { get }

    /// An estimate of the number of keys.
    var approximateEntryCount: Int { get }

    /// Closes the store. Committed data is saved and durable afterwards; uncommitted data is discarded.
    func close() throws
}

extension StateStore {
    /// Its memory use; nil for a store without a cache.
    package var usage: StoreUsage? { (self as? any CacheBackedStore)?.cache.usage }

    /// A store whose reads cannot fail.
    @usableFromInline package var failure: StateError? { nil }
}

/// A store that is built on the write-back cache, which implements most of `StateStore`.
@usableFromInline
package protocol CacheBackedStore: StateStore {
    /// The cache that its bytes are behind.
    var cache: CachedByteStore { get }

    /// Calls `body` with the key of the row that a changelog record belongs to; does not if the row has expired, or if
    /// deletions are rows, too.
    func withRow(ofChangelogKey key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
}

extension CacheBackedStore {
    @usableFromInline package func withRow(
        ofChangelogKey key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws { try body(key) }

    @usableFromInline package var name: String { cache.name }
    @usableFromInline package var isLogged: Bool { cache.isLogged }
    @usableFromInline package var changelogOffset: Offset? { cache.metadata.changelogOffset }
    @usableFromInline package var positions: [TopicPartition: Offset] { cache.metadata.positions }
    @usableFromInline package var needsCommit: Bool { cache.needsCommit || cache.metadata.rewriteFrom != nil }
    @usableFromInline package var failure: StateError? { cache.failure }
    @usableFromInline package var approximateEntryCount: Int { cache.approximateEntryCount }
    @usableFromInline package func restored(upTo end: Offset) throws { try cache.restored(upTo: end) }
    @usableFromInline package func close() throws { try cache.close() }

    @usableFromInline package func writeBehind(force: Bool) throws {
        try cache.writeBehind(force: force)
        // RocksDB keeps small writes in memory, where a crash would lose them, and a restart would replay more than
        // necessary.
        if force { try cache.byteStore.flush() }
    }

    @usableFromInline package func committed(changelogEnd: Offset?, positions: [TopicPartition: Offset]) {
        cache.committed(changelogEnd: changelogEnd, positions: positions)
    }
}
