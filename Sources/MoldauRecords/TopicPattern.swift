/// The names of topics that hold the same types, as a regular expression: `orders-.*`.
///
/// The expression has to match a name as a whole.
public struct TopicPattern<Key, Value>: Sendable {
    public let pattern: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    public init(_ pattern: String) where Key: StreamCodable, Value: StreamCodable {
        self.init(pattern, key: Key.serde, value: Value.serde)
    }

    /// Topics whose bytes are read and written by the given serdes.
    public init(_ pattern: String, key: Serde<Key>, value: Serde<Value>) {
        (self.pattern, self.key, self.value) = (pattern, key, value)
    }
}
