import MoldauRecords

/// Where a store keeps its data.
public enum StoreKind: Sendable, Hashable {
    /// On disk, in the task's RocksDB: may be larger than memory, and is available at once after a restart.
    case rocksDB
    /// In memory only; restored from the changelog after every restart.
    case inMemory
    /// In a custom byte store.
    case custom(ByteStoreProvider)
}

/// A topology's description of a store: enough to open one for each task.
public struct StoreDefinition: Sendable {
    /// The store's name, unique in its topology.
    public let name: String
    /// Where its rows are kept.
    public let kind: StoreKind
    /// Whether the store has a changelog topic. Without one, its data is lost with its disk or process.
    public var isLogged: Bool
    /// Settings of the changelog topic that differ from the defaults.
    public var changelogSettings: [String: String]
    /// How far back the history of a versioned store goes; nil for other stores.
    package private(set) var historyRetention: Duration?
    /// How many of the most recently used rows are kept; nil for all.
    package internal(set) var maxEntries: Int?
    /// How long windows or sessions are kept, by stream time; nil for other stores.
    package internal(set) var windowRetention: Duration?
    /// For windows that are emitted when they close: the time from a window's stored time to its close, in
    /// milliseconds. Windows that were not emitted yet are kept, however old they are.
    package var closingMs: Int64?
    /// The format of the store's bytes; nil: unknown, and not compared with existing data.
    package var form: StoreForm?
    /// The name with the types of keys and values, for untyped access to the store. nil if its rows are internal to an
    /// operator.
    package private(set) var typedName: (any StoreName)?
    /// Whether a window store refuses entries that are even a millisecond older than its retention; otherwise it
    /// accepts what its segments still hold. nil: only if it is in memory.
    package var expiresExactly: Bool?

    private let make: @Sendable (StoreDefinition, StoreEnvironment) throws -> any StateStore
    private let identity = Identity()

    /// Identifies a definition, since the closures that open stores cannot be compared.
    private final class Identity: Sendable {}

    /// - Parameter make: opens the store for a task; called on the task's thread.
    @usableFromInline package init(
        name: String, kind: StoreKind, isLogged: Bool = true, changelogSettings: [String: String] = [:],
        make: @escaping @Sendable (StoreDefinition, StoreEnvironment) throws -> any StateStore
    ) {
        self.name = name
        self.kind = kind
        self.isLogged = isLogged
        self.changelogSettings = changelogSettings
        self.make = make
    }

    /// Whether the other is a copy of this one with the same settings.
    package func isSame(as other: StoreDefinition) -> Bool {
        identity === other.identity && isLogged == other.isLogged && changelogSettings == other.changelogSettings
    }

    /// Opens the store for a task.
    /// - Throws: `StateError` for the built-in kinds.
    package func open(in environment: StoreEnvironment) throws -> any StateStore { try make(self, environment) }

    /// A map from keys to values.
    @inlinable public init<Key, Value>(
        _ name: KeyValueStoreName<Key, Value>, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        self.init(name: name.name, kind: kind, isLogged: isLogged, changelogSettings: changelogSettings) {
            store, environment in
            KeyValueStore(cache: try environment.cache(for: store), key: name.key, value: name.value)
        }
        hold(name, hasTimestamps: false)
    }

    /// A map from keys to values with their timestamps.
    @inlinable public init<Key, Value>(
        _ name: TableStoreName<Key, Value>, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        self.init(name: name.name, kind: kind, isLogged: isLogged, changelogSettings: changelogSettings) {
            store, environment in
            TimestampedKeyValueStore(cache: try environment.cache(for: store), key: name.key, value: name.value)
        }
        hold(name, hasTimestamps: true)
    }

    /// Versions of values by key and time.
    public init<Key, Value>(
        _ name: VersionedStoreName<Key, Value>, kind: StoreKind = .rocksDB, isLogged: Bool = true,
        changelogSettings: [String: String] = [:]
    ) {
        self.init(name: name.name, kind: kind, isLogged: isLogged, changelogSettings: changelogSettings) {
            store, environment in
            VersionedKeyValueStore(
                cache: try environment.cache(for: store), key: name.key, value: name.value,
                historyRetention: name.historyRetention)
        }
        historyRetention = name.historyRetention
        hold(name)
        form = StoreForm(
            .versioned, key: name.key.format, value: name.value.format, retention: name.historyRetention)
    }

    /// Sets the typed name of the rows.
    package mutating func hold(_ name: some StoreName) { typedName = name }

    /// Sets the typed name of the rows, and the form that follows from it and the shape.
    mutating func hold(_ name: some StoreName, as shape: StoreForm.Shape) {
        hold(name)
        form = StoreForm(shape, key: name.key.format, value: name.value.format)
    }

    @usableFromInline mutating func hold(_ name: some StoreName, hasTimestamps: Bool) {
        hold(name, as: hasTimestamps ? .timestampedKeyValue : .keyValue)
    }

    /// This definition with the given form.
    package func formed(_ form: StoreForm) -> StoreDefinition {
        var definition = self
        definition.form = form
        return definition
    }
}
