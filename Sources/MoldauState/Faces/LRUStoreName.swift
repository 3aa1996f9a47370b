import MoldauRecords

/// The name of a processor's own map in memory of the keys used last (`Stores.lruMap`).
public struct LRUStoreName<Key, Value>: StoreName {
    /// The store that it names.
    public typealias Store = LRUKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    /// How many keys the store keeps per task.
    public let maxEntries: Int

    /// A store whose bytes are those of the types' own serdes.
    /// - Parameter maxEntries: per task; at least 1.
    public init(_ name: String, maxEntries: Int) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde, maxEntries: maxEntries)
    }

    /// A store whose bytes are read and written by the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>, maxEntries: Int) {
        (self.name, self.key, self.value, self.maxEntries) = (name, key, value, maxEntries)
    }
}

/// The name of the store of a table that keeps so many rows per task at most, in memory: those that were read or written last. The
/// others are forgotten, in the changelog too, and those downstream do not hear of it: an aggregate of such a key begins anew.
public struct LRUTableStoreName<Key, Value>: TableName {
    /// The store that it names.
    public typealias Store = LRUKeyValueStore<Key, ValueAndTimestamp<Value>>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    /// How many rows the table keeps per task.
    public let maxEntries: Int
    public var content: TableStoreContent { TableStoreContent(.usedLast(maxEntries: maxEntries)) }

    /// A store whose bytes are those of the types' own serdes.
    /// - Parameter maxEntries: per task; at least 1.
    public init(_ name: String, maxEntries: Int) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde, maxEntries: maxEntries)
    }

    /// A store whose bytes are read and written by the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>, maxEntries: Int) {
        (self.name, self.key, self.value, self.maxEntries) = (name, key, value, maxEntries)
    }
}
