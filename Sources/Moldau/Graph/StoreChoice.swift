import MoldauRecords
import MoldauState
import MoldauTopology

/// The resolved store of an operator: its name, whether the user gave it, what it keeps, and its options.
struct StoreChoice {
    let name: String
    let isNamed: Bool
    /// Where and how the store is kept.
    let storage: BufferStoreOptions
    private let rows: TableStoreContent.Rows
    /// How long windows are retained; nil for as long as they need.
    let retention: Duration?
    private let chosenEmission: Emission?
    private let topology: TopologyOptions

    /// The store of a table.
    /// - Parameters:
    ///   - key: the serde of the keys, which the name's must agree with.
    ///   - value: the serde of the values, if it is not the name's that determines it.
    init<Key, Value>(
        _ given: (any TableMaterialization<Key, Value>)?, key: Serde<Key>, value: Serde<Value>? = nil,
        in builder: StreamsBuilder, generated: () -> String
    ) {
        self.init(
            given?.storeName, given?.storage, rows: given?.rows ?? .latest, emission: given?.emission, in: builder,
            generated)
        builder.attempt { try given?.check(key: key, value: value) }
    }

    /// The store of windows or sessions.
    /// - Parameter key: the serde of the keys, which the name's must agree with.
    init<Name: StoreName>(
        windows given: (any Materialization<Name>)?, key: Serde<Name.Key>, in builder: StreamsBuilder,
        generated: () -> String
    ) {
        self.init(
            given?.storeName, given?.storage, emission: given?.emission, retention: given?.materialized.retention,
            in: builder, generated)
        builder.attempt { try given?.materialized.name?.check(key: key) }
    }

    /// The store of buffered records or changes.
    init(buffer given: String?, _ options: BufferStoreOptions?, in builder: StreamsBuilder, generated: () -> String) {
        self.init(given, options, in: builder, generated)
    }

    private init(
        _ given: String?, _ storage: BufferStoreOptions?, rows: TableStoreContent.Rows = .latest,
        emission: Emission? = nil, retention: Duration? = nil, in builder: StreamsBuilder, _ generated: () -> String
    ) {
        name = given.map { builder.checked($0) } ?? generated()
        isNamed = given != nil
        self.storage = storage ?? BufferStoreOptions()
        (self.rows, self.retention, chosenEmission, topology) = (rows, retention, emission, builder.options)
        builder.attempt { try check() }
    }

    private func check() throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: name, reason: reason) }
        try chosenEmission?.check(of: name)
        if let retention, retention < .zero {
            try refuse("the retention is \(retention.milliseconds) ms; it must not be negative")
        }
        switch rows {
        case .versions(let history) where history < .zero:
            try refuse("the history retention is \(history.milliseconds) ms; it must not be negative")
        case .usedLast(let maxEntries):
            if maxEntries < 1 { try refuse("maxEntries is \(maxEntries); it must be at least 1") }
        case .latest, .versions: return
        }
    }

    /// A versioned table does not hold changes back.
    var emission: Emission { isVersioned ? .everyChange : chosenEmission ?? topology.emission }
    var windowMemory: WindowMemory { topology.windowMemory }
    func kind(_ shape: KeyPath<StoreKinds, StoreKind>) -> StoreKind {
        storage.kind ?? topology.storeKinds[keyPath: shape]
    }
    var isVersioned: Bool { if case .versions = rows { true } else { false } }
    var expiresExactly: Bool { storage.expiresExactly(windowMemory) }

    /// The definition of a table's store.
    func definition<Key, Value>(key: Serde<Key>, value: Serde<Value>) -> StoreDefinition {
        let (isLogged, settings) = (storage.isLogged, storage.changelogSettings)
        switch rows {
        case .versions(let history):
            return StoreDefinition(
                VersionedStoreName(name, key: key, value: value, historyRetention: history), kind: kind(\.keyValue),
                isLogged: isLogged, changelogSettings: settings)
        case .usedLast(let maxEntries):
            // A number that is not positive was rejected above, and the topology will not be built.
            return StoreDefinition(
                LRUTableStoreName(name, key: key, value: value, maxEntries: max(maxEntries, 1)), isLogged: isLogged,
                changelogSettings: settings)
        case .latest:
            return StoreDefinition(
                TableStoreName(name, key: key, value: value), kind: kind(\.keyValue), isLogged: isLogged,
                changelogSettings: settings)
        }
    }
}

extension StoreName {
    /// Refuses a name whose serdes have other formats than those that the store is written with: what reads the store
    /// by its name would misread it.
    func check(key: Serde<Key>, value: Serde<Value>? = nil) throws(TopologyError) {
        for (part, mine, written) in [
            ("key", self.key.format, key.format), ("value", self.value.format, value?.format),
        ] {
            guard let mine, let written, mine != written else { continue }
            throw .invalidSetting(
                name: name,
                reason: """
                    the \(part)s are in the format '\(written)', but the store's name has the format '\(mine)'; give \
                    both the same serde, with `\(part):`
                    """)
        }
    }
}
