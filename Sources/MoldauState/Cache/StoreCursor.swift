import MoldauRecords

/// A walk over a range of a store, in key order or against it, over what is in the cache and below it.
///
/// The store may be written meanwhile. Each key comes at most once. Of keys ahead of the walk it shows the value that
/// they have when it gets there; keys behind it do not come again. The bytes that it shows are valid until it moves or
/// the store is used.
///
/// Beginning costs two searches, and once after each write-behind the sorting of what is not saved yet; a step does not
/// depend on the size of the store.
@usableFromInline
package final class StoreCursor {
    private let store: CachedByteStore
    private let reverse: Bool
    /// What is still ahead, as of `begin`; the last key shown narrows it.
    private var range: KeyRange
    // Not checked for exclusive access at each step: the walk belongs to one thread, and calls nobody who could come back.
    @exclusivity(unchecked) private var below: any ByteStoreCursor
    @exclusivity(unchecked) private var cached: SortedWalk
    @exclusivity(unchecked) private var generation: Int
    @exclusivity(unchecked) private var belowIsBehind = false
    @exclusivity(unchecked) private var hasShown = false
    @exclusivity(unchecked) private var lastKey = ByteWriter(capacity: 64)
    @exclusivity(unchecked) @usableFromInline package private(set) var value = UnsafeRawBufferPointer(
        start: nil, count: 0)

    init(_ store: CachedByteStore, _ range: KeyRange, reverse: Bool) throws(StateError) {
        try store.checkOpen()
        self.store = store
        self.range = range
        self.reverse = reverse
        generation = store.generation
        below = try store.byteStore.cursor(range, reverse: reverse)
        cached = SortedWalk(store.indexOfUnsaved(), range, reverse: reverse)
    }

    /// The key that the walk is at, after `next()` said true.
    @usableFromInline package var key: UnsafeRawBufferPointer { lastKey.bytes }

    /// Moves to the next entry.
    /// - Returns: false behind the last one.
    @usableFromInline
    package func next() throws(StateError) -> Bool {
        try store.checkOpen()
        try catchUp()
        while true {
            if belowIsBehind {
                belowIsBehind = false
                try below.advance()
            }
            guard let (key, found) = choose() else { return false }
            lastKey.removeAll()
            lastKey.append(contentsOf: key)
            hasShown = true
            if let found {
                value = found
                return true
            }
        }
    }

    /// The nearer of the two walks' entries, the cached one where both are at the same key; moves the cached walk
    /// behind it.
    private func choose() -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)? {
        guard let entry = cached.current else {
            guard let key = below.key else { return nil }
            belowIsBehind = true
            return (key, below.value)
        }
        if let key = below.key {
            let order = compareBytes(key, entry.key)
            if order == 0 {
                belowIsBehind = true
            } else if (order < 0) != reverse {
                belowIsBehind = true
                return (key, below.value)
            }
        }
        cached.advance()
        return (entry.key, entry.value)
    }

    /// Seeks anew where entries went to the byte store, or came into the index, since the last step.
    private func catchUp() throws(StateError) {
        let index = store.indexOfUnsaved()
        let isStored = generation != store.generation
        guard isStored || cached.version != index.version else { return }
        narrow()
        cached = SortedWalk(index, range, reverse: reverse)
        guard isStored else { return }
        generation = store.generation
        below = try store.byteStore.cursor(range, reverse: reverse)
        belowIsBehind = false
    }

    private func narrow() {
        guard hasShown else { return }
        if reverse { range.upper = Array(lastKey.bytes) } else { range.lower = Array(lastKey.bytes) + [0] }
    }
}

extension CachedByteStore {
    /// A walk over the keys of a range.
    package func scan(_ range: KeyRange, reverse: Bool = false) throws(StateError) -> StoreCursor {
        try StoreCursor(self, range, reverse: reverse)
    }

    /// The sorted index of what is not saved, made if there is none.
    func indexOfUnsaved() -> SortedEntries {
        if let index { return index }
        let made = SortedEntries()
        for entry in unsaved { made.insert(entry) }
        for entry in drained where entry.pointee.marks.isDisjoint(with: .unsaved) { made.insert(entry) }
        for entry in changed where entry.pointee.marks.isDisjoint(with: [.unsaved, .drained]) { made.insert(entry) }
        index = made
        return made
    }
}
