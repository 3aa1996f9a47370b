import MoldauRecords

/// A cursor over a range of a store, in key order or reversed, that merges the cache with the byte store below.
///
/// The store may be written meanwhile. Each key appears at most once. Keys ahead of the cursor have the value that they
/// have when it gets there; keys behind it do not appear again. The bytes that it shows are valid until it moves or the
/// store is used.
///
/// Opening a cursor costs two searches and, once after each write-behind, sorting everything unsaved; the cost of a
/// step does not depend on the size of the store.
@usableFromInline
package final class StoreCursor {
    private let store: CachedByteStore
    private let reverse: Bool
    private let view: StoreView
    /// The remaining range, as of the last seek; the last key shown narrows it.
    private var range: KeyRange
    // These skip exclusivity checks at each step: the cursor belongs to one thread, and calls no code that could come
    // back here.
    @exclusivity(unchecked) private var below: any ByteStoreCursor
    @exclusivity(unchecked) private var cached: SortedWalk
    @exclusivity(unchecked) private var generation: Int
    @exclusivity(unchecked) private var belowIsBehind = false
    @exclusivity(unchecked) private var hasShown = false
    @exclusivity(unchecked) private var lastKey = ByteWriter(capacity: 64)
    /// Whether it ended because the query had visited enough rows, the last of them at `key`: there may be more.
    @exclusivity(unchecked) @usableFromInline package private(set) var isCut = false
    @exclusivity(unchecked) @usableFromInline package private(set) var value = UnsafeRawBufferPointer(
        start: nil, count: 0)

    init(_ store: CachedByteStore, _ range: KeyRange, reverse: Bool) throws(StateError) {
        try store.checkOpen()
        self.store = store
        self.range = range
        self.reverse = reverse
        view = store.queriedView ?? .newest
        generation = store.generation
        do { below = try store.byteStore.cursor(range, reverse: reverse) } catch { throw store.noted(error) }
        cached = SortedWalk(store.indexOfUnsaved(), range, reverse: reverse)
    }

    /// The current key, after `next()` returned true.
    @usableFromInline package var key: UnsafeRawBufferPointer { lastKey.bytes }

    /// Moves to the next entry.
    /// - Returns: false after the last one.
    @usableFromInline
    package func next() throws(StateError) -> Bool {
        try store.checkOpen()
        try catchUp()
        while true {
            if belowIsBehind {
                belowIsBehind = false
                do { try below.advance() } catch { throw store.noted(error) }
            }
            // Always advances once, so that paging makes progress.
            if store.queriedSteps <= 0, hasShown {
                isCut = true
                return false
            }
            guard let (key, found) = choose() else { return false }
            store.queriedSteps -= 1
            lastKey.removeAll()
            lastKey.append(contentsOf: key)
            hasShown = true
            if let found {
                value = found
                return true
            }
        }
    }

    /// The next entry of the two cursors, preferring the cache's if both are at the same key; advances the cache's
    /// cursor past it.
    private func choose() -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)? {
        guard let entry = cached.current else {
            guard let key = below.key else { return nil }
            belowIsBehind = true
            return (key, below.value)
        }
        var stored: UnsafeRawBufferPointer?
        if let key = below.key {
            let order = compareBytes(key, entry.key)
            if order == 0 {
                belowIsBehind = true
                stored = below.value
            } else if (order < 0) != reverse {
                belowIsBehind = true
                return (key, below.value)
            }
        }
        cached.advance()
        return (entry.key, store.seen(entry, view) ?? stored)
    }

    /// Seeks again if entries were moved to the byte store, or were added to the index, since the last step.
    private func catchUp() throws(StateError) {
        let index = store.indexOfUnsaved()
        let isStored = generation != store.generation
        guard isStored || cached.version != index.version else { return }
        narrow()
        cached = SortedWalk(index, range, reverse: reverse)
        guard isStored else { return }
        generation = store.generation
        do { below = try store.byteStore.cursor(range, reverse: reverse) } catch { throw store.noted(error) }
        belowIsBehind = false
    }

    private func narrow() {
        guard hasShown else { return }
        if reverse { range.upper = Array(lastKey.bytes) } else { range.lower = Array(lastKey.bytes) + [0] }
    }
}

extension CachedByteStore {
    /// A cursor over the keys of a range.
    package func scan(_ range: KeyRange, reverse: Bool = false) throws(StateError) -> StoreCursor {
        try StoreCursor(
            self, queriedPlace.map { range.remaining(after: $0, reverse: reverse) } ?? range, reverse: reverse)
    }

    /// Records an error of reading the byte store: see `failure`. Lack of space is temporary and not recorded.
    func noted(_ error: StateError) -> StateError {
        if case .noSpace = error { return error }
        if queriedView == nil { failure = failure ?? error }
        return error
    }

    /// The sorted index of unsaved entries; built if it does not exist.
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
