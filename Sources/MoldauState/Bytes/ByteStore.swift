import MoldauRecords

/// A range of keys in byte order: from `lower` up to but not including `upper`.
package struct KeyRange: Equatable {
    package var lower: [UInt8]
    /// nil: no upper bound.
    package var upper: [UInt8]?

    package init(from lower: [UInt8] = [], upTo upper: [UInt8]? = nil) {
        self.lower = lower
        self.upper = upper
    }

    /// The keys from `lower` to `last`, both included; none if `last` comes first.
    package init(from lower: [UInt8]?, through last: [UInt8]?) {
        self.init(from: lower ?? [], upTo: last.map { $0 + [0] })
        order()
    }

    /// The keys that begin with `prefix`.
    package init(prefix: [UInt8]) {
        var end = prefix
        while let byte = end.popLast() {
            if byte < 0xff {
                self.init(from: prefix, upTo: end + [byte + 1])
                return
            }
        }
        self.init(from: prefix, upTo: nil)  // All bytes are 0xff: nothing is above.
    }

    package static var all: KeyRange { KeyRange() }

    /// The part of the range that a scan has not reached when it is at `place`.
    func remaining(after place: [UInt8], reverse: Bool) -> KeyRange {
        var rest = self
        if reverse {
            if upper.map({ place.lexicographicallyPrecedes($0) }) ?? true { rest.upper = place }
        } else if !place.lexicographicallyPrecedes(lower) {
            rest.lower = place + [0]
        }
        rest.order()
        return rest
    }

    /// Cursors take ranges whose bounds are in order.
    private mutating func order() {
        if let upper, upper.lexicographicallyPrecedes(lower) { lower = upper }
    }

    var isEmpty: Bool { upper.map { !lower.lexicographicallyPrecedes($0) } ?? false }
}

/// A store's committed data, below the write-back cache. Used only by the thread that owns the task.
package protocol ByteStore: AnyObject {
    /// The metadata of the last `apply`; empty for a new store.
    var metadata: StoreMetadata { get }

    /// False only if the store is known to be empty: then a cache miss needs no look-up here.
    var mayHoldData: Bool { get }

    /// An estimate if counting would be expensive.
    var approximateEntryCount: Int { get }

    /// The sizes of the store's files; nil if it has none. Cheap enough to be read every second.
    var files: StoreFiles? { get }

    /// Calls `body` once, with the value or nil. The bytes are valid during the call only.
    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(StateError)

    /// Atomically writes the values of `changes`, deletes the keys without a value, and replaces the metadata.
    /// - Parameter changes: in key order, each key once.
    func apply(_ changes: UnsafeBufferPointer<SortedEntry>, metadata: StoreMetadata) throws(StateError)

    /// Deletes all keys below `key`. Costs about as much as one deletion on disk, and one deletion per entry in memory.
    /// Durable with the next `apply`.
    func drop(below key: [UInt8]) throws(StateError)

    /// The entries of a range as they are now, in key order or reversed. Must be released before the next `apply`.
    func cursor(_ range: KeyRange, reverse: Bool) throws(StateError) -> any ByteStoreCursor

    /// Makes everything applied durable. Blocks until it is.
    func flush() throws(StateError)

    /// Releases the store's resources. Later calls throw `StateError.closed`.
    func close()
}

extension ByteStore {
    package var files: StoreFiles? { nil }
}

/// RocksDB's figures for a store.
package struct StoreFiles: Sendable, Equatable {
    /// The size of all files, including those kept only for open iterators.
    package var bytes: Int = 0
    package var memtableBytes: Int = 0
    /// How much compaction has to rewrite, as RocksDB estimates it.
    package var pendingCompactionBytes: Int = 0
    /// Errors of RocksDB's background threads, in the whole database.
    package var backgroundErrors: Int = 0
}

/// A cursor over a byte store. The bytes that it shows are valid until it moves.
package protocol ByteStoreCursor: AnyObject {
    /// nil after the last entry.
    var key: UnsafeRawBufferPointer? { get }
    /// The value of the entry at `key`.
    var value: UnsafeRawBufferPointer { get }
    /// Moves to the next entry, or behind the last one.
    func advance() throws(StateError)
}
