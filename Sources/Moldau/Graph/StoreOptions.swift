import MoldauState

/// How a table or an aggregate without windows stores its rows. A nil option is taken from the topology.
///
/// The type of the store's name determines which rows are kept. A `VersionedStoreName` keeps past versions, so that a
/// stream is joined with the row that was valid at its record's time:
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
public struct TableStoreOptions: Sendable {
    /// Where the data is kept. A store of the most recently used rows is always in memory.
    public var kind: StoreKind?
    /// Which changes are forwarded downstream. A versioned table always forwards every change.
    public var emission: Emission?
    /// Whether a changelog topic restores the store after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the defaults, by Kafka's names.
    public var changelogSettings: [String: String]

    /// Options that are omitted follow the topology's.
    public init(
        kind: StoreKind? = nil, emission: Emission? = nil, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        (self.kind, self.emission) = (kind, emission)
        (self.isLogged, self.changelogSettings) = (isLogged, changelogSettings)
    }
}

/// How an aggregate of windows or sessions stores them. A nil option is taken from the topology.
public struct WindowStoreOptions: Sendable {
    /// Where the data is kept.
    public var kind: StoreKind?
    /// Which changes are forwarded downstream. Windows that are emitted on close are always emitted once.
    public var emission: Emission?
    /// How long windows are retained, in stream time; nil for as long as they need.
    public var retention: Duration?
    /// Whether a changelog topic restores the store after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the defaults, by Kafka's names.
    public var changelogSettings: [String: String]

    /// Options that are omitted follow the topology's.
    public init(
        kind: StoreKind? = nil, emission: Emission? = nil, retention: Duration? = nil, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        (self.kind, self.emission, self.retention) = (kind, emission, retention)
        (self.isLogged, self.changelogSettings) = (isLogged, changelogSettings)
    }
}

/// How an operator stores what it buffers: the records of a join of streams, the changes of a suppression. The operator
/// determines how long they are kept.
public struct BufferStoreOptions: Sendable {
    /// Where the data is kept; nil for the topology's choice.
    public var kind: StoreKind?
    /// Whether a changelog topic restores the store after its disk was lost.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the defaults, by Kafka's names.
    public var changelogSettings: [String: String]

    /// Options that are omitted follow the topology's.
    public init(kind: StoreKind? = nil, isLogged: Bool = true, changelogSettings: [String: String] = [:]) {
        (self.kind, self.isLogged, self.changelogSettings) = (kind, isLogged, changelogSettings)
    }

    /// Stores of windows in memory behave like those on disk, unless this one is in memory and Kafka Streams' behavior
    /// was chosen.
    func expiresExactly(_ memory: WindowMemory) -> Bool { memory == .kafkaStreams && kind == .inMemory }
}
