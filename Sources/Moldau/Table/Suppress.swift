import MoldauRecords
import MoldauState
import MoldauTopology

extension KTable {
    /// Holds changes back, so that downstream nodes see fewer of them (KIP-328).
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .seconds(5))).count()
    ///     .suppress(.untilWindowCloses())
    /// // clicks: ada@10=/home, ada@20=/shop, bob@70=/home
    /// // counts: ada[0-60]@20=2
    /// ```
    /// Changes are emitted in the order of their buffer time, then of their keys' bytes, with the time and headers of
    /// the last change. They are emitted when another change arrives that advances stream time. Held changes are kept
    /// in a store with a changelog.
    /// - Parameter options: the options of the store of held changes.
    /// - Parameter suppressed: which changes are held, and how long.
    /// - Parameter name: the operator's name in descriptions and metrics; nil generates one.
    public func suppress(
        _ suppressed: Suppressed<Key>, named name: String? = nil, options: BufferStoreOptions? = nil
    ) -> KTable<Key, Value> where Value: StreamCodable {
        suppress(suppressed, value: Value.serde, named: name, options: options)
    }

    /// As `suppress`, with the serde of the values given.
    public func suppress(
        _ suppressed: Suppressed<Key>, value: Serde<Value>, named given: String? = nil,
        options: BufferStoreOptions? = nil
    ) -> KTable<Key, Value> {
        // Unlike with other operators, a given name consumes no number here, as in Kafka Streams.
        let name = given.map { builder.checked($0) } ?? builder.name(nil, "KTABLE-SUPPRESS-")
        let choice = StoreChoice(buffer: given.map { "\($0)-store" }, options, in: builder) {
            builder.names.store("KTABLE-SUPPRESS-", origin: origin, operation: "suppress")
        }
        let parent = self.node
        builder.attempt { try suppressed.check(below: parent, named: name) }
        // While a change is held, downstream nodes still know the value from before it.
        content.sendOldValues(force: true)
        let table = content
        let (key, store) = (key, choice.name)
        let derived = TableContent<Key, Value>(
            sendsOldValues: true, askUpstream: { _ in true },
            makeGetter: { table.getter.beforeSuppression(in: store, key: key, value: value) })
        let node = GraphNode(name) { topology, parents in
            if table.isVersioned {
                throw TopologyError.invalidSetting(
                    name: name,
                    reason: "suppress(_:) does not accept a versioned table, nor one derived from it; "
                        + "use toStream(), which passes on every change")
            }
            let wait = suppressed.waitMs(below: parent)
            let make: TopologyNode.Make = { context in
                try Suppression(suppressed, waitMs: wait, key: key, value: value, store: store, context).inlet
            }
            try topology.add(
                TopologyNode(
                    name, .processor(make: make), .suppress(suppressed.described(waitMs: wait)), parents: parents))
            try topology.add(
                SuppressionBuffer.definition(store, kind: choice.kind(\.keyValue), choice.storage), for: [name])
        }
        builder.add(node, below: [self.node])
        return KTable(
            builder: builder, node: node, sources: sources, origin: origin, key: key, content: derived)
    }
}

extension Suppressed {
    fileprivate func check(below parent: GraphNode, named name: String) throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: name, reason: reason) }
        switch wait {
        case .time(let limit):
            if limit < .zero { try refuse("the time limit is \(limit.milliseconds) ms; it must not be negative") }
        case .grace:
            if parent.windowGrace == nil {
                try refuse("only windowed aggregations have windows that close; there is none upstream")
            }
        }
        if maxRecords < 0 || maxBytes < 0 { try refuse("the limits must not be negative") }
    }

    fileprivate func waitMs(below parent: GraphNode) -> Int64 {
        switch wait {
        case .time(let limit): limit.milliseconds
        case .grace: parent.windowGrace?.milliseconds ?? 0
        }
    }
}

extension GraphNode {
    /// The longest grace period of the windowed aggregations upstream of this node.
    fileprivate var windowGrace: Duration? { grace ?? parents.compactMap(\.windowGrace).max() }
}

/// The node that holds changes back.
private final class Suppression<Key, Value> {
    private let suppressed: Suppressed<Key>
    private let waitMs: Int64
    private let key: Serde<Key>
    private let value: Serde<Value>
    private let buffer: SuppressionBuffer
    private let context: NodeContext
    private let forward: Inlet<Key, Change<Value>>.Receive
    private let observed: ObservedTime

    init(
        _ suppressed: Suppressed<Key>, waitMs: Int64, key: Serde<Key>, value: Serde<Value>, store: String,
        _ context: NodeContext
    ) throws {
        self.suppressed = suppressed
        self.waitMs = waitMs
        self.context = context
        observed = ObservedTime(context)
        buffer = try context.store(named: store)
        self.key = key.at(buffer.cache.topic, .key)
        self.value = value.at(buffer.cache.topic, .value)
        forward = try context.nextCounted(Key.self, Change<Value>.self).receive
        context.task.add(holder: context.node) { [weak self] in try self?.waiting() }
    }

    private func waiting() throws -> HeldRecords? {
        guard let first = try buffer.firstTime() else { return nil }
        return HeldRecords(
            .suppression, count: Int64(buffer.count), streamTime: observed.latest, due: first.adding(ms: waitMs))
    }

    var inlet: Inlet<Key, Change<Value>> { Inlet { [self] record in try receive(record) } }

    private func receive(_ record: Record<Key, Change<Value>>) throws {
        let due = observed.observe(record.timestamp).subtractingCapped(waitMs)
        let change = BufferedChange(
            old: try record.value.old.map { try value.bytes(of: $0) },
            new: try record.value.new.map { try value.bytes(of: $0) }, timestamp: record.timestamp,
            headers: record.headers, origin: context.task.origin,
            bufferTime: suppressed.bufferTime(record.key, record.timestamp))
        try buffer.put(try key.bytes(of: record.key), change)
        while let first = try buffer.firstTime(), first.ms <= due { try emitFirst() }
        guard isFull else { return }
        switch suppressed.overflow {
        case .emitEarly: while isFull { try emitFirst() }
        case .stop:
            throw SuppressionError.full(
                node: context.node, records: buffer.count, maxRecords: suppressed.maxRecords, bytes: buffer.byteCount,
                maxBytes: suppressed.maxBytes)
        }
    }

    private var isFull: Bool { buffer.count > suppressed.maxRecords || buffer.byteCount > suppressed.maxBytes }

    private func emitFirst() throws {
        guard let (bytes, change) = try buffer.takeFirst() else { return }
        if suppressed.dropsDeletions, change.new == nil { return }
        let values = Change(
            new: try change.new.map { try value.value(of: $0) }, old: try change.old.map { try value.value(of: $0) })
        let record = Record(
            key: try key.value(of: bytes), value: values, timestamp: change.timestamp, headers: change.headers)
        try context.task.onBehalf(of: change.origin) { try forward(record) }
    }
}

extension RowGetter {
    /// Looks up rows as the nodes downstream of a suppression know them: for a key with a held change, the row from
    /// before it.
    fileprivate func beforeSuppression(in store: String, key: Serde<Key>, value: Serde<Value>) -> RowGetter {
        RowGetter(stores: stores + [store]) { [make] context in
            let buffer: SuppressionBuffer = try context.store(named: store)
            let (key, value) = (key.at(buffer.cache.topic, .key), value.at(buffer.cache.topic, .value))
            let get = try make(context)
            return { rowKey, time in
                guard let waiting = try buffer.change(of: try key.bytes(of: rowKey)) else {
                    return try get(rowKey, time)
                }
                return try waiting.prior.map { ValueAndTimestamp(try value.value(of: $0), at: .none) }
            }
        }
    }
}
