import MoldauRecords
import MoldauState

/// A store that knows whether it has anything for a key: a value, or a window with one.
protocol KeyHolding<Key> {
    associatedtype Key
    func holds(_ key: Key) throws -> Bool
}

extension KeyHolding where Self: ReadableMap {
    func holds(_ key: Key) throws -> Bool { try get(key) != nil }
}

extension KeyHolding where Self: ReadableWindows {
    func holds(_ key: Key) throws -> Bool {
        try fetch(key, from: Timestamp(ms: 0), to: Timestamp(ms: .max)).next() != nil
    }
}

extension KeyValueStore: KeyHolding {}
extension TimestampedKeyValueStore: KeyHolding {}
extension HeadersKeyValueStore: KeyHolding {}
extension WindowStore: KeyHolding {}
extension TimestampedWindowStore: KeyHolding {}
extension HeadersWindowStore: KeyHolding {}

extension LRUKeyValueStore: KeyHolding {
    func holds(_ key: Key) throws -> Bool { try get(key) != nil }
}

extension VersionedKeyValueStore: KeyHolding {
    func holds(_ key: Key) throws -> Bool { try get(key) != nil }
}

extension SessionStore: KeyHolding {
    func holds(_ key: Key) throws -> Bool {
        try sessions(of: key, endingFrom: Timestamp(ms: 0), beginningTo: Timestamp(ms: .max)).next() != nil
    }
}
