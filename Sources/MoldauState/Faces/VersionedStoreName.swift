import MoldauRecords

/// The name of a versioned table's store: it retains each key's values for a length of event time (KIP-889), so that a
/// stream is joined with the value as of its record's time. Every change of such a table is forwarded downstream at
/// once.
public struct VersionedStoreName<Key, Value>: TableName {
    /// The type of the opened store.
    public typealias Store = VersionedKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    /// How far back versions are retained, and late ones accepted.
    public let historyRetention: Duration
    public var content: TableStoreContent { TableStoreContent(.versions(historyRetention: historyRetention)) }

    /// A store that encodes keys and values with their types' own serdes.
    /// - Parameters:
    ///   - name: the name of the store, unique in the topology.
    ///   - historyRetention: how far back versions are retained, and late ones accepted.
    public init(_ name: String, historyRetention: Duration) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde, historyRetention: historyRetention)
    }

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>, historyRetention: Duration) {
        (self.name, self.key, self.value) = (name, key, value)
        self.historyRetention = historyRetention
    }
}
