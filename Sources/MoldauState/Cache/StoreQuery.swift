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

    /// The value that a query sees. The bytes are valid until the next call to this store.
    func peek(_ key: UnsafeRawBufferPointer, _ view: StoreView) throws(StateError) -> UnsafeRawBufferPointer? {
        try checkOpen()
        if let entry = table.find(key, hash: hashBytes(key)), let seen = seen(entry, view) { return seen }
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
