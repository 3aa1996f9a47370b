/// Keeps everything in memory, in key order; lost with the process. A restart replays the whole changelog.
package final class MemoryByteStore: ByteStore {
    private let entries = SortedEntries()
    private let name: String
    private var isClosed = false
    package private(set) var metadata = StoreMetadata()

    init(name: String) { self.name = name }

    /// A store that holds `entries` from the start.
    package init(name: String, entries held: [[UInt8]: [UInt8]], metadata: StoreMetadata) {
        self.name = name
        self.metadata = metadata
        for (key, value) in held {
            key.withUnsafeBytes { key in
                value.withUnsafeBytes { value in entries.insert(.make(key: key, hash: 0, value: value)) }
            }
        }
    }

    deinit { removeAll() }

    package var mayHoldData: Bool { isClosed || entries.count > 0 }
    package var approximateEntryCount: Int { entries.count }

    package func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(StateError) {
        try checkOpen()
        body(entries.find(key)?.value)
    }

    package func apply(_ changes: UnsafeBufferPointer<SortedEntry>, metadata: StoreMetadata) throws(StateError) {
        try checkOpen()
        for change in changes {
            let (key, value) = (change.entry.key, change.entry.value)
            if value == nil {
                entries.remove(key)?.free()
            } else if let entry = entries.find(key) {
                entry.replaceValue(value)
            } else {
                entries.insert(.make(key: key, hash: 0, value: value))
            }
        }
        self.metadata = metadata
    }

    package func drop(below key: [UInt8]) throws(StateError) {
        try checkOpen()
        while let entry = entries.entry(at: entries.start), key.withUnsafeBytes({ compareBytes(entry.key, $0) }) < 0 {
            _ = entries.remove(entry.key)
            entry.free()
        }
    }

    package func cursor(_ range: KeyRange, reverse: Bool) throws(StateError) -> any ByteStoreCursor {
        try checkOpen()
        return MemoryCursor(entries, range, reverse: reverse)
    }

    package func flush() throws(StateError) { try checkOpen() }

    package func close() {
        removeAll()
        isClosed = true
    }

    private func checkOpen() throws(StateError) { if isClosed { throw .closed(store: name) } }

    private func removeAll() {
        var position = entries.start
        while let entry = entries.entry(at: position) {
            entries.advance(&position)
            entry.free()
        }
        entries.removeAll()
    }
}

/// A cursor over a memory store.
private final class MemoryCursor: ByteStoreCursor {
    private var walk: SortedWalk

    init(_ entries: SortedEntries, _ range: KeyRange, reverse: Bool) {
        walk = SortedWalk(entries, range, reverse: reverse)
    }

    var key: UnsafeRawBufferPointer? { walk.current?.key }
    var value: UnsafeRawBufferPointer { walk.current?.value ?? UnsafeRawBufferPointer(start: nil, count: 0) }
    func advance() { walk.advance() }
}

/// Iterates over sorted entries within a range, in key order or reversed. Not valid after an insertion or removal: seek
/// again then.
struct SortedWalk {
    private let entries: SortedEntries
    private let range: KeyRange
    private let reverse: Bool
    private var position: SortedEntries.Position
    private(set) var current: EntryPointer?
    /// The version of the entries at the last seek.
    private(set) var version: Int

    init(_ entries: SortedEntries, _ range: KeyRange, reverse: Bool) {
        self.entries = entries
        self.range = range
        self.reverse = reverse
        version = entries.version
        if reverse {
            position = range.upper.map { upper in upper.withUnsafeBytes { entries.lowerBound($0) } } ?? entries.end
            stepBack()
        } else {
            position = range.lower.withUnsafeBytes { entries.lowerBound($0) }
            settle()
        }
    }

    /// Moves to the next entry of the range; `current` is nil after the last.
    mutating func advance() {
        guard current != nil else { return }
        if reverse {
            stepBack()
        } else {
            entries.advance(&position)
            settle()
        }
    }

    private mutating func stepBack() {
        current = entries.retreat(&position) ? entries.entry(at: position) : nil
        if let entry = current, range.lower.withUnsafeBytes({ compareBytes(entry.key, $0) }) < 0 { current = nil }
    }

    private mutating func settle() {
        current = entries.entry(at: position)
        if let entry = current, let upper = range.upper, upper.withUnsafeBytes({ compareBytes(entry.key, $0) }) >= 0 {
            current = nil
        }
    }
}
