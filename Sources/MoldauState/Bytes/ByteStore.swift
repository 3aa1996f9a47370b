import MoldauRecords

/// A run of keys in byte order: from `lower` on, up to but not including `upper`.
package struct KeyRange: Equatable {
    package var lower: [UInt8]
    /// nil: no bound.
    package var upper: [UInt8]?

    package init(from lower: [UInt8] = [], upTo upper: [UInt8]? = nil) {
        self.lower = lower
        self.upper = upper
    }

    /// The keys from `lower` to `last`, both included.
    package init(from lower: [UInt8]?, through last: [UInt8]?) {
        self.init(from: lower ?? [], upTo: last.map { $0 + [0] })
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

    var isEmpty: Bool { upper.map { !lower.lexicographicallyPrecedes($0) } ?? false }
}

/// Where a store's committed data lies, below the write-back cache. Used by the thread that owns the task, and by no
/// other.
package protocol ByteStore: AnyObject {
    /// What was last applied; empty for a new store.
    var metadata: StoreMetadata { get }

    /// False only where the store is known to hold nothing: then a miss in the cache needs no look here.
    var mayHoldData: Bool { get }

    /// An estimate where counting would cost.
    var approximateEntryCount: Int { get }

    /// Calls `body` once, with the value or nil. The bytes are valid inside it.
    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(StateError)

    /// Writes the values of `changes`, deletes the keys that have none, and replaces the metadata: all of it or
    /// nothing.
    /// - Parameter changes: in key order, each key once.
    func apply(_ changes: UnsafeBufferPointer<SortedEntry>, metadata: StoreMetadata) throws(StateError)

    /// Deletes all keys below `key`. Cost: about that of one deletion on disk; one per entry in memory. Durable with the
    /// next `apply`.
    func drop(below key: [UInt8]) throws(StateError)

    /// The entries of a range as they are now, in key order or against it. To be dropped before the next `apply`.
    func cursor(_ range: KeyRange, reverse: Bool) throws(StateError) -> any ByteStoreCursor

    /// Makes what was applied durable; blocks until it is.
    func flush() throws(StateError)

    /// Gives back what the store holds of the system. Later calls throw `StateError.closed`.
    func close()
}

/// A walk over a byte store. The bytes that it shows are valid until it is moved.
package protocol ByteStoreCursor: AnyObject {
    /// nil behind the last entry.
    var key: UnsafeRawBufferPointer? { get }
    /// The value of the entry at `key`.
    var value: UnsafeRawBufferPointer { get }
    func advance() throws(StateError)
}
