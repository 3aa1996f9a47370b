// What the byte store and the entries of the cache cannot tell: the committed value of an entry that was committed, was
// not saved since, and was written again.
//
//     entry is                          its committed value
//     saved, or unsaved only            its value
//     changed or drained, not unsaved   what the byte store has
//     changed or drained, and unsaved   kept here when the change began

/// The committed values of entries that were changed before they were saved. Emptied by each commit.
final class CommittedValues {
    private var values: [EntryPointer: UnsafeMutableRawBufferPointer?] = [:]
    /// False from the first query to the next commit: what was changed before is not here.
    private(set) var isComplete: Bool

    init(isComplete: Bool) { self.isComplete = isComplete }

    deinit { free() }

    /// Keeps the value that an unsaved entry has before it is changed.
    func keep(_ entry: EntryPointer) {
        guard let value = entry.value else { return values[entry] = .some(nil) }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: value.count, alignment: 1)
        copy.copyMemory(from: value)
        values[entry] = copy
    }

    /// The committed value of an entry that is changed or drained: nil if the byte store tells; else the value, nil in
    /// it if there was none. Valid until the next commit.
    func value(of entry: EntryPointer) -> UnsafeRawBufferPointer?? {
        guard let kept = values[entry] else { return .none }
        return .some(kept.map { UnsafeRawBufferPointer($0) })
    }

    /// Forgets everything: the changes are committed.
    /// - Parameter isComplete: whether nothing is changed any more.
    func committed(isComplete: Bool) {
        free()
        values.removeAll(keepingCapacity: true)
        self.isComplete = isComplete
    }

    private func free() { for value in values.values { value?.deallocate() } }
}
