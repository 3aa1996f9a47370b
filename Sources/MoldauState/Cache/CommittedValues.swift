// What neither the byte store nor the entries of the cache hold: the committed value of an entry that was committed,
// was not saved since, and was written again.
//
//     entry is                          its committed value
//     saved, or unsaved only            its value
//     changed or drained, not unsaved   what the byte store has
//     changed or drained, and unsaved   kept here when the change began

import MoldauRecords

/// The committed values of entries that were changed before they were saved. Emptied by each commit.
struct CommittedValues: ~Copyable {
    private struct Kept {
        let entry: EntryPointer
        /// Where the value is in `bytes`.
        let start: Int
        /// -1: there was none.
        let count: Int
    }

    /// An entry's `keptPlace` is the number of its value here, counted from one. It spares a look-up for each change.
    private var kept: ContiguousArray<Kept> = []
    private var bytes = ByteWriter()
    /// Whether values are kept: from the first query of committed values on.
    private(set) var isOn = false
    /// False from that first query to the next commit: values changed before it are not here.
    private(set) var isComplete = false

    /// Starts to keep values.
    /// - Parameter isComplete: whether nothing is changed now.
    mutating func begin(isComplete: Bool) { (isOn, self.isComplete) = (true, isComplete) }

    /// Keeps the value that an unsaved entry has before it is changed.
    mutating func keep(_ entry: EntryPointer) {
        kept.append(Kept(entry: entry, start: bytes.count, count: entry.value?.count ?? -1))
        if let value = entry.value { bytes.append(contentsOf: value) }
        entry.pointee.keptPlace = UInt32(truncatingIfNeeded: kept.count)
    }

    /// The committed value of an entry that is changed or drained: nil if it is in the byte store; else the value,
    /// which is nil if there was none. Valid until the next change.
    func value(of entry: EntryPointer) -> UnsafeRawBufferPointer?? {
        let place = Int(entry.pointee.keptPlace)
        if place == 0 { return .none }
        let value = kept[place - 1]
        return .some(
            value.count < 0
                ? nil : UnsafeRawBufferPointer(rebasing: bytes.bytes[value.start..<(value.start + value.count)]))
    }

    /// Drops all values: the changes are committed.
    /// - Parameter isComplete: whether no entry is changed any more.
    mutating func committed(isComplete: Bool) {
        guard isOn else { return }
        for value in kept { value.entry.pointee.keptPlace = 0 }
        kept.removeAll(keepingCapacity: true)
        bytes.removeAll()
        self.isComplete = isComplete
    }
}
