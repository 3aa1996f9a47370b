import MoldauRecords
import MoldauState
import MoldauTopology

/// A table: the latest value of each key, changed by records. A null value deletes the row.
public struct KTable<Key, Value> {
    let builder: StreamsBuilder
    let node: GraphNode
    let name: String
    let sources: Set<String>
    let origin: String
    @usableFromInline let key: Serde<Key>
    let content: TableContent<Key, Value>
    /// The name of the table's own store; nil when it has none, or none of a name that the user gave.
    public let storeName: String?

    init(
        builder: StreamsBuilder, node: GraphNode, sources: Set<String>, origin: String, key: Serde<Key>,
        content: TableContent<Key, Value>, storeName: String?
    ) {
        self.builder = builder
        self.node = node
        self.name = node.name
        self.sources = sources
        self.origin = origin
        self.key = key
        self.content = content
        self.storeName = storeName
    }
}

/// What others ask of a table while the topology is declared: to send old values, and how to look up a row.
final class TableContent<Key, Value> {
    /// Whether the table's changes carry the value before. Read when the topology is built.
    private(set) var sendsOldValues: Bool
    private let askUpstream: (_ force: Bool) -> Bool
    private let makeGetter: () -> RowGetter<Key, Value>
    /// Whether the table's rows have versions: then changes may be history, and look-ups may be of the past.
    let isVersioned: Bool
    /// Whether that follows from the table upstream, as this one has no store of its own.
    let inheritsVersions: Bool

    /// - Parameters:
    ///   - askUpstream: arranges for old values; answers whether they will come. Unless forced, a table without a store stays without.
    ///   - makeGetter: says how a row is looked up. May give the table a store.
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
    /// The one store, where it keeps the rows as they are: then who knows the types looks them up without this.
    @usableFromInline let ownStore: String?
    /// Makes what answers the row of a key: the latest one, or where the table is versioned and a time is given, the one that held then.
    @usableFromInline let make: @Sendable (NodeContext) throws -> (Key, _ asOf: Timestamp?) throws -> Row?

    init(
        stores: [String], ownStore: String? = nil,
        make: @escaping @Sendable (NodeContext) throws -> (Key, _ asOf: Timestamp?) throws -> Row?
    ) {
        self.stores = stores
        self.ownStore = ownStore
        self.make = make
    }

    /// What looks up rows in one task.
    @inlinable func lookUp(_ context: NodeContext, isVersioned: Bool) throws -> (Key, Timestamp) throws -> Row? {
        guard !isVersioned, let ownStore, case .latest(let rows) = try TableRows<Key, Value>(context, ownStore) else {
            let get = try make(context)
            return { key, time in try get(key, isVersioned ? time : nil) }
        }
        return { key, _ in try rows.get(key) }
    }

    /// What makes rows ready that the next records will ask for by their own key; nil where there is nothing to make.
    @usableFromInline func expectation(_ context: NodeContext) throws -> ((UnsafeBufferPointer<RecordView>) -> Void)? {
        try ownStore.flatMap { try TableRows<Key, Value>(context, $0).expectation }
    }

    /// Looks up rows in the store of that name.
    static func store(_ name: String) -> RowGetter {
        RowGetter(stores: [name], ownStore: name) { context in
            let rows = try TableRows<Key, Value>(context, name)
            return { key, time in try rows.get(key, asOf: time) }
        }
    }
}
