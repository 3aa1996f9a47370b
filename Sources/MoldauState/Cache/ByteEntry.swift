// One key with its value, in one block of memory: a header, the key, and room for the value. A value that outgrows its
// room moves to memory of its own; the header never moves, so tables and lists may point to it.
//
//     header 48 bytes │ key, padded to 8 │ value …

import CPrefetch
import MoldauRecords

/// A key's entry in the cache.
struct ByteEntry {
    /// The state of an entry on its way to the byte store. An entry without the first three marks is saved: the byte
    /// store has the same value.
    struct Marks: OptionSet {
        var rawValue: UInt8

        /// Written since the changes were last drained; in the list of changes.
        static let changed = Marks(rawValue: 1)
        /// Drained, but its commit is not confirmed yet; in the list of drained entries.
        static let drained = Marks(rawValue: 2)
        /// Committed, but not in the byte store yet; in the list of unsaved entries.
        static let unsaved = Marks(rawValue: 4)
        /// Read since the eviction clock's hand last passed.
        static let recentlyUsed = Marks(rawValue: 8)
        /// It is known whether the byte store has the key: see `isBelow`.
        static let belowKnown = Marks(rawValue: 16)
        /// The byte store has the key; only valid with `belowKnown`.
        static let isBelow = Marks(rawValue: 32)

        static let uncommitted: Marks = [.changed, .drained]
        static let notSaved: Marks = [.changed, .drained, .unsaved]
    }

    var value: UnsafeMutableRawPointer
    /// The neighbours in the ring of saved entries.
    var newer: EntryPointer?
    var older: EntryPointer?
    var hash: UInt32
    var keyCount: UInt32
    /// −1: the key has no value.
    var valueCount: Int32
    var valueCapacity: UInt32
    var marks: Marks
    /// Where the entry's committed value is kept while it is changed; 0: nowhere. See `CommittedValues`.
    var keptPlace: UInt32 = 0

    static let headerBytes = 48
    /// The memory of an entry besides its header, key and value: the allocator's header and its share of the hash
    /// table.
    static let overheadBytes = 48
    /// How long entries may be, on average, for `prefetch` to be enough: it loads 80 to 128 bytes of each, depending on
    /// where a cache line begins.
    static let shortBytes = 96
}

typealias EntryPointer = UnsafeMutablePointer<ByteEntry>

extension UnsafeMutablePointer where Pointee == ByteEntry {
    /// Creates an entry without marks; copies its key and value.
    static func make(key: UnsafeRawBufferPointer, hash: UInt32, value: UnsafeRawBufferPointer?) -> EntryPointer {
        precondition(key.count < Int32.max && value?.count ?? 0 < Int32.max, "keys and values are below 2 GiB")
        let keyRoom = (key.count + 7) & ~7
        let capacity = max(16, ((value?.count ?? 0) + 7) & ~7)
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: ByteEntry.headerBytes + keyRoom + capacity, alignment: 16)
        if let start = key.baseAddress { (base + ByteEntry.headerBytes).copyMemory(from: start, byteCount: key.count) }
        let entry = base.bindMemory(to: ByteEntry.self, capacity: 1)
        entry.initialize(
            to: ByteEntry(
                value: base + ByteEntry.headerBytes + keyRoom, newer: nil, older: nil, hash: hash,
                keyCount: UInt32(truncatingIfNeeded: key.count), valueCount: -1,
                valueCapacity: UInt32(truncatingIfNeeded: capacity), marks: []))
        entry.replaceValue(value)
        return entry
    }

    /// Starts to load the header, the key and a short value into the processor's cache.
    @inline(__always)
    func prefetch() {
        moldau_prefetch(self)
        moldau_prefetch(UnsafeRawPointer(self) + 64)
    }

    /// Starts to load a longer value into the processor's cache, at most 512 bytes of it. Reads the header.
    @inline(__always)
    func prefetchValue() {
        let count = min(Int(pointee.valueCount), 512)
        guard count > 16 else { return }
        let start = UnsafeRawPointer(pointee.value)
        for offset in stride(from: 0, to: count - 1, by: 64) { moldau_prefetch(start + offset) }
        moldau_prefetch(start + (count - 1))
    }

    /// Frees the entry and its value.
    func free() {
        if pointee.value != inlineValue { pointee.value.deallocate() }
        UnsafeMutableRawPointer(self).deallocate()
    }

    private var inlineValue: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(self) + ByteEntry.headerBytes + (Int(pointee.keyCount) + 7) & ~7
    }

    var key: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(self) + ByteEntry.headerBytes, count: Int(pointee.keyCount))
    }

    /// nil if the key has no value.
    var value: UnsafeRawBufferPointer? {
        let count = Int(pointee.valueCount)
        return count < 0 ? nil : UnsafeRawBufferPointer(start: UnsafeRawPointer(pointee.value), count: count)
    }

    /// Copies `value` into the entry. The bytes may be this entry's own.
    func replaceValue(_ value: UnsafeRawBufferPointer?) {
        guard let value else {
            pointee.valueCount = -1
            return
        }
        if value.count > Int(pointee.valueCapacity) { return growAndReplace(value) }
        if let start = value.baseAddress { pointee.value.copyShort(from: start, count: value.count) }
        pointee.valueCount = Int32(truncatingIfNeeded: value.count)
    }

    private func growAndReplace(_ value: UnsafeRawBufferPointer) {
        precondition(value.count < Int32.max, "keys and values are below 2 GiB")
        let capacity = (value.count + value.count / 2 + 7) & ~7
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: value.baseAddress!, byteCount: value.count)  // Not empty: it outgrew a capacity.
        if pointee.value != inlineValue { pointee.value.deallocate() }
        pointee.value = larger
        pointee.valueCount = Int32(truncatingIfNeeded: value.count)
        pointee.valueCapacity = UInt32(truncatingIfNeeded: capacity)
    }

    /// The bytes that the entry counts for in the memory budget.
    var footprint: Int {
        ByteEntry.headerBytes + ByteEntry.overheadBytes + Int(pointee.keyCount) + Int(pointee.valueCapacity)
    }
}
