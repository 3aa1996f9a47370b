import MoldauState

/// How a table or an aggregate without windows keeps its rows. What is nil is taken from the topology.
///
/// Which rows are kept is the name's matter. A `VersionedStoreName` keeps the past, for a stream to be joined with:
///
/// ```swift
/// let prices = VersionedStoreName<String, Int>("prices", historyRetention: .seconds(60))
/// let rows = streams.table(totals, as: prices)
/// let priced = clicks.join(rows) { page, price in "\(page) \(price)" }
/// // totals: ada@10=5, ada@30=7
/// // clicks: ada@20=/home, ada@40=/shop
/// // priced: ada@20=/home 5, ada@40=/shop 7
/// ```
/// An `LRUTableStoreName` keeps the rows used last:
///
/// ```swift
/// let recent = clicks.groupByKey().count(as: LRUTableStoreName("recent", maxEntries: 2))
/// // clicks: ada=/home, ada=/shop, bob=/home, eve=/home, ada=/home
/// // recent: ada=1, ada=2, bob=1, eve=1, ada=1
/// ```
public struct TableStoreOptions: Sendable {
    /// Where the data is kept. Rows used last are in memory in any case.
    public var kind: StoreKind?
    /// Which changes go downstream. A versioned table sends every change in any case.
    public var emission: Emission?
    /// Whether a changelog topic brings the store back after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the usual ones, by Kafka's names.
    public var changelogSettings: [String: String]

    /// What is not said here follows the topology's options.
    public init(
        kind: StoreKind? = nil, emission: Emission? = nil, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        (self.kind, self.emission) = (kind, emission)
        (self.isLogged, self.changelogSettings) = (isLogged, changelogSettings)
    }
}

/// How an aggregate of windows or sessions keeps them. What is nil is taken from the topology.
public struct WindowStoreOptions: Sendable {
    /// Where the data is kept.
    public var kind: StoreKind?
    /// Which changes go downstream. Windows that are sent when they close are sent once in any case.
    public var emission: Emission?
    /// How long windows are kept, by stream time; nil: as long as they need.
    public var retention: Duration?
    /// Whether a changelog topic brings the store back after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the usual ones, by Kafka's names.
    public var changelogSettings: [String: String]

    /// What is not said here follows the topology's options.
    public init(
        kind: StoreKind? = nil, emission: Emission? = nil, retention: Duration? = nil, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        (self.kind, self.emission, self.retention) = (kind, emission, retention)
        (self.isLogged, self.changelogSettings) = (isLogged, changelogSettings)
    }
}

/// How an operator keeps what waits in it: the records of a join of streams, the changes of a suppression. How long follows from
/// the operator.
public struct BufferStoreOptions: Sendable {
    /// Where the data is kept; nil: as the topology says.
    public var kind: StoreKind?
    /// Whether a changelog topic brings the store back after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the usual ones, by Kafka's names.
    public var changelogSettings: [String: String]

    /// What is not said here follows the topology's options.
    public init(kind: StoreKind? = nil, isLogged: Bool = true, changelogSettings: [String: String] = [:]) {
        (self.kind, self.isLogged, self.changelogSettings) = (kind, isLogged, changelogSettings)
    }

    /// Stores of windows in memory agree with those on disk, unless Kafka Streams' are asked for, and this one in memory.
    func expiresExactly(_ memory: WindowMemory) -> Bool { memory == .kafkaStreams && kind == .inMemory }
}
