/// Finds an entry by its key: open addressing with linear probing, at most 5 of 8 slots taken. Holds entries, does not
/// own them.
struct EntryTable: ~Copyable {
    /// The hash beside the pointer saves the visit to entries of other keys.
    private struct Slot {
        var entry: EntryPointer?
        var hash: UInt32
        var keyCount: UInt32
    }

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
        slots.initialize(repeating: Slot(entry: nil, hash: 0, keyCount: 0), count: count)
        return slots
    }

    func find(_ key: UnsafeRawBufferPointer, hash: UInt32) -> EntryPointer? {
        var index = Int(hash) & mask
        while let entry = slots[index].entry {
            if slots[index].hash == hash, Int(slots[index].keyCount) == key.count, compareBytes(entry.key, key) == 0 {
                return entry
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Takes in an entry whose key is not there yet.
    mutating func insert(_ entry: EntryPointer) {
        if (count + 1) * 8 > (mask + 1) * 5 { grow() }
        place(Slot(entry: entry, hash: entry.pointee.hash, keyCount: entry.pointee.keyCount))
        count += 1
    }

    private func place(_ slot: Slot) {
        var index = Int(slot.hash) & mask
        while slots[index].entry != nil { index = (index + 1) & mask }
        slots[index] = slot
    }

    private mutating func grow() {
        let (old, oldCount) = (slots, mask + 1)
        mask = oldCount * 2 - 1
        slots = Self.emptySlots(mask + 1)
        for index in 0..<oldCount where old[index].entry != nil { place(old[index]) }
        old.deallocate()
    }

    /// Forgets an entry that is there. Those that had to step over it move back, so that no probe ends too early.
    mutating func remove(_ entry: EntryPointer) {
        var hole = Int(entry.pointee.hash) & mask
        while slots[hole].entry != entry { hole = (hole + 1) & mask }
        var index = hole
        while true {
            index = (index + 1) & mask
            guard slots[index].entry != nil else { break }
            let home = Int(slots[index].hash) & mask
            if (index - home) & mask >= (index - hole) & mask {
                slots[hole] = slots[index]
                hole = index
            }
        }
        slots[hole].entry = nil
        count -= 1
    }

    func visitAll(_ body: (EntryPointer) -> Void) {
        for index in 0...mask { if let entry = slots[index].entry { body(entry) } }
    }

    /// Forgets all entries and most of the memory.
    mutating func removeAll() {
        slots.deallocate()
        mask = 1_023
        slots = Self.emptySlots(mask + 1)
        count = 0
    }
}
