import MoldauRecords

/// A store as the runtime sees it: something to commit, restore and close. Owned by one task and used by its thread.
///
/// A commit is `drainChanges`, sending what it gave, then `committed`, then `writeBehind`.
public protocol StateStore: AnyObject {
    var name: String { get }

    /// Whether its changes go to a changelog topic.
    var isLogged: Bool { get }

    /// Gives each key written since the last drain, once, in the order of its first write: the bytes of the changelog
    /// record, and its timestamp where the store keeps one per value (nil for deletions and for stores without
    /// timestamps). The bytes are valid inside `body`. Where `body` throws, what was not taken stays for the next
    /// drain.
    func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws

    /// Takes in a record of the changelog, before the first write.
    func restore(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp) throws

    /// Where to go on with the restore: the first changelog offset that the store does not contain; nil: at the
    /// beginning.
    var changelogOffset: Offset? { get }

    /// Per input partition, the first offset that the committed data does not contain.
    var positions: [TopicPartition: Offset] { get }

    /// The changelog is restored up to (not including) `end`. To be called after every batch of restored records.
    func restored(upTo end: Offset) throws

    /// What was drained is committed; `changelogEnd` is the first offset behind it in the changelog, nil where nothing
    /// was sent.
    func committed(changelogEnd: Offset?, positions: [TopicPartition: Offset])

    /// Stores what is committed, in one atomic step, when it outgrew its budget or `force` is true; with `force` it is
    /// on disk afterwards. Only right after a commit.
    func writeBehind(force: Bool) throws

    /// Whether uncommitted writes take so much memory that a commit should come now.
    var needsCommit: Bool { get }

    /// An estimate of the number of keys.
    var approximateEntryCount: Int { get }

    /// Ends the use. What is committed is stored and durable afterwards; what is not committed is dropped.
    func close() throws
}

/// A store that stands on the write-back cache: the cache answers most of `StateStore`.
@usableFromInline
package protocol CacheBackedStore: StateStore {
    var cache: CachedByteStore { get }
}

extension CacheBackedStore {
    public var name: String { cache.name }
    public var isLogged: Bool { cache.isLogged }
    public var changelogOffset: Offset? { cache.metadata.changelogOffset }
    public var positions: [TopicPartition: Offset] { cache.metadata.positions }
    public var needsCommit: Bool { cache.needsCommit || cache.metadata.rewriteFrom != nil }
    public var approximateEntryCount: Int { cache.approximateEntryCount }
    public func restored(upTo end: Offset) throws { try cache.restored(upTo: end) }
    public func close() throws { try cache.close() }

    public func writeBehind(force: Bool) throws {
        try cache.writeBehind(force: force)
        // RocksDB keeps small writes in memory, and a crash would undo them: a restart would replay more than it need.
        if force { try cache.byteStore.flush() }
    }

    public func committed(changelogEnd: Offset?, positions: [TopicPartition: Offset]) {
        cache.committed(changelogEnd: changelogEnd, positions: positions)
    }
}
