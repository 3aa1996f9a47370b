// The write-back cache that every store is built on.
//
// The states of an entry, shown by its marks (see ByteEntry.Marks):
//
//     saved ──write──▸ changed ──drainChanges──▸ drained ──committed──▸ unsaved ──writeBehind──▸ saved ──evicted
//       ▴                 ▴                         │ write: changed as well      │ write: changed as well
//       └─ read-through   └─────────────────────────┴─────────────────────────────┘
//
// Invariants:
// - The byte store holds exactly the committed state that its metadata describes. Uncommitted values never reach it, so
//   `writeBehind` runs only while nothing is changed or drained, and writes all unsaved entries at once.
// - Only saved entries are evicted. They form a ring, oldest first; an entry that was read since gets a second chance
//   (CLOCK).
// - The sorted index, if it exists, holds exactly the entries that are not saved.

import MoldauRecords

/// A store of bytes with a write-back cache over a byte store, and the changes since the last commit.
///
/// Each call touches only the cache, unless a key is read that the cache does not have. Used only by the thread that
/// owns the task.
@usableFromInline
package final class CachedByteStore {
    @usableFromInline package let name: String
    /// The changelog topic, or the name that it would have if there were one.
    @usableFromInline package let topic: String
    /// Whether changes go to a changelog: then they must be drained before they are committed.
    package let isLogged: Bool

    let byteStore: any ByteStore
    let memory: StateMemory
    // These skip exclusivity checks: the store belongs to one thread, and none of them is passed inout to code that
    // could call back into the store.
    @exclusivity(unchecked) var table = EntryTable()
    /// In the order of the first write since the last drain.
    @exclusivity(unchecked) var changed: ContiguousArray<EntryPointer> = []
    @exclusivity(unchecked) var drained: ContiguousArray<EntryPointer> = []
    @exclusivity(unchecked) var unsaved: ContiguousArray<EntryPointer> = []
    /// An empty list whose memory is reused.
    private var spareList: ContiguousArray<EntryPointer> = []
    /// All entries that are not saved, in key order. Built by the first scan after a write-behind.
    @exclusivity(unchecked) var index: SortedEntries?
    @exclusivity(unchecked) private var oldestSaved: EntryPointer?
    @exclusivity(unchecked) private var newestSaved: EntryPointer?

    @exclusivity(unchecked) private(set) var cachedBytes = 0
    @exclusivity(unchecked) private(set) var uncommittedBytes = 0
    @exclusivity(unchecked) private(set) var unsavedBytes = 0
    @exclusivity(unchecked) private var reportedBytes = 0
    /// Reads that found the key in the cache, and those that had to ask the byte store.
    @exclusivity(unchecked) private var hitCount = 0
    @exclusivity(unchecked) private var missCount = 0
    /// Entries are not evicted while an update is in progress.
    @exclusivity(unchecked) private var openUpdates = 0
    @exclusivity(unchecked) private(set) var isClosed = false
    /// Changes when entries move to the byte store: cursors over it must seek again.
    private(set) var generation = 0

    /// Describes the committed data, saved or not; its stream time covers all data.
    @exclusivity(unchecked) package internal(set) var metadata: StoreMetadata

    /// The first read of the byte store that failed, except for queries, or `.readOnly` after a write to a read-only
    /// store: user code may have caught the error.
    package internal(set) var failure: StateError?

    /// Whether only the store's topic may change it now: a write fails the next commit.
    @exclusivity(unchecked) package var isReadOnly = false

    /// Why the store was emptied when it was opened; nil if it was not.
    package var erasedBecause: String?

    /// Deleted rows whose deletion the changelog has lost.
    var lostDeletions: Set<[UInt8]> = []

    /// Keys below this one have expired and are never read again: the next write-behind deletes them. Only grows.
    package internal(set) var dropBelow: [UInt8]?

    /// What queries see while one is being answered; nil otherwise.
    @exclusivity(unchecked) var queriedView: StoreView?
    /// The place after which scans of that query begin.
    @exclusivity(unchecked) var queriedPlace: [UInt8]?
    /// How many more rows scans of that query may visit.
    @exclusivity(unchecked) var queriedSteps = Int.max
    @exclusivity(unchecked) var committedValues = CommittedValues()
    /// The last value that a query read from the byte store.
    @exclusivity(unchecked) var peeked = ByteWriter()

    init(name: String, isLogged: Bool, byteStore: any ByteStore, memory: StateMemory, topic: String? = nil) {
        self.name = name
        self.topic = topic ?? "\(name)-changelog"
        self.isLogged = isLogged
        self.byteStore = byteStore
        self.memory = memory
        metadata = byteStore.metadata
        memory.storeOpened()
    }

    deinit { discard() }

    // MARK: Reading and writing

    /// The value of a key; nil if it has none. The bytes are valid until the next call to this store.
    @usableFromInline
    package func get(_ key: UnsafeRawBufferPointer) throws(StateError) -> UnsafeRawBufferPointer? {
        if let queriedView { return try peek(key, queriedView) }
        return try readThrough(key).value
    }

    /// Sets the value of a key, or deletes it (nil). Does not read the byte store.
    @usableFromInline
    package func put(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws(StateError) {
        let hash = hashBytes(key)
        if let entry = table.find(key, hash: hash) { return write(value, to: entry) }
        let entry = try insert(key, hash: hash, value: value, marks: belowUnlessUnknown)
        noteWrite()
        markChanged(entry)
    }

    /// A key's entry between a read and the write that follows. Valid until `endUpdate`.
    @usableFromInline
    package struct Update {
        let entry: EntryPointer

        /// The value before the update. The bytes are valid until the key is written.
        @usableFromInline package var value: UnsafeRawBufferPointer? { entry.value }
    }

    /// Looks a key up once, for reading and writing it. The store may be used until the matching `endUpdate`.
    @usableFromInline
    package func beginUpdate(_ key: UnsafeRawBufferPointer) throws(StateError) -> Update {
        let entry = try readThrough(key)
        openUpdates += 1
        return Update(entry: entry)
    }

    /// Sets the key of an update to a value, whose bytes are copied; nil removes it.
    @usableFromInline
    package func write(_ value: UnsafeRawBufferPointer?, in update: Update) { write(value, to: update.entry) }

    /// Completes what `beginUpdate` started.
    @usableFromInline
    package func endUpdate() { openUpdates -= 1 }

    /// Reads a key and sets it to the result of `body`, with one look-up. The bytes passed are valid during the call
    /// only.
    package func update(
        _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) throws -> UnsafeRawBufferPointer?
    ) throws {
        let update = try beginUpdate(key)
        defer { endUpdate() }
        write(try body(update.value), in: update)
    }

    private func readThrough(_ key: UnsafeRawBufferPointer) throws(StateError) -> EntryPointer {
        let hash = hashBytes(key)
        if let entry = table.find(key, hash: hash) {
            entry.pointee.marks.formUnion(.recentlyUsed)
            hitCount &+= 1
            return entry
        }
        guard byteStore.mayHoldData else {
            let entry = try insert(key, hash: hash, value: nil, marks: .belowKnown)
            ringAppend(entry)
            return entry
        }
        try checkOpen()
        missCount += 1
        var made: EntryPointer?
        do {
            try byteStore.read(key) { value in
                made = .make(key: key, hash: hash, value: value)
                made?.pointee.marks = value == nil ? .belowKnown : [.belowKnown, .isBelow]
            }
        } catch { throw noted(error) }
        guard let made else { preconditionFailure("a byte store calls back once per read") }
        takeIn(made)
        ringAppend(made)
        return made
    }

    private func noteWrite() {
        if isReadOnly { failure = failure ?? .readOnly(store: name) }
    }

    private func write(_ value: UnsafeRawBufferPointer?, to entry: EntryPointer) {
        noteWrite()
        if entry.pointee.marks.isDisjoint(with: .changed) { markChanged(entry) }
        let before = entry.pointee.valueCapacity
        entry.replaceValue(value)
        let growth = Int(entry.pointee.valueCapacity) - Int(before)
        if growth != 0 {
            cachedBytes += growth
            uncommittedBytes += growth
            evict(toFit: 0)
            report()
        }
    }

    private func markChanged(_ entry: EntryPointer) {
        let marks = entry.pointee.marks
        if marks.isDisjoint(with: .uncommitted) {
            let footprint = entry.footprint
            uncommittedBytes += footprint
            if marks.contains(.unsaved) {
                unsavedBytes -= footprint
                if committedValues.isOn { committedValues.keep(entry) }
            } else {
                leaveSaved(entry)
            }
        }
        entry.pointee.marks.formUnion(.changed)
        changed.append(entry)
    }

    /// Removes an entry from the ring of saved entries, and adds it to the sorted index if there is one.
    private func leaveSaved(_ entry: EntryPointer) {
        ringRemove(entry)
        index?.insert(entry)
    }

    private var belowUnlessUnknown: ByteEntry.Marks { byteStore.mayHoldData ? [] : .belowKnown }

    private func insert(
        _ key: UnsafeRawBufferPointer, hash: UInt32, value: UnsafeRawBufferPointer?, marks: ByteEntry.Marks
    ) throws(StateError) -> EntryPointer {
        try checkOpen()
        let entry = EntryPointer.make(key: key, hash: hash, value: value)
        entry.pointee.marks = marks
        takeIn(entry)
        return entry
    }

    private func takeIn(_ entry: EntryPointer) {
        evict(toFit: entry.footprint)
        table.insert(entry)
        cachedBytes += entry.footprint
        report()
    }

    /// The store's memory use and its cache hits and misses.
    package var usage: StoreUsage {
        StoreUsage(
            cachedBytes: cachedBytes, unsavedBytes: uncommittedBytes + unsavedBytes, hits: hitCount, misses: missCount,
            files: byteStore.files)
    }

    func checkOpen() throws(StateError) { if isClosed { throw .closed(store: name) } }

    // MARK: Eviction

    private func evict(toFit extra: Int) {
        guard openUpdates == 0 else { return }
        let limit = memory.shareBytes
        while cachedBytes + extra > limit, let entry = oldestSaved {
            ringRemove(entry)
            if entry.pointee.marks.contains(.recentlyUsed) {
                entry.pointee.marks.remove(.recentlyUsed)
                ringAppend(entry)
            } else {
                cachedBytes -= entry.footprint
                table.remove(entry)
                entry.free()
            }
        }
    }

    private func ringAppend(_ entry: EntryPointer) {
        entry.pointee.older = newestSaved
        entry.pointee.newer = nil
        newestSaved?.pointee.newer = entry
        newestSaved = entry
        if oldestSaved == nil { oldestSaved = entry }
    }

    private func ringRemove(_ entry: EntryPointer) {
        let (older, newer) = (entry.pointee.older, entry.pointee.newer)
        guard older != nil || newer != nil || oldestSaved == entry else { return }
        if let older { older.pointee.newer = newer } else { oldestSaved = newer }
        if let newer { newer.pointee.older = older } else { newestSaved = older }
        entry.pointee.older = nil
        entry.pointee.newer = nil
    }

    private static let reportEveryBytes = 16 << 10

    private func report(always: Bool = false) {
        let difference = cachedBytes - reportedBytes
        guard always && difference != 0 || abs(difference) >= Self.reportEveryBytes else { return }
        reportedBytes = cachedBytes
        memory.writeBackChanged(by: difference)
    }

    // MARK: Commit

    /// How many entries ahead are prefetched when a list is walked.
    private static let lookahead = 8

    /// Whether uncommitted writes take so much of the budget that a commit should come now.
    package var needsCommit: Bool { uncommittedBytes > memory.shareBytes / 2 }

    /// Passes on each key that was written since the last drain, once, in the order of its first write, with its
    /// current value, or nil if it was deleted. If `body` throws, that key and all after it stay for the next drain.
    /// - Parameter deletionsLast: passes deletions on after everything else.
    package func drainChanges(
        deletionsLast: Bool = false, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws -> Void
    ) throws {
        try checkOpen()
        var batch = spareList
        swap(&batch, &changed)
        spareList = []
        if deletionsLast {
            let deleted = batch.filter { $0.value == nil }
            batch.removeAll { $0.value == nil }
            batch += deleted
        }
        var done = 0
        defer {
            if done < batch.count { changed.insert(contentsOf: batch[done...], at: 0) }
            batch.removeAll(keepingCapacity: true)
            spareList = batch
        }
        while done < batch.count {
            let entry = batch[done]
            if done + Self.lookahead < batch.count { batch[done + Self.lookahead].prefetch() }
            try body(entry.key, entry.value)
            done += 1
            if entry.pointee.marks.isDisjoint(with: .drained) { drained.append(entry) }
            entry.pointee.marks.remove(.changed)
            entry.pointee.marks.formUnion(.drained)
        }
    }

    /// Marks everything drained as committed; in a store without a changelog, everything written.
    /// - Parameters:
    ///   - changelogEnd: the first changelog offset after what this thread sent last; nil if it sent nothing. Only
    ///     counts if something was drained: otherwise that was before another thread had the task, and sent more.
    ///   - positions: for each input partition, the first offset after the input of these changes.
    package func committed(changelogEnd: Offset?, positions: [TopicPartition: Offset]) {
        if !isLogged {
            for entry in changed { commit(entry) }
            changed.removeAll(keepingCapacity: true)
        }
        if let changelogEnd, !drained.isEmpty { metadata.changelogOffset = changelogEnd }
        for entry in drained { commit(entry) }
        drained.removeAll(keepingCapacity: true)
        committedValues.committed(isComplete: changed.isEmpty)
        metadata.positions.merge(positions) { _, new in new }
        report(always: true)
    }

    private func commit(_ entry: EntryPointer) {
        guard !entry.pointee.marks.isDisjoint(with: .uncommitted) else { return }
        entry.pointee.marks.remove(isLogged ? .drained : .uncommitted)
        if entry.pointee.marks.isDisjoint(with: .changed) {
            let footprint = entry.footprint
            uncommittedBytes -= footprint
            unsavedBytes += footprint
        }
        if entry.pointee.marks.isDisjoint(with: .unsaved) { unsaved.append(entry) }
        entry.pointee.marks.formUnion(.unsaved)
    }

    /// Atomically writes committed changes and the metadata to the byte store. Without `force`, no-op while they take
    /// less than half of the store's share of the budget. Must follow a commit: nothing may be uncommitted.
    package func writeBehind(force: Bool) throws(StateError) {
        try checkOpen()
        precondition(changed.isEmpty && drained.isEmpty, "only committed writes may be stored: commit first")
        if force ? unsaved.isEmpty && metadata == byteStore.metadata : unsavedBytes <= memory.shareBytes / 2 { return }
        try dropOutdated()
        var sorted = ContiguousArray(unsaved.lazy.map(SortedEntry.init))
        sorted.sort(by: <)
        let result = sorted.withUnsafeBufferPointer { changes in
            Result { () throws(StateError) in try byteStore.apply(changes, metadata: metadata) }
        }
        try result.get()
        generation += 1
        index = nil
        unsavedBytes = 0
        unsaved.removeAll(keepingCapacity: true)
        for change in sorted {
            let entry = change.entry
            entry.pointee.marks.subtract([.unsaved, .isBelow])
            entry.pointee.marks.formUnion(entry.value == nil ? .belowKnown : [.belowKnown, .isBelow])
            ringAppend(entry)
        }
        evict(toFit: 0)
        report(always: true)
    }

    /// Deletes everything below `dropBelow`: unsaved entries here, and all keys in the byte store.
    private func dropOutdated() throws(StateError) {
        guard let bound = dropBelow else { return }
        try byteStore.drop(below: bound)
        dropBelow = nil
        generation += 1
        index = nil
        unsaved.removeAll { entry in
            guard bound.withUnsafeBytes({ compareBytes(entry.key, $0) }) < 0 else { return false }
            unsavedBytes -= entry.footprint
            cachedBytes -= entry.footprint
            table.remove(entry)
            entry.free()
            return true
        }
    }

    // MARK: Restore

    /// Applies a changelog record: a value, or nil for a tombstone. The key must not have uncommitted writes.
    package func restore(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws(StateError) {
        let hash = hashBytes(key)
        let entry: EntryPointer
        if let held = table.find(key, hash: hash) {
            entry = held
        } else {
            entry = try insert(key, hash: hash, value: nil, marks: belowUnlessUnknown)
        }
        precondition(entry.pointee.marks.isDisjoint(with: .uncommitted), "a restore must come before the first write")
        let before = entry.footprint
        entry.replaceValue(value)
        cachedBytes += entry.footprint - before
        report()
        if entry.pointee.marks.contains(.unsaved) {
            unsavedBytes += entry.footprint - before
        } else {
            leaveSaved(entry)
            unsavedBytes += entry.footprint
            entry.pointee.marks.formUnion(.unsaved)
            unsaved.append(entry)
        }
    }

    /// Notes that the changelog was restored up to (not including) `end`, and writes restored data behind if it is
    /// much. Must be called after every batch, so that the stored data matches the offset stored with it.
    package func restored(upTo end: Offset) throws(StateError) {
        metadata.changelogOffset = end
        try writeBehind(force: false)
        report(always: true)
    }

    // MARK: Closing

    /// An estimate: besides the byte store's own estimate, it is exact only for keys whose presence there is known.
    package var approximateEntryCount: Int {
        var count = byteStore.approximateEntryCount
        func add(_ entry: EntryPointer) {
            let isHere = entry.pointee.valueCount >= 0
            let isBelow = entry.pointee.marks.contains(.isBelow)
            if isHere && !isBelow { count += 1 }
            if !isHere && isBelow { count -= 1 }
        }
        for entry in unsaved { add(entry) }
        for entry in drained where entry.pointee.marks.isDisjoint(with: .unsaved) { add(entry) }
        for entry in changed where entry.pointee.marks.isDisjoint(with: [.unsaved, .drained]) { add(entry) }
        return max(0, count)
    }

    /// Closes the store. If everything is committed, it is saved and made durable first; otherwise, and if that throws,
    /// unsaved data is discarded, and the next open restores it from the changelog. May be called again.
    package func close() throws(StateError) {
        guard !isClosed else { return }
        defer {
            discard()
            byteStore.close()
        }
        if changed.isEmpty && drained.isEmpty {
            try writeBehind(force: true)
            try byteStore.flush()
        }
    }

    /// Closes the store without changing anything in it.
    func leave() {
        discard()
        byteStore.close()
    }

    private func discard() {
        guard !isClosed else { return }
        isClosed = true
        index = nil
        changed = []
        drained = []
        unsaved = []
        table.visitAll { $0.free() }
        table.removeAll()
        committedValues = CommittedValues()
        (oldestSaved, newestSaved) = (nil, nil)
        (cachedBytes, uncommittedBytes, unsavedBytes) = (0, 0, 0)
        report(always: true)
        memory.storeClosed()
    }
}
