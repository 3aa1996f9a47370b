import MoldauRecords
import MoldauState
import MoldauTopology

/// A table: the latest value of each key. A record sets the row of its key; a null value deletes it.
public struct KTable<Key, Value> {
    let builder: StreamsBuilder
    let node: GraphNode
    let name: String
    let sources: Set<String>
    let origin: String
    @usableFromInline let key: Serde<Key>
    let content: TableContent<Key, Value>

    init(
        builder: StreamsBuilder, node: GraphNode, sources: Set<String>, origin: String, key: Serde<Key>,
        content: TableContent<Key, Value>
    ) {
        self.builder = builder
        self.node = node
        self.name = node.name
        self.sources = sources
        self.origin = origin
        self.key = key
        self.content = content
    }
}

/// What other operators may ask of a table while the topology is declared: that it sends old values, and how a row is
/// looked up.
final class TableContent<Key, Value> {
    /// Whether the table's changes carry the old value. Read when the topology is built.
    private(set) var sendsOldValues: Bool
    private let askUpstream: (_ force: Bool) -> Bool
    private let makeGetter: () -> RowGetter<Key, Value>
    /// Whether the table's rows have versions: changes may then be historical, and look-ups may refer to the past.
    let isVersioned: Bool
    /// Whether that follows from the table upstream, as this one has no store of its own.
    let inheritsVersions: Bool

    /// - Parameters:
    ///   - askUpstream: requests old values; returns whether they will be sent. Unless forced, a table without a store
    ///     does not get one for this.
    ///   - makeGetter: returns a look-up for rows. May give the table a store.
    init(
        isVersioned: Bool = false, inheritsVersions: Bool = false, sendsOldValues: Bool = false,
        askUpstream: @escaping (_ force: Bool) -> Bool,
        makeGetter: @escaping () -> RowGetter<Key, Value>
    ) {
        self.isVersioned = isVersioned
        self.inheritsVersions = inheritsVersions
        self.sendsOldValues = sendsOldValues
        self.askUpstream = askUpstream
        self.makeGetter = makeGetter
    }

    /// Asks the table to send old values.
    @discardableResult
    func sendOldValues(force: Bool) -> Bool {
        if !sendsOldValues { sendsOldValues = askUpstream(force) }
        return sendsOldValues
    }

    var getter: RowGetter<Key, Value> { makeGetter() }
}

/// How a node looks up rows of a table: in a store, or through other tables' stores.
@usableFromInline struct RowGetter<Key, Value>: Sendable {
    @usableFromInline typealias Row = ValueAndTimestamp<Value>

    /// The stores that it reads.
    @usableFromInline let stores: [String]
    /// The only store, if it holds the rows themselves: code that knows their types can then read it directly.
    @usableFromInline let ownStore: String?
    /// Makes the look-up function for a task. It returns the latest row of a key, or, in a versioned table with a time
    /// given, the one that was valid then.
    @usableFromInline let make: @Sendable (NodeContext) throws -> (Key, _ asOf: Timestamp?) throws -> Row?

    init(
        stores: [String], ownStore: String? = nil,
        make: @escaping @Sendable (NodeContext) throws -> (Key, _ asOf: Timestamp?) throws -> Row?
    ) {
        self.stores = stores
        self.ownStore = ownStore
        self.make = make
    }

    /// The look-up function for one task.
    @inlinable func lookUp(_ context: NodeContext, isVersioned: Bool) throws -> (Key, Timestamp) throws -> Row? {
        guard !isVersioned, let ownStore, case .latest(let rows) = try TableRows<Key, Value>(context, ownStore) else {
            let get = try make(context)
            return { key, time in try get(key, isVersioned ? time : nil) }
        }
        guard let traces = context.task.traces else { return { key, _ in try rows.get(key) } }
        return Self.following(traces, ownStore) { key, _ in try rows.get(key) }
    }

    /// A look-up in that store which also returns who wrote the row that it found.
    @usableFromInline static func following<Time>(
        _ traces: TaskTraces, _ store: String, _ get: @escaping (Key, Time) throws -> Row?
    ) -> (Key, Time) throws -> Row? {
        { key, time in
            let row = try get(key, time)
            if row != nil, traces.isFollowing { try traces.found(key, inStore: store) }
            return row
        }
    }

    /// Prefetches the rows of the keys of the next records; nil if there is nothing to prefetch.
    @usableFromInline func expectation(_ context: NodeContext) throws -> ((UnsafeBufferPointer<RecordView>) -> Void)? {
        try ownStore.flatMap { try TableRows<Key, Value>(context, $0).expectation }
    }

    /// Looks up rows in the store of that name.
    static func store(_ name: String) -> RowGetter {
        RowGetter(stores: [name], ownStore: name) { context in
            let rows = try TableRows<Key, Value>(context, name)
            guard let traces = context.task.traces else { return { key, time in try rows.get(key, asOf: time) } }
            return following(traces, name) { key, time in try rows.get(key, asOf: time) }
        }
    }
}
