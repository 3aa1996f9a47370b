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
    }

    /// A versioned table holds no changes back.
    var emission: Emission { isVersioned ? .everyChange : options.emission ?? topology.emission }
    var windowMemory: WindowMemory { topology.windowMemory }
    var kind: StoreKind { options.kind ?? topology.storeKind }
    var isVersioned: Bool { options.historyRetention != nil }

    /// The definition of a table's store.
    func definition<Key, Value>(key: Serde<Key>, value: Serde<Value>) -> StoreDefinition {
        let name = KeyValueStoreName(name, key: key, value: value)
        if let retention = options.historyRetention {
            return .versionedKeyValue(
                name, historyRetention: retention, kind: kind, isLogged: options.isLogged,
                topicSettings: options.changelogSettings)
        }
        return .timestampedKeyValue(
            name, kind: kind, isLogged: options.isLogged, topicSettings: options.changelogSettings)
    }
}
