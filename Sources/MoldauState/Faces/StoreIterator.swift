import MoldauRecords

/// A walk over entries: the bytes that it shows are valid until it moves or the store is used.
@usableFromInline
package protocol EntryCursor: AnyObject {
    /// Moves to the next entry.
    /// - Returns: false behind the last one.
    func next() throws(StateError) -> Bool
    var key: UnsafeRawBufferPointer { get }
    var value: UnsafeRawBufferPointer { get }
}

extension StoreCursor: EntryCursor {}

/// A walk over entries of a store.
///
/// The store may be written meanwhile: each key comes at most once; keys ahead of the walk come with the value that
/// they have when it gets there. Use it inside the call that made it: it ends with the store.
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

    /// The next entry; nil behind the last one.
    /// - Throws: `StateError`; `.damaged` for bytes that the serdes cannot read.
    @inlinable public func next() throws -> (key: Key, value: Value)? {
        guard try cursor.next() else { return nil }
        do { return (try keySerde.decode(cursor.key), try valueSerde.decode(cursor.value)) } catch {
            throw unreadable(error, in: store)
        }
    }

    /// Calls `body` with each entry that is left.
    @inlinable public func forEach(_ body: (Key, Value) throws -> Void) throws {
        while let (key, value) = try next() { try body(key, value) }
    }

    /// All entries that are left. Their number is bounded by the store alone.
    @inlinable public func collect() throws -> [(key: Key, value: Value)] {
        var entries: [(key: Key, value: Value)] = []
        while let entry = try next() { entries.append(entry) }
        return entries
    }
}
