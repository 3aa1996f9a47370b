// How queries read a store that its task writes: on the task's thread, between two records. They change nothing, not
// even the order of eviction.

import MoldauRecords

extension CachedByteStore {
    /// Whether committed values can be read now. If they cannot, they can after the next commit.
    package var knowsCommittedValues: Bool {
        if !committedValues.isOn { committedValues.begin(isComplete: changed.isEmpty && drained.isEmpty) }
        return committedValues.isComplete
    }

    /// Lets `body` read the store as a query does: `get` and `scan` see `view`, and leave the cache as it is. `body`
    /// must not write.
    /// - Precondition: for `.committed`, `knowsCommittedValues`.
    /// - Parameters:
    ///   - place: the place of an earlier scan's last entry, after which scans continue.
    ///   - steps: how many rows scans may visit, whether requested or not: see `StoreCursor.isCut`.
    package func queried<Result>(
        _ view: StoreView, after place: [UInt8]? = nil, steps: Int = .max, _ body: () throws -> Result
    ) rethrows -> Result {
        precondition(view == .newest || knowsCommittedValues, "committed values can only be read after a commit")
        (queriedView, queriedPlace, queriedSteps) = (view, place, steps)
        defer { (queriedView, queriedPlace, queriedSteps) = (nil, nil, .max) }
        return try body()
    }

    /// The rows of the keys from `first` on, as the current query sees them. Ends early, with fewer rows than keys,
    /// before it reads the byte store more than `maxReads` times.
    package func rows(of keys: ByteStrings, from first: Int, maxReads: Int) throws(StateError) -> ByteStrings {
        try checkOpen()
        let view = queriedView ?? .newest
        var rows = ByteStrings()
        rows.reserve(keys.count - first, bytes: 16 * (keys.count - first))
        var hashes: ContiguousArray<UInt32> = []
        hashes.reserveCapacity(keys.count - first)
        keys.forEach(from: first) { key in
            let hash = key.map(hashBytes) ?? 0
            hashes.append(hash)
            table.prefetchSlot(hash: hash)
        }
        hashes.withUnsafeBufferPointer { prefetchEntries(hashes: $0) }
        var (readsLeft, isOver, place) = (maxReads, false, 0)
        try keys.forEach(from: first) { key throws(StateError) in
            defer { place += 1 }
            if isOver { return }
            guard let key else { return rows.append(nil) }
            if let entry = table.find(key, hash: hashes[place]), let seen = seen(entry, view) {
                return rows.append(seen)
            }
            isOver = readsLeft == 0
            guard !isOver else { return }
            if byteStore.mayHoldData { readsLeft -= 1 }
            rows.append(try peekBelow(key))
        }
        return rows
    }

    /// The value that a query sees. The bytes are valid until the next call to this store.
    func peek(_ key: UnsafeRawBufferPointer, _ view: StoreView) throws(StateError) -> UnsafeRawBufferPointer? {
        try checkOpen()
        if let entry = table.find(key, hash: hashBytes(key)), let seen = seen(entry, view) { return seen }
        return try peekBelow(key)
    }

    private func peekBelow(_ key: UnsafeRawBufferPointer) throws(StateError) -> UnsafeRawBufferPointer? {
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

    /// The value of an entry that a query sees: nil if it is in the byte store; else the value, which is nil if there
    /// is none.
    func seen(_ entry: EntryPointer, _ view: StoreView) -> UnsafeRawBufferPointer?? {
        if view == .newest || entry.pointee.marks.isDisjoint(with: .uncommitted) { return .some(entry.value) }
        return committedValues.value(of: entry)
    }
}
