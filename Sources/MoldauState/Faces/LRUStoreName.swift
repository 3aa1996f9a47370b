import MoldauRecords

/// The name of a processor's own in-memory map of the most recently used keys (`Stores.lruMap`).
public struct LRUStoreName<Key, Value>: StoreName {
    /// The type of the opened store.
    public typealias Store = LRUKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    /// The maximum number of keys per task.
    public let maxEntries: Int

    /// A store that encodes keys and values with their types' own serdes.
    /// - Parameters:
    ///   - name: the name of the store, unique in the topology.
    ///   - maxEntries: per task; at least 1.
    public init(_ name: String, maxEntries: Int) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde, maxEntries: maxEntries)
    }

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>, maxEntries: Int) {
        (self.name, self.key, self.value, self.maxEntries) = (name, key, value, maxEntries)
    }
}

/// The name of the store of a table that keeps a limited number of rows per task, in memory: those read or written most
/// recently. Other rows are evicted, in the changelog too, and downstream nodes are not notified: an aggregate of an
/// evicted key starts again from its initial value.
public struct LRUTableStoreName<Key, Value>: TableName {
    /// The type of the opened store.
    public typealias Store = LRUKeyValueStore<Key, ValueAndTimestamp<Value>>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    /// The maximum number of rows per task.
    public let maxEntries: Int
    public var content: TableStoreContent { TableStoreContent(.usedLast(maxEntries: maxEntries)) }

    /// A store that encodes keys and values with their types' own serdes.
    /// - Parameters:
    ///   - name: the name of the store, unique in the topology.
    ///   - maxEntries: per task; at least 1.
    public init(_ name: String, maxEntries: Int) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde, maxEntries: maxEntries)
    }

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>, maxEntries: Int) {
        (self.name, self.key, self.value, self.maxEntries) = (name, key, value, maxEntries)
    }
}
