/// A topic's name with the types of its keys and values: declared once, used by topologies, producers and tests.
public struct Topic<Key, Value>: Sendable {
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    public init(_ name: String) where Key: StreamCodable, Value: StreamCodable {
        self.init(name, key: Key.serde, value: Value.serde)
    }

    /// A topic whose bytes are read and written by the given serdes; those that are made per topic are made for this one.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        self.name = name
        self.key = key.at(name, .key)
        self.value = value.at(name, .value)
    }
}
