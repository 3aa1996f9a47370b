import MoldauRecords

/// A store that has one row per key, and lists its keys in the order of their bytes: the queries that tables and maps
/// support.
public protocol ReadableMap<Key, Row> {
    /// The type of the keys.
    associatedtype Key
    /// The row of a key.
    associatedtype Row

    /// The row of a key; nil if it has none.
    func get(_ key: Key) throws -> Row?
    /// The entries from one key to another, both included; nil means no bound.
    func range(from first: Key?, to last: Key?) throws -> StoreIterator<Key, Row>
    /// Like `range`, from `last` down to `first`.
    func reverseRange(from first: Key?, to last: Key?) throws -> StoreIterator<Key, Row>
    /// The entries whose key's bytes begin with those of `prefix`.
    func prefixScan<Prefix>(_ prefix: Prefix, serde: Serde<Prefix>) throws -> StoreIterator<Key, Row>
}

extension KeyValueStore: ReadableMap {}
extension TimestampedKeyValueStore: ReadableMap {}
extension HeadersKeyValueStore: ReadableMap {}

/// A map whose rows can be looked up by the bytes of their keys, so that its thread neither encodes nor decodes.
package protocol ByteReadableMap<Row>: CacheBackedStore {
    /// The row of a key.
    associatedtype Row

    /// Decodes the bytes of a row, on any thread.
    var decoder: @Sendable (UnsafeRawBufferPointer) throws -> Row { get }
}

extension KeyValueStore: ByteReadableMap {
    package var decoder: @Sendable (UnsafeRawBufferPointer) throws -> Value {
        { [name, value = codec.value] bytes in
            do { return try value.decode(bytes) } catch { throw unreadable(error, in: name) }
        }
    }
}

extension TimestampedKeyValueStore: ByteReadableMap {
    package var decoder: @Sendable (UnsafeRawBufferPointer) throws -> Row { rows.decoder }
}

extension HeadersKeyValueStore: ByteReadableMap {
    package var decoder: @Sendable (UnsafeRawBufferPointer) throws -> Row { rows.decoder }
}

/// A store that has one row per key and window start: the queries that window stores support.
public protocol ReadableWindows<Key, Row> {
    /// The type of the keys, without their windows.
    associatedtype Key
    /// The row of a key's window.
    associatedtype Row

    /// The row of the key's window that begins at `start`; nil if it has none, or if the window has expired.
    func fetch(_ key: Key, at start: Timestamp) throws -> Row?
    /// A key's windows that begin in a time span, both ends included; oldest first.
    func fetch(_ key: Key, from: Timestamp, to: Timestamp) throws -> StoreIterator<Windowed<Key>, Row>
    /// Like `fetch`, newest first.
    func reverseFetch(_ key: Key, from: Timestamp, to: Timestamp) throws -> StoreIterator<Windowed<Key>, Row>
    /// The windows of a range of keys that begin in a time span, all ends included; nil means no bound.
    func fetch(
        keysFrom first: Key?, through last: Key?, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Row>
    /// Like `fetch` of several keys, in reverse.
    func reverseFetch(
        keysFrom first: Key?, through last: Key?, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Row>
}

extension WindowStore: ReadableWindows {}
extension TimestampedWindowStore: ReadableWindows {}
extension HeadersWindowStore: ReadableWindows {}
