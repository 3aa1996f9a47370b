/// A regular expression for the names of topics that hold the same types: `orders-.*`.
///
/// The expression must match the whole name.
public struct TopicPattern<Key, Value>: Sendable {
    /// The regular expression.
    public let pattern: String
    /// Converts the keys of all these topics.
    public let key: Serde<Key>
    /// Converts the values of all these topics.
    public let value: Serde<Value>

    /// A pattern for topics whose types have their own serdes.
    public init(_ pattern: String) where Key: StreamCodable, Value: StreamCodable {
        self.init(pattern, key: Key.serde, value: Value.serde)
    }

    /// Topics that are read and written with the given serdes.
    public init(_ pattern: String, key: Serde<Key>, value: Serde<Value>) {
        (self.pattern, self.key, self.value) = (pattern, key, value)
    }
}
