import MoldauRecords

/// A store's name with its kind and the types of its keys and values: declared once, and used by topologies, processors
/// and tests. `store(_:)` opens a store by its name; the name's type determines the store's type.
///
/// | name | a store of | opens as |
/// | --- | --- | --- |
/// | `TableStoreName` | a table, or an aggregate without windows | `TimestampedKeyValueStore` |
/// | `VersionedStoreName` | such a table that retains past versions | `VersionedKeyValueStore` |
/// | `LRUTableStoreName` | such a table of the most recently used rows | `LRUKeyValueStore` |
/// | `WindowStoreName` | an aggregate of windows | `TimestampedWindowStore` |
/// | `SessionStoreName` | an aggregate of sessions, or a processor's own | `SessionStore` |
/// | `ReadOnlyStoreName` | the rows of a topic, which processors only read | `ReadOnlyKeyValueStore` |
/// | `KeyValueStoreName` | a processor's own | `KeyValueStore` |
/// | `LRUStoreName` | a processor's own | `LRUKeyValueStore` |
/// | `HeadersStoreName` | a processor's own | `HeadersKeyValueStore` |
/// | `PlainWindowStoreName` | a processor's own | `WindowStore` |
/// | `HeadersWindowStoreName` | a processor's own | `HeadersWindowStore` |
public protocol StoreName<Key, Value>: Sendable {
    /// The type of the store's keys; a window store keeps them by window.
    associatedtype Key
    /// The type of the store's values.
    associatedtype Value
    /// The type of the opened store.
    associatedtype Store

    /// The store's name, unique in a topology. The changelog topic is named after it.
    var name: String { get }
    /// Encodes and decodes keys.
    var key: Serde<Key> { get }
    /// Encodes and decodes values.
    var value: Serde<Value> { get }
}

/// A store name that holds nothing but the name and the types of keys and values.
public protocol SimpleStoreName: StoreName {
    /// A store that encodes keys and values with the given serdes.
    init(_ name: String, key: Serde<Key>, value: Serde<Value>)
}

extension SimpleStoreName where Key: StreamCodable, Value: StreamCodable {
    /// A store that encodes keys and values with their types' own serdes.
    public init(_ name: String) { self.init(name, key: Key.serde, value: Value.serde) }
}

/// The name of a store whose changes can be followed: that of a table, or of an aggregate of windows or sessions. Each
/// record of such a store's changelog is a change of one row.
public protocol FollowableStoreName<Key, Value>: StoreName {
    /// What identifies a row: the key, in a store of windows or sessions with its window.
    associatedtype RowKey = Key

    /// The serde of the rows' keys in the store's changelog.
    /// - Parameters:
    ///   - topic: the changelog.
    ///   - windowSize: the size of the windows in a window store, whose keys contain only the starts; zero for other
    ///     stores.
    func rowKey(in topic: String, windowSize: Duration) -> Serde<RowKey>
}

extension FollowableStoreName where RowKey == Key {
    /// The serde of the keys.
    public func rowKey(in topic: String, windowSize: Duration) -> Serde<Key> { key.at(topic, .key) }
}

/// The name of a table's store: a `TableStoreName`, a `VersionedStoreName` or an `LRUTableStoreName`.
public protocol TableName<Key, Value>: FollowableStoreName where RowKey == Key {
    /// Which values of a key the table keeps.
    var content: TableStoreContent { get }
}

/// Which values of a key a table's store keeps: determined by the type of the store's name.
public struct TableStoreContent: Sendable {
    /// Which values of a key are kept.
    package enum Rows: Sendable, Hashable {
        case latest
        case versions(historyRetention: Duration)
        case usedLast(maxEntries: Int)
    }

    package let rows: Rows

    package init(_ rows: Rows) { self.rows = rows }
}

/// The name of a processor's own map from keys to values.
public struct KeyValueStoreName<Key, Value>: SimpleStoreName {
    /// The type of the opened store.
    public typealias Store = KeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

/// The name of a store that holds the last value of each key of a topic, for processors to read: see
/// `StreamsBuilder.addReadOnlyStore`.
public struct ReadOnlyStoreName<Key, Value>: SimpleStoreName {
    /// The type of the opened store.
    public typealias Store = ReadOnlyKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that decodes keys and values with the given serdes, which must be those of the topic.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

/// The name of the store of a table, or of an aggregate without windows: values with their timestamps.
public struct TableStoreName<Key, Value>: SimpleStoreName, TableName {
    /// The type of the opened store.
    public typealias Store = TimestampedKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    public var content: TableStoreContent { TableStoreContent(.latest) }

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

/// The name of a processor's own map from keys to values with the timestamps and headers of their records.
public struct HeadersStoreName<Key, Value>: SimpleStoreName {
    /// The type of the opened store.
    public typealias Store = HeadersKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}
