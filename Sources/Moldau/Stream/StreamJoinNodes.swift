// How two streams are joined. Each record goes first to its side's join node, which searches for matches in the other
// side's store, and only then into its own side's store:
//
//     left ──▸ keeping ──▸ joining (reads the right store) ──┐
//                │ left store                                ├──▸ merge
//                │ right store                               │
//     right ─▸ keeping ──▸ joining (reads the left store) ───┘
//
// Records without a match wait in a store that both sides share (`UnmatchedRecords`).

import MoldauRecords
import MoldauState
import MoldauTopology

/// A join of two streams: its types, serdes and joiner; makes the nodes.
struct StreamJoin<Key, Left, Right, Result>: Sendable {
    typealias Joiner = @Sendable (Key, Left?, Right?) throws -> Result?
    typealias Unmatched = UnmatchedRecords<Key, Left, Right>

    let kind: JoinKind
    let windows: JoinWindows
    let key: Serde<Key>
    let left: Serde<Left>
    let right: Serde<Right>
    let joiner: Joiner
    /// Whether a record that comes late, but within the grace period, waits for a match like any other. In Kafka
    /// Streams it has a result without a match at once, and may have another one with a match later (KAFKA-19536).
    private var waitsWithinGrace = true

    init(
        _ kind: JoinKind, _ windows: JoinWindows, key: Serde<Key>, left: Serde<Left>, right: Serde<Right>,
        joiner: @escaping Joiner
    ) {
        (self.kind, self.windows, self.key, self.left, self.right) = (kind, windows, key, left, right)
        self.joiner = joiner
    }

    /// The same join, waiting for the whole grace period or as Kafka Streams does.
    func waiting(by memory: WindowMemory) -> StreamJoin {
        var join = self
        join.waitsWithinGrace = memory == .complete
        return join
    }

    /// Whether one store is enough for a stream joined with itself: if each record matches itself, or if records
    /// without a match have no result. With two stores a record could have a result without a match before it is joined
    /// with itself; with one store and these conditions it cannot.
    var canShareStore: Bool { kind == .inner || windows.before >= .zero && windows.after >= .zero }

    struct Definitions {
        let left: StoreDefinition
        let right: StoreDefinition
        /// nil if no records wait for a match.
        let unmatched: StoreDefinition?
    }

    func definitions(
        _ names: StreamJoinNames, _ options: BufferStoreOptions, in topology: TopologyOptions
    ) -> Definitions {
        let kinds = options.kind.map { StoreKinds($0) } ?? topology.storeKinds
        func store<Value>(_ name: String, _ value: Serde<Value>) -> StoreDefinition {
            var definition = StoreDefinition(
                PlainWindowStoreName(name, key: key, value: value), size: windows.size,
                retention: windows.retention, retainsDuplicates: true, kind: kinds.window,
                isLogged: options.isLogged, changelogSettings: options.changelogSettings)
            definition.expiresExactly = options.expiresExactly(topology.windowMemory)
            return definition
        }
        let waits = kind != .inner && windows.unmatched == .whenWindowCloses
        return Definitions(
            left: store(names.leftStore, left), right: store(names.rightStore, right),
            unmatched: waits
                ? Unmatched.definition(
                    names.unmatchedStore, key: key, left: left, right: right, kind: kinds.keyValue, options) : nil)
    }

    var operation: OperatorDescription { .streamJoin(kind, windows.described) }

    /// Adds the join nodes below those that store the records, and connects the stores.
    func add(_ names: StreamJoinNames, _ stores: Definitions, to topology: inout Topology) throws {
        let unmatched = stores.unmatched?.name
        let joinLeft: @Sendable (NodeContext) throws -> Any = { context in
            if let name = stores.unmatched?.name {
                let unmatched: Unmatched = try context.store(named: name)
                context.task.add(holder: context.node) { [weak unmatched] in try unmatched?.waiting(windows) }
            }
            return try joining(
                context, .left, value: left, isOuter: kind != .inner, others: names.rightStore, unmatched,
                hold: { .left($0) }, join: { try joiner($0, $1, $2) })
        }
        let joinRight: @Sendable (NodeContext) throws -> Any = { context in
            try joining(
                context, .right, value: right, isOuter: kind == .outer, others: names.leftStore, unmatched,
                hold: { .right($0) }, join: { try joiner($0, $2, $1) })
        }
        let merge: @Sendable (NodeContext) throws -> Any = { try $0.next(Key.self, Result.self) }
        try topology.add(
            TopologyNode(names.leftJoin, .processor(make: joinLeft), operation, parents: [names.leftWindowed]))
        try topology.add(
            TopologyNode(names.rightJoin, .processor(make: joinRight), operation, parents: [names.rightWindowed]))
        try topology.add(
            TopologyNode(
                names.merge, .processor(make: merge), .gather(emit: .everyChange),
                parents: [names.leftJoin, names.rightJoin]))
        try topology.add(stores.left, for: [names.leftWindowed, names.rightJoin])
        try topology.add(stores.right, for: [names.rightWindowed, names.leftJoin])
        if let store = stores.unmatched { try topology.add(store, for: [names.leftJoin, names.rightJoin]) }
    }

    // MARK: Nodes

    func keepingLeft(_ context: NodeContext, _ names: StreamJoinNames) throws -> Inlet<Key, Left> {
        try keeping(context, left, store: names.leftStore)
    }

    func keepingRight(_ context: NodeContext, _ names: StreamJoinNames) throws -> Inlet<Key, Right> {
        try keeping(context, right, store: names.rightStore)
    }

    private func keeping<Value>(
        _ context: NodeContext, _ value: Serde<Value>, store: String
    ) throws -> Inlet<Key, Value> {
        let records: WindowStore<Key, Value> = try context.store(named: store)
        let forward = try context.next(Key.self, Value.self).receive
        return Inlet { record in
            try forward(record)
            if key.isNull(record.key) { return }
            try records.put(record.key, record.value, at: record.timestamp)
        }
    }

    /// - Parameters:
    ///   - isOuter: whether a record of this side has a result without a match.
    ///   - others: the store of the other side's records.
    ///   - join: gets this side's value first.
    private func joining<This, Other>(
        _ context: NodeContext, _ side: JoinSide, value: Serde<This>, isOuter: Bool, others: String,
        _ unmatched: String?,
        hold: @escaping (This) -> Unmatched.Held, join: @escaping (Key, This?, Other?) throws -> Result?
    ) throws -> Inlet<Key, This> {
        let others: WindowStore<Key, Other> = try context.store(named: others)
        let unmatched: Unmatched? = try unmatched.map { try context.store(named: $0) }
        unmatched?.wire(context)
        let forward = try context.nextCounted(Key.self, Result.self).receive
        let (before, after) = side == .left ? (windows.before, windows.after) : (windows.after, windows.before)
        let (beforeMs, afterMs) = (before.milliseconds, after.milliseconds)
        let waitMs = waitsWithinGrace ? windows.grace.milliseconds : 0
        let otherSide: JoinSide = side == .left ? .right : .left

        func emit(_ record: Record<Key, This>, _ this: This?, _ other: Other?, at time: Timestamp) throws {
            let result: Result?
            do { result = try join(record.key, this, other) } catch { return try context.failed(error) }
            if let result { try forward(record.with(value: result).with(timestamp: time)) }
        }

        func emitClosed(_ record: Record<Key, This>, of unmatched: Unmatched) throws {
            try unmatched.takeClosed(
                windows, afterMs: afterMs, now: context.task.time.uptime,
                interval: context.task.closedWindowSearchInterval
            ) { place, held in
                let result: Result?
                do {
                    result =
                        switch held {
                        case .left(let value): try joiner(place.key, value, nil)
                        case .right(let value): try joiner(place.key, nil, value)
                        }
                } catch { return try context.failed(error) }
                guard let result else { return }
                try forward(record.with(key: place.key, value: result).with(timestamp: place.timestamp))
            }
        }

        return Inlet { record in
            let time = record.timestamp
            try unmatched?.observe(time)
            if value.isNull(record.value) { return context.drop(.nullValue) }
            if key.isNull(record.key) {
                return isOuter ? try emit(record, record.value, nil, at: time) : context.drop(.nullKey)
            }
            if let unmatched, time == unmatched.observedTime {
                try context.task.onBehalf(of: context.task.origin) { try emitClosed(record, of: unmatched) }
            }
            let latest = max(Timestamp(ms: 0), time.adding(ms: afterMs))
            let matches = try others.fetch(
                record.key, from: max(Timestamp(ms: 0), time.subtracting(ms: beforeMs)), to: latest)
            var isMatched = false
            while let (other, otherValue) = try matches.next() {
                isMatched = true
                let otherTime = other.window.start
                try unmatched?.matched(.init(timestamp: otherTime, side: otherSide, key: record.key))
                try emit(record, record.value, otherValue, at: max(time, otherTime))
            }
            guard isOuter, !isMatched else { return }
            if let unmatched, latest.adding(ms: waitMs) >= unmatched.observedTime {
                try unmatched.hold(hold(record.value), at: .init(timestamp: time, side: side, key: record.key))
            } else {
                try emit(record, record.value, nil, at: time)
            }
        }
    }
}
