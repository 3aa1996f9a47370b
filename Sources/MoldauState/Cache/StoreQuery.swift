// How queries read a store that its task writes: on the task's thread, between two records. They change nothing, the
// order of eviction included.

import MoldauRecords

extension CachedByteStore {
    /// Whether committed values can be read now. If they cannot, they can after the next commit.
    package var knowsCommittedValues: Bool {
        if committedValues == nil { committedValues = CommittedValues(isComplete: changed.isEmpty && drained.isEmpty) }
        return committedValues?.isComplete ?? false
    }

    /// Lets `body` read the store as a query does: `get` and `scan` see `view`, and leave the cache as it is. `body`
    /// must not write.
    /// - Precondition: for `.committed`, `knowsCommittedValues`.
    /// - Parameter place: of the last entry of an earlier scan, behind which scans go on.
    package func queried<Result>(
        _ view: StoreView, after place: [UInt8]? = nil, _ body: () throws -> Result
    ) rethrows -> Result {
        precondition(view == .newest || knowsCommittedValues, "committed values are read after a commit")
        (queriedView, queriedPlace) = (view, place)
        defer { (queriedView, queriedPlace) = (nil, nil) }
        return try body()
    }

    /// The rows of several keys, as the query that is being answered sees them.
    package func rows(of keys: ByteStrings) throws(StateError) -> ByteStrings {
        var rows = ByteStrings()
        rows.reserve(keys.count, bytes: 16 * keys.count)
        var hashes: ContiguousArray<UInt32> = []
        hashes.reserveCapacity(keys.count)
        keys.forEach { key in
            let hash = key.map(hashBytes) ?? 0
            hashes.append(hash)
            table.prefetchSlot(hash: hash)
        }
        for hash in hashes { table.prefetchEntry(hash: hash) }
        var place = 0
        try keys.forEach { key throws(StateError) in
            defer { place += 1 }
            guard let key else { return rows.append(nil) }
            rows.append(try peek(key, hash: hashes[place], queriedView ?? .newest))
        }
        return rows
    }

    /// The value that a query sees. The bytes are valid until the next call to this store.
    func peek(_ key: UnsafeRawBufferPointer, _ view: StoreView) throws(StateError) -> UnsafeRawBufferPointer? {
        try peek(key, hash: hashBytes(key), view)
    }

    private func peek(
        _ key: UnsafeRawBufferPointer, hash: UInt32, _ view: StoreView
    ) throws(StateError) -> UnsafeRawBufferPointer? {
        try checkOpen()
        if let entry = table.find(key, hash: hash), let seen = seen(entry, view) { return seen }
        guard byteStore.mayHoldData else { return nil }
        var isThere = false
        peeked.removeAll()
        let copy: (UnsafeRawBufferPointer?) -> Void = { [self] value in
            isThere = value != nil
            if let value { peeked.append(contentsOf: value) }
        }
        try byteStore.read(key, copy)
        return isThere ? peeked.bytes : nil
    }

    /// What a query sees of an entry: nil if the byte store tells; else the value, nil in it if there is none.
    func seen(_ entry: EntryPointer, _ view: StoreView) -> UnsafeRawBufferPointer?? {
        if view == .newest || entry.pointee.marks.isDisjoint(with: .uncommitted) { return .some(entry.value) }
        return committedValues?.value(of: entry) ?? .none
    }
}
