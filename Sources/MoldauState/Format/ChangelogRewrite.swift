import MoldauRecords

// A changelog may end before the store that it belongs to, after a power loss with durability `os` or an interval: it
// has lost puts and deletions. Both are appended again, so that a store restored elsewhere has the same rows:
//
// 1. `rewriteChangelog` records this in the store's metadata.
// 2. The restore reads the changelog from its beginning. `compare` collects the rows that it has and the store has not.
// 3. Each commit marks some of these rows as deleted; when all are, it marks some of the store's rows as changed.

extension StateStore {
    /// Makes the next commits append all rows and lost deletions to the changelog again, because it has lost some. If
    /// the process ends before that is done, the next one continues. Only before the first write.
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

    /// Whether the changelog may lack deletions: `rewriteChangelog` was called, and they were not appended since. The
    /// store must then be compared with its changelog.
    package var mayLackDeletions: Bool { (self as? any CacheBackedStore)?.cache.metadata.rewriteFrom == [] }

    /// Starts a comparison with the changelog from its beginning; what an earlier one found is dropped.
    package func beginComparison() { (self as? any CacheBackedStore)?.cache.lostDeletions = [] }

    /// Compares a changelog record with the store, which contains its effect. The keys of deleted rows are kept in
    /// memory until the record of their deletion comes.
    package func compare(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) throws {
        guard let store = self as? any CacheBackedStore else { return }
        try store.withRow(ofChangelogKey: key) { row in try store.cache.compare(row, value) }
    }

    /// Marks the next portion of rows to be rewritten as changed. Must be called before changes are drained.
    package func resumeRewriting() throws { try (self as? any CacheBackedStore)?.cache.resumeRewriting() }
}

extension CachedByteStore {
    /// Records whether the store lacks a row that the changelog has.
    fileprivate func compare(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws(StateError) {
        if value == nil {
            lostDeletions.remove(Array(key))
        } else if try get(key) == nil {
            lostDeletions.insert(Array(key))
        }
    }

    func resumeRewriting() throws(StateError) {
        guard let first = metadata.rewriteFrom else { return }
        let lost = lostDeletions.sorted { $0.lexicographicallyPrecedes($1) }.prefix(Self.rowsPerStep)
        for key in lost {
            try touch(key) { update in if update.value == nil { write(nil, in: update) } }
        }
        lostDeletions.subtract(lost)
        guard lostDeletions.isEmpty else { return }
        var rows = try someRows(from: first)
        if metadata.form?.shape == .versioned { try addOlderVersions(to: &rows) }
        for row in rows {
            try touch(row.key) { update in
                // A row that was deleted meanwhile has a change of its own.
                guard let value = update.value.map({ Array($0) }) else { return }
                value.withUnsafeBytes { write($0, in: update) }
            }
        }
        metadata.rewriteFrom = rows.last.map { $0.key + [0] }
    }

    /// Adds all versions of the last key: the latest one, which comes first here, must be the last one that a commit
    /// appends, as compaction keeps a key's last record.
    private func addOlderVersions(to rows: inout [(key: [UInt8], value: [UInt8])]) throws(StateError) {
        while let last = rows.last, let next = try someRows(from: last.key + [0], count: 1).first,
            VersionedRow.isOlder(next.key)
        {
            rows.append(next)
        }
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
