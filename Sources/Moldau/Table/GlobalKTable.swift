import MoldauRecords
import MoldauState
import MoldauTopology

/// A table of which every stream thread has all partitions, so that a stream can look up any key in it.
public struct GlobalKTable<Key, Value> {
    /// The name of the table's store.
    @usableFromInline package let storeName: String
    @usableFromInline let key: Serde<Key>
}

extension StreamsBuilder {
    /// Reads a topic as a global table. It is read to its end before any records are processed; afterwards its changes
    /// are applied as they arrive, whatever their timestamps. Records without a key are dropped (counted).
    ///
    /// Each stream thread keeps a copy, which takes memory and disk.
    ///
    /// ```swift
    /// let names = streams.globalTable(Topic<String, String>("page-names"))
    /// let visits = clicks.leftJoin(names, on: { _, page in page }) { page, name in name ?? page }
    /// // clicks: ada=/home
    /// // visits: ada=/home
    /// ```
    /// - Parameters:
    ///   - topic: the topic; the newest record of each key is a row.
    ///   - store: names the store; its serdes must be those of the topic.
    ///   - given: the source's name in descriptions and metrics; nil generates one.
    ///   - kind: where the rows are kept; nil for the topology's default.
    ///   - timestamps: extracts the timestamps of records.
    public func globalTable<Key, Value>(
        _ topic: Topic<Key, Value>, as store: TableStoreName<Key, Value>? = nil, named given: String? = nil,
        kind: StoreKind? = nil, timestamps: TimestampExtractor<Key?, Value?>? = nil
    ) -> GlobalKTable<Key, Value> {
        let choice = StoreChoice(Materialized(store, kind: kind), key: topic.key, value: topic.value, in: self) {
            names.store("\(topic.name)-", origin: topic.name, operation: "global-table")
        }
        let storeName = choice.name
        addGlobal(
            choice.definition(key: topic.key, value: topic.value), named: given, topic: topic.name, key: topic.key,
            value: topic.value.optional, timestamps: timestamps
        ) { context in
            let rows: TimestampedKeyValueStore<Key, Value> = try context.store(named: storeName)
            return Inlet { record in
                try rows.put(record.key, record.value.map { ValueAndTimestamp($0, at: record.timestamp) })
            }
        }
        return GlobalKTable(storeName: storeName, key: topic.key)
    }

    /// Adds a store of which every stream thread holds a full copy, maintained by the node that `make` wires in each
    /// thread.
    func addGlobal<Key, Value>(
        _ store: StoreDefinition, named given: String?, topic: String, key: Serde<Key>, value: Serde<Value>,
        timestamps: TimestampExtractor<Key?, Value>? = nil,
        _ make: @escaping @Sendable (NodeContext) throws -> Inlet<Key, Value>
    ) {
        let sourceName = names.processor(given, suffix: "-source", "KSTREAM-SOURCE-")
        let name = name(given, "KTABLE-SOURCE-")
        let node = GraphNode(name) { topology, _ in
            var store = store
            store.isLogged = false  // The topic itself restores it.
            try topology.add(
                GlobalTableNode(sourceName: sourceName, processorName: name, topic: topic, store: store) {
                    context, count in
                    let inlet = try make(context)
                    let keyed = Inlet<Key?, Value> { record in
                        guard let key = record.key else { return context.drop(.nullKey) }
                        try inlet.receive(record.with(key: key))
                    }
                    return (0..<count).map { _ in
                        TypedSourceHead(
                            key: key.optional, value: value, timestamps: timestamps?.extract(in: context), in: context,
                            next: keyed)
                    }
                })
        }
        add(node, below: [])
    }
}
