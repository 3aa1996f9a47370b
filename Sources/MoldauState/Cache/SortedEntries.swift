// Entries in the order of their keys: a tree of two levels. The leaves are sorted runs of up to 128; the root is an
// array of leaves. An insertion does a binary search in both and moves at most one leaf's entries; one in about 64
// splits a leaf and shifts the root.

/// An entry with the first bytes of its key, which decide most comparisons without access to the entry.
package struct SortedEntry {
    let prefix: UInt64
    let entry: EntryPointer

    /// Valid while the entry is not written.
    package var key: UnsafeRawBufferPointer { entry.key }
    /// nil if the key has no value.
    package var value: UnsafeRawBufferPointer? { entry.value }

    init(_ entry: EntryPointer) {
        prefix = orderingPrefix(entry.key)
        self.entry = entry
    }

    func isBefore(_ key: UnsafeRawBufferPointer, prefix keyPrefix: UInt64) -> Bool {
        prefix != keyPrefix ? prefix < keyPrefix : compareBytes(entry.key, key) < 0
    }

    static func < (left: SortedEntry, right: SortedEntry) -> Bool {
        left.isBefore(right.entry.key, prefix: right.prefix)
    }
}

/// Entries in the order of their keys, each key once. Does not own the entries.
final class SortedEntries {
    /// A position between entries; `leaf == leaves.count` is after the last one. Valid while `version` stays the same.
    struct Position {
        var leaf: Int
        var index: Int
    }

    private struct Leaf {
        var base: UnsafeMutablePointer<SortedEntry>
        var count: Int
    }

    private static let leafCapacity = 128
    private var leaves: ContiguousArray<Leaf> = []
    private(set) var count = 0
    /// Changes with every insertion and removal.
    private(set) var version = 0

    deinit { removeAll() }

    func removeAll() {
        for leaf in leaves { leaf.base.deallocate() }
        leaves.removeAll()
        count = 0
        version += 1
    }

    /// The position before the first entry whose key is not below `key`.
    func lowerBound(_ key: UnsafeRawBufferPointer) -> Position {
        let prefix = orderingPrefix(key)
        // The first leaf whose last entry is not below the key.
        var (low, high) = (0, leaves.count)
        while low < high {
            let middle = (low + high) / 2
            let leaf = leaves[middle]
            if leaf.base[leaf.count - 1].isBefore(key, prefix: prefix) { low = middle + 1 } else { high = middle }
        }
        guard low < leaves.count else { return Position(leaf: low, index: 0) }
        let leaf = leaves[low]
        var (first, last) = (0, leaf.count - 1)
        while first < last {
            let middle = (first + last) / 2
            if leaf.base[middle].isBefore(key, prefix: prefix) { first = middle + 1 } else { last = middle }
        }
        return Position(leaf: low, index: first)
    }

    var start: Position { Position(leaf: 0, index: 0) }
    var end: Position { Position(leaf: leaves.count, index: 0) }

    /// The entry after a position; nil at the end.
    func entry(at position: Position) -> EntryPointer? {
        position.leaf < leaves.count ? leaves[position.leaf].base[position.index].entry : nil
    }

    /// Moves past the next entry, which must exist.
    func advance(_ position: inout Position) {
        position.index += 1
        if position.index == leaves[position.leaf].count { position = Position(leaf: position.leaf + 1, index: 0) }
    }

    /// Moves before the previous entry.
    /// - Returns: false if there is none.
    func retreat(_ position: inout Position) -> Bool {
        if position.index > 0 {
            position.index -= 1
            return true
        }
        guard position.leaf > 0 else { return false }
        position = Position(leaf: position.leaf - 1, index: leaves[position.leaf - 1].count - 1)
        return true
    }

    func find(_ key: UnsafeRawBufferPointer) -> EntryPointer? {
        guard let entry = entry(at: lowerBound(key)), compareBytes(entry.key, key) == 0 else { return nil }
        return entry
    }

    /// Adds an entry whose key is not there yet.
    func insert(_ entry: EntryPointer) {
        version += 1
        count += 1
        var position = lowerBound(entry.key)
        if position.leaf == leaves.count {
            if leaves.isEmpty { leaves.append(Leaf(base: .allocate(capacity: Self.leafCapacity), count: 0)) }
            position = Position(leaf: leaves.count - 1, index: leaves[leaves.count - 1].count)
        }
        if leaves[position.leaf].count == Self.leafCapacity { split(&position) }
        let leaf = leaves[position.leaf]
        (leaf.base + position.index + 1).update(from: leaf.base + position.index, count: leaf.count - position.index)
        leaf.base[position.index] = SortedEntry(entry)
        leaves[position.leaf].count += 1
    }

    /// Splits a full leaf in two, or opens a new one after the last, so that ascending keys fill their leaves.
    private func split(_ position: inout Position) {
        let leaf = leaves[position.leaf]
        let isAppend = position.leaf == leaves.count - 1 && position.index == leaf.count
        let kept = isAppend ? leaf.count : leaf.count / 2
        let upper = Leaf(base: .allocate(capacity: Self.leafCapacity), count: leaf.count - kept)
        upper.base.update(from: leaf.base + kept, count: upper.count)
        leaves[position.leaf].count = kept
        leaves.insert(upper, at: position.leaf + 1)
        if position.index > kept || isAppend {
            position = Position(leaf: position.leaf + 1, index: position.index - kept)
        }
    }

    /// Removes the entry with that key.
    /// - Returns: the entry; nil if there was none.
    func remove(_ key: UnsafeRawBufferPointer) -> EntryPointer? {
        let position = lowerBound(key)
        guard let entry = entry(at: position), compareBytes(entry.key, key) == 0 else { return nil }
        version += 1
        count -= 1
        let leaf = leaves[position.leaf]
        let behind = leaf.count - position.index - 1
        (leaf.base + position.index).update(from: leaf.base + position.index + 1, count: behind)
        leaves[position.leaf].count -= 1
        if leaf.count == 1 {
            leaf.base.deallocate()
            leaves.remove(at: position.leaf)
        }
        return entry
    }
}
