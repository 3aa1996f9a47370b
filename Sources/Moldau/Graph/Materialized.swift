import MoldauRecords
import MoldauState

/// What an operator keeps its rows in: the name of a store, or a `Materialized`, which adds options.
///
/// Operators that make a table also accept other kinds of names: see `TableMaterialization`.
public protocol Materialization<Name>: Sendable {
    /// The kind of the store's name.
    associatedtype Name: StoreName

    /// The name and the options.
    var materialized: Materialized<Name> { get }
}

/// What the rows of a table, or of an aggregate without windows, are kept in: a `TableStoreName`, a
/// `VersionedStoreName`, an `LRUTableStoreName`, or a `Materialized` of one of them.
public protocol TableMaterialization<Key, Value>: Materialization
where Name: TableName, Name.Key == Key, Name.Value == Value {
    /// The type of the table's keys.
    associatedtype Key
    /// The type of the table's values.
    associatedtype Value
}

extension TableStoreName: TableMaterialization {
    /// This name, with the topology's options.
    public var materialized: Materialized<Self> { Materialized(name: self) }
}

extension VersionedStoreName: TableMaterialization {
    /// This name, with the topology's options.
    public var materialized: Materialized<Self> { Materialized(name: self) }
}

extension LRUTableStoreName: TableMaterialization {
    /// This name, with the topology's options.
    public var materialized: Materialized<Self> { Materialized(name: self) }
}

extension WindowStoreName: Materialization {
    /// This name, with the topology's options.
    public var materialized: Materialized<Self> { Materialized(name: self) }
}

extension SessionStoreName: Materialization {
    /// This name, with the topology's options.
    public var materialized: Materialized<Self> { Materialized(name: self) }
}

/// A store of an operator with its options. The kind of its name determines which options it has, and which rows are
/// kept. Options that are omitted follow the topology's.
///
/// ```swift
/// let counts = TableStoreName<String, Int64>("counts")
/// let visits = clicks.groupByKey().count(as: Materialized(counts, kind: .inMemory))
/// // clicks: ada=/home, bob=/home, ada=/shop
/// // visits: ada=1, bob=1, ada=2
/// ```
/// Without a name the store gets a generated one:
///
/// ```swift
/// let visits = clicks.groupByKey().count(as: Materialized(isLogged: false))
/// // clicks: ada=/home, ada=/shop
/// // visits: ada=1, ada=2
/// ```
/// A `VersionedStoreName` keeps past versions, so that a stream is joined with the row that was valid at its record's
/// time:
///
/// ```swift
/// let prices = VersionedStoreName<String, Int>("prices", historyRetention: .seconds(60))
/// let rows = streams.table(totals, as: prices)
/// let priced = clicks.join(rows) { page, price in "\(page) \(price)" }
/// // totals: ada@10=5, ada@30=7
/// // clicks: ada@20=/home, ada@40=/shop
/// // priced: ada@20=/home 5, ada@40=/shop 7
/// ```
/// An `LRUTableStoreName` keeps the most recently used rows:
///
/// ```swift
/// let recent = clicks.groupByKey().count(as: LRUTableStoreName("recent", maxEntries: 2))
/// // clicks: ada=/home, ada=/shop, bob=/home, eve=/home, ada=/home
/// // recent: ada=1, ada=2, bob=1, eve=1, ada=1
/// ```
public struct Materialized<Name: StoreName>: Materialization {
    let name: Name?
    let storage: BufferStoreOptions
    let emission: Emission?
    let retention: Duration?

    init(
        name: Name?, _ storage: BufferStoreOptions = BufferStoreOptions(), emission: Emission? = nil,
        retention: Duration? = nil
    ) {
        (self.name, self.storage, self.emission, self.retention) = (name, storage, emission, retention)
    }

    /// Itself.
    public var materialized: Self { self }
}

extension Materialized: TableMaterialization where Name: TableName {
    /// The type of the table's keys.
    public typealias Key = Name.Key
    /// The type of the table's values.
    public typealias Value = Name.Value
}

extension Materialized {
    /// The store of a table, or of an aggregate without windows.
    /// - Parameters:
    ///   - name: nil generates one.
    ///   - kind: where the data is kept.
    ///   - emission: which changes are forwarded downstream.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: Name? = nil, kind: StoreKind? = nil, emission: Emission? = nil, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) where Name == TableStoreName<Key, Value> {
        self.init(
            name: name, BufferStoreOptions(kind: kind, isLogged: isLogged, changelogSettings: changelogSettings),
            emission: emission)
    }

    /// The store of a versioned table, which always forwards every change.
    /// - Parameters:
    ///   - name: the name of the store.
    ///   - kind: where the data is kept.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: Name, kind: StoreKind? = nil, isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) where Name == VersionedStoreName<Key, Value> {
        self.init(
            name: name, BufferStoreOptions(kind: kind, isLogged: isLogged, changelogSettings: changelogSettings))
    }

    /// The store of a table's most recently used rows, which is always in memory.
    /// - Parameters:
    ///   - name: the name of the store.
    ///   - emission: which changes are forwarded downstream.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: Name, emission: Emission? = nil, isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) where Name == LRUTableStoreName<Key, Value> {
        self.init(
            name: name, BufferStoreOptions(isLogged: isLogged, changelogSettings: changelogSettings),
            emission: emission)
    }

    /// The store of an aggregate of windows.
    /// - Parameters:
    ///   - name: nil generates one.
    ///   - kind: where the data is kept.
    ///   - emission: which changes are forwarded downstream. Windows that are emitted on close are always emitted once.
    ///   - retention: how long windows are retained, in stream time; nil for as long as they need.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: Name? = nil, kind: StoreKind? = nil, emission: Emission? = nil, retention: Duration? = nil,
        isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) where Name == WindowStoreName<Key, Value> {
        self.init(
            name: name, BufferStoreOptions(kind: kind, isLogged: isLogged, changelogSettings: changelogSettings),
            emission: emission, retention: retention)
    }

    /// The store of an aggregate of sessions.
    /// - Parameters:
    ///   - name: nil generates one.
    ///   - kind: where the data is kept.
    ///   - emission: which changes are forwarded downstream. Sessions emitted on close are always emitted once.
    ///   - retention: how long sessions are retained, in stream time; nil for as long as they need.
    ///   - isLogged: whether a changelog topic restores the store after its disk was lost.
    ///   - changelogSettings: settings of the changelog topic that differ from the defaults, by Kafka's names.
    public init<Key, Value>(
        _ name: Name? = nil, kind: StoreKind? = nil, emission: Emission? = nil, retention: Duration? = nil,
        isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) where Name == SessionStoreName<Key, Value> {
        self.init(
            name: name, BufferStoreOptions(kind: kind, isLogged: isLogged, changelogSettings: changelogSettings),
            emission: emission, retention: retention)
    }
}

// For the compiler's messages.
extension Materialized {
    /// Does not exist.
    @available(*, unavailable, message: "rows of tables do not expire; leave out the retention")
    public init<Key, Value>(
        _ name: Name? = nil, kind: StoreKind? = nil, emission: Emission? = nil, retention: Duration,
        isLogged: Bool = true, changelogSettings: [String: String] = [:]
    ) where Name == TableStoreName<Key, Value> { fatalError() }

    /// Does not exist.
    @available(*, unavailable, message: "a versioned table forwards every change; leave out the emission")
    public init<Key, Value>(
        _ name: Name, kind: StoreKind? = nil, emission: Emission, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) where Name == VersionedStoreName<Key, Value> { fatalError() }

    /// Does not exist.
    @available(*, unavailable, message: "the most recently used rows are kept in memory; leave out the kind")
    public init<Key, Value>(
        _ name: Name, kind: StoreKind, emission: Emission? = nil, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) where Name == LRUTableStoreName<Key, Value> { fatalError() }
}

extension Materialization {
    var storeName: String? { materialized.name?.name }
    /// The serde of the values; nil without a name.
    var value: Serde<Name.Value>? { materialized.name?.value }
    var storage: BufferStoreOptions { materialized.storage }
    var emission: Emission? { materialized.emission }
}

extension TableMaterialization {
    var rows: TableStoreContent.Rows? { materialized.name?.content.rows }

    func check(key: Serde<Key>, value: Serde<Value>?) throws(TopologyError) {
        try materialized.name?.check(key: key, value: value)
    }
}
