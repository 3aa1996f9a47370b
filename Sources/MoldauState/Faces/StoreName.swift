import MoldauRecords

/// A store's name with the types of its keys and values, and with what the store is: declared once, used by topologies, processors
/// and tests. `store(_:)` opens a store by its name, as the type that the name has.
///
/// | name | a store of | opens as |
/// | --- | --- | --- |
/// | `TableStoreName` | a table, or an aggregate without windows | `TimestampedKeyValueStore` |
/// | `VersionedStoreName` | such a table that knows its past | `VersionedKeyValueStore` |
/// | `LRUTableStoreName` | such a table of the rows used last | `LRUKeyValueStore` |
/// | `WindowStoreName` | an aggregate of windows | `TimestampedWindowStore` |
/// | `SessionStoreName` | an aggregate of sessions, or a processor's own | `SessionStore` |
/// | `KeyValueStoreName` | a processor's own | `KeyValueStore` |
/// | `LRUStoreName` | a processor's own | `LRUKeyValueStore` |
/// | `HeadersStoreName` | a processor's own | `HeadersKeyValueStore` |
/// | `PlainWindowStoreName` | a processor's own | `WindowStore` |
/// | `HeadersWindowStoreName` | a processor's own | `HeadersWindowStore` |
public protocol StoreName<Key, Value>: Sendable {
    associatedtype Key
    associatedtype Value
    /// What the store opens as.
    associatedtype Store: StateStore

    /// The store's name, unique in a topology. The changelog topic is named for it.
    var name: String { get }
    /// Reads and writes keys.
    var key: Serde<Key> { get }
    /// Reads and writes values.
    var value: Serde<Value> { get }
}

/// The name of a store that says no more than the types of keys and values.
public protocol SimpleStoreName: StoreName {
    /// A store whose bytes are read and written by the given serdes.
    init(_ name: String, key: Serde<Key>, value: Serde<Value>)
}

extension SimpleStoreName where Key: StreamCodable, Value: StreamCodable {
    /// A store whose bytes are those of the types' own serdes.
    public init(_ name: String) { self.init(name, key: Key.serde, value: Value.serde) }
}

/// The name of a table's store: a `TableStoreName`, a `VersionedStoreName` or an `LRUTableStoreName`.
public protocol TableName<Key, Value>: StoreName {
    /// Which of a key's values the table keeps.
    var content: TableStoreContent { get }
}

/// Which of a key's values a table's store keeps. The kinds of table names say it.
public struct TableStoreContent: Sendable {
    /// What is kept of a key.
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
    /// The store that it names.
    public typealias Store = KeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A name, declared once for topology, processors and tests.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

/// The name of the store of a table, or of an aggregate without windows: values with the times of their events.
public struct TableStoreName<Key, Value>: SimpleStoreName, TableName {
    /// The store that it names.
    public typealias Store = TimestampedKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>
    public var content: TableStoreContent { TableStoreContent(.latest) }

    /// A name, declared once for topology, processors and tests.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

/// The name of a processor's own map from keys to values with the times and headers of their records.
public struct HeadersStoreName<Key, Value>: SimpleStoreName {
    /// The store that it names.
    public typealias Store = HeadersKeyValueStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A name, declared once for topology, processors and tests.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}
