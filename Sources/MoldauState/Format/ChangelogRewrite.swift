import MoldauRecords

// A changelog may end before the store that it belongs to, after a power loss with durability `os` or an interval: it
// has lost puts and deletions. Both are appended again, so that a store restored elsewhere has the same rows:
//
// 1. `rewriteChangelog` notes this with the store's data.
// 2. The restore reads the changelog from its beginning. `compare` collects the rows that it has and the store has not.
// 3. Each commit marks some of the store's rows as changed, the first one also marks the collected rows as deleted.

extension StateStore {
    /// Makes the next commits append all rows and lost deletions to the changelog again, because it has lost some. If
    /// the process ends before that is done, the next one starts again. Only before the first write.
    /// - Parameter end: where the changelog ends.
    /// - Returns: false if the store is not built on the built-in cache.
    package func rewriteChangelog(from end: Offset) throws -> Bool {
        guard let cache = (self as? any CacheBackedStore)?.cache else { return false }
        cache.metadata.changelogOffset = end
        cache.metadata.rewriteFrom = []
        try cache.writeBehind(force: true)
        try cache.byteStore.flush()
        return true
    }

    /// Whether the changelog may lack deletions: `rewriteChangelog` was called, and no commit has followed. The store
    /// must then be compared with its changelog.
    package var mayLackDeletions: Bool { (self as? any CacheBackedStore)?.cache.metadata.rewriteFrom == [] }

    /// Starts a comparison with the changelog from its beginning; what an earlier one found is dropped.
    package func beginComparison() { (self as? any CacheBackedStore)?.cache.lostDeletions = [] }

    /// Compares a changelog record with the store, which contains its effect. Memory: the rows that the changelog has
    /// before it has their deletion.
    package func compare(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp) throws {
        guard let cache = (self as? any CacheBackedStore)?.cache else { return }
        cache.isCompared = true
        defer { cache.isCompared = false }
        try restore(key: key, value: value, timestamp: timestamp)
    }

    /// Marks the next portion of rows to be rewritten as changed. Must be called before changes are drained.
    package func resumeRewriting() throws { try (self as? any CacheBackedStore)?.cache.resumeRewriting() }
}

extension CachedByteStore {
    /// Notes whether the store lacks a row that the changelog has.
    func compare(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws(StateError) {
        if value == nil {
            lostDeletions.remove(Array(key))
        } else if try get(key) == nil {
            lostDeletions.insert(Array(key))
        }
    }

    func resumeRewriting() throws(StateError) {
        guard let first = metadata.rewriteFrom else { return }
        for key in lostDeletions.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            try touch(key) { update in if update.value == nil { write(nil, in: update) } }
        }
        lostDeletions = []
        let rows = try someRows(from: first)
        for row in rows {
            try touch(row.key) { update in
                // A row that was deleted meanwhile has a change of its own.
                guard let value = update.value.map({ Array($0) }) else { return }
                value.withUnsafeBytes { write($0, in: update) }
            }
        }
        metadata.rewriteFrom = rows.last.map { $0.key + [0] }
    }

    private func touch(_ key: [UInt8], _ body: (Update) -> Void) throws(StateError) {
        let result = key.withUnsafeBytes { key in
            Result { () throws(StateError) in
                let update = try beginUpdate(key)
                defer { endUpdate() }
                body(update)
            }
        }
        try result.get()
    }
}
