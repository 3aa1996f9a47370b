import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamsBuilder {
    /// Adds a store that holds the last value of each key in a topic, for processors to read (KIP-813).
    ///
    /// ```swift
    /// let prices = ReadOnlyStoreName<String, Int>("prices")
    /// streams.addReadOnlyStore(prices, from: totals)
    ///
    /// let worth = customers.transformValues(stores: [prices]) { context in
    ///     let prices = try context.store(prices)
    ///     return { name, _ in try prices.get(name) }
    /// }
    /// // totals: ada=5, ada=7
    /// // customers: ada=Prague, bob=Brno
    /// // worth: ada=7, bob=nil
    /// ```
    /// A null value deletes the key; records without a key are dropped (counted). Each task holds its own partition, so
    /// a processor finds the keys that are in the partitions of its records. The topic is the store's changelog, unless
    /// the store does not start at the earliest record: then it has one of its own.
    /// - Parameters:
    ///   - store: the store's name, with the same serdes as the topic.
    ///   - topic: the topic; the newest record of each key is a row.
    ///   - given: the source's name in descriptions and metrics; nil generates one.
    ///   - kind: where the rows are kept; nil for the topology's default.
    ///   - start: where to start in a partition without a committed offset.
    ///   - timestamps: extracts the timestamps of records.
    public func addReadOnlyStore<Key, Value>(
        _ store: ReadOnlyStoreName<Key, Value>, from topic: Topic<Key, Value>, named given: String? = nil,
        kind: StoreKind? = nil, start: StartPosition = .earliest,
        timestamps: TimestampExtractor<Key?, Value?>? = nil
    ) {
        attempt { try store.check(key: topic.key, value: topic.value) }
        let sourceName = names.processor(given, suffix: "-source", "KSTREAM-SOURCE-")
        let name = name(given, "KTABLE-SOURCE-")
        let definition = StoreDefinition(
            ReadOnlyStoreName(checked(store.name), key: topic.key, value: topic.value),
            kind: kind ?? options.storeKinds.keyValue)
        let keep: @Sendable (NodeContext) throws -> Inlet<Key?, Value?> = { context in
            let rows = try context.store(named: store.name, as: ReadOnlyKeyValueStore<Key, Value>.self).rows
            return Inlet { record in
                guard let key = record.key else { return context.drop(.nullKey) }
                try rows.put(key, record.value)
            }
        }
        let node = GraphNode(name) { topology, _ in
            let (key, value) = (topic.key.optional, topic.value.optional)
            let source = TopologyNode.Source(topics: [topic.name], start: start, isTable: true) { context in
                TypedSourceHead(
                    key: key, value: value, timestamps: timestamps?.extract(in: context), in: context,
                    next: try context.next())
            }
            try topology.add(TopologyNode(sourceName, .source(source), .source(RecordFormat(key, value))))
            try topology.add(TopologyNode(name, .processor(make: keep), .table, parents: [sourceName]))
            try topology.add(definition, for: [name])
            // A source that starts later has not read the records before its start; a restore must not read them
            // either.
            guard start == .earliest else { return }
            try topology.add(
                SourceChangelog(store: store.name, topic: topic.name, source: sourceName) { context in
                    TypedSourceHead(
                        key: key, value: value, timestamps: timestamps?.extract(in: context), in: context,
                        next: try keep(context))
                })
        }
        add(node, below: [])
    }
}
