import MoldauRecords
import MoldauState
import MoldauTopology

/// A store of an operator with everything decided: its name, whether the user gave it, and its options.
struct StoreChoice {
    let name: String
    let isNamed: Bool
    let options: StoreOptions
    private let topology: TopologyOptions

    init(_ given: String?, _ options: StoreOptions?, in builder: StreamsBuilder, generated: () -> String) {
        name = given.map { builder.checked($0) } ?? generated()
        isNamed = given != nil
        self.options = options ?? StoreOptions()
        topology = builder.options
        builder.attempt { try check() }
    }

    private func check() throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: name, reason: reason) }
        try options.emission?.check(of: name)
        if let retention = options.retention, retention < .zero {
            try refuse("the retention is \(retention.milliseconds) ms; it must not be negative")
        }
        if let history = options.historyRetention, history < .zero {
            try refuse("the history retention is \(history.milliseconds) ms; it must not be negative")
        }
        if let maxEntries = options.maxEntries {
            if maxEntries < 1 { try refuse("maxEntries is \(maxEntries); one entry at least must fit") }
            if isVersioned { try refuse("rows used last have no versions; choose historyRetention or maxEntries") }
            if options.kind ?? .inMemory != .inMemory {
                try refuse("rows used last are kept in memory; leave the kind out, or choose .inMemory")
            }
        }
    }

    /// As `StoreOptions.checkIsPlain`.
    func checkIsPlain(_ holders: String) throws { try options.checkIsPlain(holders, named: name) }

    /// A versioned table holds no changes back.
    var emission: Emission { isVersioned ? .everyChange : options.emission ?? topology.emission }
    var windowMemory: WindowMemory { topology.windowMemory }
    func kind(_ shape: KeyPath<StoreKinds, StoreKind>) -> StoreKind { options.kind ?? topology.stores[keyPath: shape] }
    var isVersioned: Bool { options.historyRetention != nil }
    var expiresExactly: Bool { options.expiresExactly(windowMemory) }

    /// The definition of a table's store.
    func definition<Key, Value>(key: Serde<Key>, value: Serde<Value>) -> StoreDefinition {
        let (name, kind) = (KeyValueStoreName(name, key: key, value: value), kind(\.keyValue))
        if let retention = options.historyRetention {
            return .versionedKeyValue(
                name, historyRetention: retention, kind: kind, isLogged: options.isLogged,
                topicSettings: options.changelogSettings)
        }
        if let maxEntries = options.maxEntries, maxEntries > 0 {
            return .timestampedLRUMap(
                name, maxEntries: maxEntries, isLogged: options.isLogged, topicSettings: options.changelogSettings)
        }
        return .timestampedKeyValue(
            name, kind: kind, isLogged: options.isLogged, topicSettings: options.changelogSettings)
    }
}

extension StoreOptions {
    /// Stores of windows in memory agree with those on disk, unless Kafka Streams' are asked for, and this one in memory.
    func expiresExactly(_ memory: WindowMemory) -> Bool { memory == .kafkaStreams && kind == .inMemory }

    /// - Parameter holders: what keeps neither versions nor the rows used last, in the plural.
    /// - Throws: `TopologyError.invalidSetting` for a store that shall.
    func checkIsPlain(_ holders: String, named name: String) throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: name, reason: reason) }
        if historyRetention != nil { try refuse("\(holders) have no versions; leave historyRetention out") }
        if maxEntries != nil { try refuse("\(holders) hold all that they need; leave maxEntries out") }
    }
}
