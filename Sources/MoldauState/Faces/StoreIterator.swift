import MoldauRecords

/// A cursor over entries. The bytes that it shows are valid until it moves or the store is used.
@usableFromInline
package protocol EntryCursor: AnyObject {
    /// Moves to the next entry.
    /// - Returns: false after the last one.
    func next() throws(StateError) -> Bool
    /// The key of the entry.
    var key: UnsafeRawBufferPointer { get }
    /// The value of the entry.
    var value: UnsafeRawBufferPointer { get }
    /// The key in the byte store: cursors show entries in the order of these.
    var place: UnsafeRawBufferPointer { get }
    /// Whether `next` returned false because a query has visited enough rows, the last of them at `place`.
    var isCut: Bool { get }
}

extension StoreCursor: EntryCursor {
    @usableFromInline package var place: UnsafeRawBufferPointer { key }
}

/// Iterates over entries of a store.
///
/// The store may be written meanwhile: each key appears at most once; keys ahead of the iterator have the value that
/// they have when it gets there. Use it within the call that made it: it is only valid as long as the store is open.
public final class StoreIterator<Key, Value> {
    @usableFromInline let store: String
    @usableFromInline let cursor: any EntryCursor
    @usableFromInline let keySerde: Serde<Key>
    @usableFromInline let valueSerde: Serde<Value>

    init(_ cursor: any EntryCursor, of store: String, key: Serde<Key>, value: Serde<Value>) {
        self.store = store
        self.cursor = cursor
        keySerde = key
        valueSerde = value
    }

    /// The next entry; nil after the last one.
    /// - Throws: `StateError`; `.damaged` for bytes that the serdes cannot decode.
    @inlinable public func next() throws -> (key: Key, value: Value)? {
        guard try cursor.next() else { return nil }
        do { return (try keySerde.decode(cursor.key), try valueSerde.decode(cursor.value)) } catch {
            throw unreadable(error, in: store)
        }
    }

    /// The place of the last entry in its store, for `CachedByteStore.queried`.
    package var place: [UInt8] { Array(cursor.place) }

    /// The place where a query's scan was cut short; nil if it was complete. See `StoreCursor.isCut`.
    package var cut: [UInt8]? { cursor.isCut ? place : nil }

    /// Calls `body` with each remaining entry.
    @inlinable public func forEach(_ body: (Key, Value) throws -> Void) throws {
        while let (key, value) = try next() { try body(key, value) }
    }

    /// All remaining entries. Their number is limited only by the size of the store.
    @inlinable public func collect() throws -> [(key: Key, value: Value)] {
        var entries: [(key: Key, value: Value)] = []
        while let entry = try next() { entries.append(entry) }
        return entries
    }
}
