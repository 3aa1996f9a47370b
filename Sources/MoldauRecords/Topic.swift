/// A topic's name with the types of its keys and values: declared once, used by topologies, producers and tests.
public struct Topic<Key, Value>: Sendable {
    /// The topic's name in the cluster.
    public let name: String
    /// Converts the keys.
    public let key: Serde<Key>
    /// Converts the values.
    public let value: Serde<Value>

    /// A topic whose types have their own serdes.
    public init(_ name: String) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde)
    }

    /// A topic that is read and written with the given serdes; per-topic serdes are made for this topic.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        self.name = name
        self.key = key.at(name, .key)
        self.value = value.at(name, .value)
    }
}
