import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamsBuilder {
    /// Reads a topic as a table: a record sets its key's row, a null value deletes it. Records without a key are
    /// dropped (counted).
    ///
    /// The table gets a store if it is named, or if a downstream operator has to look up its rows or needs old values.
    ///
    /// ```swift
    /// let rows = streams.table(totals)
    /// // totals: ada=1, ada=2, ada=nil
    /// // rows: ada=1, ada=2, ada=nil
    /// ```
    /// - Parameter store: names the store.
    /// - Parameter topic: the topic; the newest record of each key is a row.
    /// - Parameter timestamps: extracts the timestamps of records.
    /// - Parameter start: where to start in a partition without a committed offset.
    /// - Parameter given: the operator's name in descriptions and metrics; nil generates one.
    @inlinable public func table<Key, Value>(
        _ topic: Topic<Key, Value>, as store: (any TableMaterialization<Key, Value>)? = nil, named given: String? = nil,
        start: StartPosition = .earliest,
        timestamps: TimestampExtractor<Key?, Value?>? = nil
    ) -> KTable<Key, Value> {
        let (key, value) = (topic.key.optional, topic.value.optional)
        return table(
            topic, as: store, named: given, start: start, timestamps: timestamps,
            head: { context in
                TypedSourceHead(
                    key: key, value: value, timestamps: timestamps?.extract(in: context), in: context,
                    next: try context.next(Key?.self, Value?.self))
            },
            inlet: TableInput<Key, Value>.make(key: { $0 }, value: { $0 }))
    }

    @usableFromInline func table<Key, Value>(
        _ topic: Topic<Key, Value>, as store: (any TableMaterialization<Key, Value>)?, named given: String?,
        start: StartPosition, timestamps: TimestampExtractor<Key?, Value?>?,
        head: @escaping TopologyNode.MakeHead, inlet: @escaping TableInput<Key, Value>.Make
    ) -> KTable<Key, Value> {
        let choice = StoreChoice(store, key: topic.key, value: topic.value, in: self) {
            names.store("\(topic.name)-", origin: topic.name, operation: "table")
        }
        let sourceName = names.processor(given, suffix: "-source", "KSTREAM-SOURCE-")
        let name = name(given, "KTABLE-SOURCE-")
        let source = TableSource(name, choice, key: topic.key, value: topic.value)
        // A table that starts later has not read the records before its start, so the whole topic cannot be its
        // changelog.
        let reusesTopic = self.options.optimizations.contains(.reuseSourceTopics) && start == .earliest
        let node = GraphNode(name) { topology, _ in
            let format = RecordFormat(topic.key.optional, topic.value.optional)
            let reader = TopologyNode.Source(topics: [topic.name], start: start, isTable: true, makeHead: head)
            try topology.add(TopologyNode(sourceName, .source(reader), .source(format)))
            try source.write(into: &topology, below: [sourceName], inlet)
            guard reusesTopic, source.hasStore else { return }
            try topology.add(
                SourceChangelog(store: choice.name, topic: topic.name, source: sourceName) { context in
                    try TypedSourceHead(storing: topic, in: choice.name, context, timestamps: timestamps)
                })
        }
        add(node, below: [])
        return KTable(
            builder: self, node: node, sources: [sourceName], origin: topic.name, key: topic.key,
            content: source.content)
    }
}

extension KStream {
    /// Reads the stream as a table: each record sets its key's row. Records without a key are dropped (counted).
    ///
    /// ```swift
    /// let last = clicks.toTable()
    /// let cards = customers.join(last) { city, page in "\(city) \(page)" }
    /// // clicks: ada=/home, ada=/shop
    /// // customers: ada=Prague
    /// // cards: ada=Prague /shop
    /// ```
    @inlinable public func toTable(
        as store: (any TableMaterialization<Key, Value>)? = nil, named name: String? = nil
    ) -> KTable<Key, Value> where Key: StreamCodable, Value: StreamCodable {
        toTable(key: Key.serde, value: Value.serde, as: store, named: name)
    }

    /// Reads the stream as a table; nil deletes the row.
    ///
    /// ```swift
    /// let rows = lines.mapValues { $0 == "-" ? nil : $0 }.toTable()
    /// // lines: 1=to be, 1=-
    /// // rows: 1=to be, 1=nil
    /// ```
    @inlinable public func toTable<Wrapped>(
        as store: (any TableMaterialization<Key, Wrapped>)? = nil, named name: String? = nil
    ) -> KTable<Key, Wrapped> where Key: StreamCodable, Wrapped: StreamCodable, Value == Wrapped? {
        toTable(key: Key.serde, value: Wrapped.serde, as: store, named: name)
    }

    /// As `toTable`, with the given serdes.
    @inlinable public func toTable(
        key: Serde<Key>, value: Serde<Value>, as store: (any TableMaterialization<Key, Value>)? = nil,
        named name: String? = nil
    ) -> KTable<Key, Value> {
        table(
            as: store, named: name, key: key, value: value, written: value,
            inlet: TableInput<Key, Value>.make(
                key: { key.isNull($0) ? nil : $0 }, value: { value.isNull($0) ? nil : $0 }))
    }

    /// As `toTable` of a stream with optional values, with the given serdes.
    @inlinable public func toTable<Wrapped>(
        key: Serde<Key>, value: Serde<Wrapped>, as store: (any TableMaterialization<Key, Wrapped>)? = nil,
        named name: String? = nil
    ) -> KTable<Key, Wrapped> where Value == Wrapped? {
        table(
            as: store, named: name, key: key, value: value, written: value.optional,
            inlet: TableInput<Key, Wrapped>.make(key: { key.isNull($0) ? nil : $0 }, value: { (row: Wrapped?) in row }))
    }

    @usableFromInline func table<Row>(
        as store: (any TableMaterialization<Key, Row>)?, named given: String?, key: Serde<Key>,
        value: Serde<Row>, written: Serde<Value>, inlet: @escaping TableInput<Key, Row>.Make
    ) -> KTable<Key, Row> {
        let name = builder.name(given, "KSTREAM-TOTABLE-")
        let choice = StoreChoice(store, key: key, value: value, in: builder) {
            builder.names.store("KSTREAM-TOTABLE-", origin: origin, operation: "table")
        }
        let isGenerated = given == nil
        let topic =
            isGenerated && isKeyChanged
            ? builder.names.settled(name, origin: origin, operation: "table-input") : name
        let partitioned = partitionedByKey(named: topic, RepartitionEnds(key: key, value: written))
        builder.copartition(partitioned.sources)
        let source = TableSource(name, choice, key: key, value: value)
        let node = GraphNode(name) { topology, parents in
            try source.write(into: &topology, below: parents, inlet)
        }
        builder.add(node, below: [partitioned.node])
        return KTable(
            builder: builder, node: node, sources: partitioned.sources, origin: origin, key: key,
            content: source.content)
    }
}

/// The node that stores a table's rows as they arrive.
final class TableSource<Key, Value> {
    private let name: String
    private let choice: StoreChoice
    private let key: Serde<Key>
    private let value: Serde<Value>
    private(set) var hasStore: Bool

    init(_ name: String, _ choice: StoreChoice, key: Serde<Key>, value: Serde<Value>) {
        self.name = name
        self.choice = choice
        self.key = key
        self.value = value
        hasStore = choice.isNamed || choice.isVersioned
    }

    private(set) lazy var content = TableContent<Key, Value>(
        isVersioned: choice.isVersioned,
        askUpstream: { [self] force in
            if force { hasStore = true }
            return hasStore
        },
        makeGetter: { [self] in
            hasStore = true
            return .store(choice.name)
        })

    /// Adds the node below `parents`.
    func write(
        into topology: inout Topology, below parents: [String], _ inlet: @escaping TableInput<Key, Value>.Make
    ) throws {
        let store =
            hasStore
            ? TableInput<Key, Value>.Store(
                name: choice.name, emission: choice.emission, key: key, sendsOldValues: content.sendsOldValues) : nil
        try topology.add(TopologyNode(name, .processor { try inlet($0, store) }, .table, parents: parents))
        if hasStore { try topology.add(choice.definition(key: key, value: value), for: [name]) }
    }
}

/// How a table's node handles the records that reach it.
@usableFromInline enum TableInput<Key, Value> {
    /// Where the rows go.
    @usableFromInline struct Store: Sendable {
        @usableFromInline let name: String
        @usableFromInline let emission: Emission
        @usableFromInline let key: Serde<Key>
        @usableFromInline let sendsOldValues: Bool
    }

    /// Makes the node's inlet. Without a store, each record is forwarded as a change.
    @usableFromInline typealias Make = @Sendable (NodeContext, Store?) throws -> Any

    /// - Parameters:
    ///   - rowKey: the row's key; nil for a record that has none.
    ///   - row: the row; nil deletes it.
    @inlinable static func make<KeyIn, ValueIn>(
        key rowKey: @escaping @Sendable (KeyIn) -> Key?, value row: @escaping @Sendable (ValueIn) -> Value?
    ) -> Make {
        { context, store in
            guard let store else {
                let forward = try context.next(Key.self, Change<Value>.self).receiveParts
                return Inlet<KeyIn, ValueIn>(parts: { key, value, timestamp, headers in
                    guard let key = rowKey(key) else { return context.drop(.nullKey) }
                    try forward(key, Change(new: row(value), old: nil), timestamp, headers)
                })
            }
            let rows = try TableRows<Key, Value>(context, store.name)
            let changes = try ChangeForwarder<Key, Value>(
                context, store: store.name, emission: store.emission, key: store.key,
                sendsOldValues: store.sendsOldValues)
            return Inlet<KeyIn, ValueIn>(parts: { key, value, timestamp, headers in
                guard let key = rowKey(key) else { return context.drop(.nullKey) }
                let new = row(value)
                // If no old values are needed, the row is written without reading the old one.
                let old = changes.needsOldValues ? try rows.get(key)?.value : nil
                let result = try rows.put(key, new, at: timestamp)
                try changes.send(key, headers, new: new, old: old, at: timestamp, result)
            })
        }
    }
}
