import MoldauRecords
import MoldauState
import MoldauTopology

/// A table of which every stream thread holds all partitions, so that a stream may look up any key in it.
public struct GlobalKTable<Key, Value> {
    public let storeName: String
    let key: Serde<Key>
}

extension StreamsBuilder {
    /// Reads a topic as a global table. It is read to its end before anything is processed; afterwards its changes are seen when they
    /// come, without regard to time. Records without a key are dropped (counted).
    ///
    /// Memory and disk: each stream thread keeps a copy.
    ///
    /// ```swift
    /// let names = streams.globalTable(Topic<String, String>("page-names"))
    /// let visits = clicks.leftJoin(names, on: { _, page in page }) { page, name in name ?? page }
    /// // clicks: ada=/home
    /// // visits: ada=/home
    /// ```
    public func globalTable<Key, Value>(
        _ topic: Topic<Key, Value>, as store: KeyValueStoreName<Key, Value>? = nil, named given: String? = nil,
        options: StoreOptions? = nil
    ) -> GlobalKTable<Key, Value> {
        var settings = options ?? StoreOptions()
        settings.isLogged = false  // The topic itself brings the store back.
        let choice = StoreChoice(store?.name, settings, in: self) {
            names.store("\(topic.name)-", origin: topic.name, operation: "global-table")
        }
        attempt { try choice.checkIsUnversioned("global tables have no versions; leave historyRetention out") }
        let sourceName = names.processor(given, suffix: "-source", "KSTREAM-SOURCE-")
        let name = name(given, "KTABLE-SOURCE-")
        let storeName = choice.name
        let node = GraphNode(name) { topology, _ in
            try topology.add(
                GlobalTableNode(
                    sourceName: sourceName, processorName: name, topic: topic.name,
                    store: choice.definition(key: topic.key, value: topic.value)
                ) { context in
                    let rows: TimestampedKeyValueStore<Key, Value> = try context.store(named: storeName)
                    let inlet = Inlet<Key?, Value?> { record in
                        guard let key = record.key else { return context.drop(.nullKey) }
                        try rows.put(key, record.value.map { ValueAndTimestamp($0, at: record.timestamp) })
                    }
                    return TypedSourceHead(
                        key: topic.key.optional, value: topic.value.optional, timestamps: nil, next: inlet)
                })
        }
        add(node, below: [])
        return GlobalKTable(storeName: storeName, key: topic.key)
    }
}
