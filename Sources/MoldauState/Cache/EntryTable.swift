// A slot has eight bytes, so that the table of a working set fits in the processor's cache: the entry's address in the
// low 48 bits, which suffice for user-space addresses, and the upper 16 bits of its hash. Comparing these avoids most
// accesses to entries of other keys.

import CPrefetch

/// Finds an entry by its key: a hash table with open addressing and linear probing, at most 5/8 full. Does not own the
/// entries.
struct EntryTable: ~Copyable {
    /// 0 means free.
    private typealias Slot = UInt64

    private static var addressMask: Slot { 1 << 48 - 1 }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private(set) var count = 0

    init() {
        mask = 1_023
        slots = Self.emptySlots(mask + 1)
    }

    deinit { slots.deallocate() }

    private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        slots.initialize(repeating: 0, count: count)
        return slots
    }

    @inline(__always)
    private static func tag(_ hash: UInt32) -> Slot { Slot(hash >> 16) << 48 }

    private static func slot(_ entry: EntryPointer) -> Slot {
        let address = Slot(UInt(bitPattern: entry))
        precondition(address & ~addressMask == 0, "addresses of user space take 48 bits")
        return address | tag(entry.pointee.hash)
    }

    @inline(__always)
    private static func entry(_ slot: Slot) -> EntryPointer? {
        EntryPointer(bitPattern: UInt(slot & addressMask))
    }

    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, hash: UInt32) -> EntryPointer? {
        var index = Int(hash) & mask
        let tag = Self.tag(hash)
        while true {
            let slot = slots[index]
            if slot & ~Self.addressMask == tag {
                guard let entry = Self.entry(slot) else { return nil }
                if entry.pointee.hash == hash, entry.key.isEqual(to: key) { return entry }
            } else if slot == 0 {
                return nil
            }
            index = (index + 1) & mask
        }
    }

    /// Starts to load a hash's slot into the processor's cache.
    @inline(__always)
    func prefetchSlot(hash: UInt32) { moldau_prefetch(slots + (Int(hash) & mask)) }

    /// Starts to load the entries in the slots of some hashes into the processor's cache, and their values if these are
    /// long. The second pass waits for the loads of the first one, and is skipped if it is not needed.
    @inline(__always)
    func prefetchEntries(hashes: UnsafeBufferPointer<UInt32>, haveLongValues: Bool) {
        for hash in hashes { Self.entry(slots[Int(hash) & mask])?.prefetch() }
        guard haveLongValues else { return }
        for hash in hashes { Self.entry(slots[Int(hash) & mask])?.prefetchValue() }
    }

    /// Adds an entry whose key is not in the table yet.
    mutating func insert(_ entry: EntryPointer) {
        if (count + 1) * 8 > (mask + 1) * 5 { grow() }
        place(Self.slot(entry), Int(entry.pointee.hash))
        count += 1
    }

    private func place(_ slot: Slot, _ hash: Int) {
        var index = hash & mask
        while slots[index] != 0 { index = (index + 1) & mask }
        slots[index] = slot
    }

    private mutating func grow() {
        let (old, oldCount) = (slots, mask + 1)
        mask = oldCount * 2 - 1
        slots = Self.emptySlots(mask + 1)
        for slot in UnsafeBufferPointer(start: old, count: oldCount) {
            if let entry = Self.entry(slot) { place(slot, Int(entry.pointee.hash)) }
        }
        old.deallocate()
    }

    /// Removes an entry that is in the table. Entries that were displaced by it move back, so that no probe ends too
    /// early.
    mutating func remove(_ entry: EntryPointer) {
        var hole = Int(entry.pointee.hash) & mask
        while Self.entry(slots[hole]) != entry { hole = (hole + 1) & mask }
        var index = hole
        while true {
            index = (index + 1) & mask
            guard let next = Self.entry(slots[index]) else { break }
            let home = Int(next.pointee.hash) & mask
            if (index - home) & mask >= (index - hole) & mask {
                slots[hole] = slots[index]
                hole = index
            }
        }
        slots[hole] = 0
        count -= 1
    }

    func visitAll(_ body: (EntryPointer) -> Void) {
        for index in 0...mask { if let entry = Self.entry(slots[index]) { body(entry) } }
    }

    /// Removes all entries and frees most of the memory.
    mutating func removeAll() {
        slots.deallocate()
        mask = 1_023
        slots = Self.emptySlots(mask + 1)
        count = 0
    }
}
