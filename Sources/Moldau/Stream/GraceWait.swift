import MoldauRecords
import MoldauState
import MoldauTopology

/// The buffering of a stream's records before they are joined with a versioned table (KIP-923).
struct GraceWait<Key, Value>: Sendable {
    private let join: String
    private let grace: Duration
    private let key: Serde<Key>
    private let value: Serde<Value>
    private let definition: StoreDefinition

    init(join: String, _ grace: Duration, key: Serde<Key>, value: Serde<Value>, kind: StoreKind) {
        (self.join, self.grace, self.key, self.value) = (join, grace, key, value)
        definition = GraceBuffer.definition(join + "-Buffer", key: key, value: value, grace: grace, kind: kind)
    }

    static func needsVersions(join: String) -> TopologyError {
        .invalidSetting(
            name: join,
            reason: "a join with a grace period needs a versioned table: give it a VersionedStoreName")
    }

    /// Adds the buffer to the join's node.
    /// - Parameter tables: the stores in which the join looks rows up.
    func add(to topology: inout Topology, tables: [String]) throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: join, reason: reason) }
        if grace < .zero { try refuse("the grace period is negative") }
        for name in tables {
            guard let retention = topology.stores.first(where: { $0.name == name })?.historyRetention else {
                throw Self.needsVersions(join: join)
            }
            if retention < grace { try refuse("the table's history retention is shorter than the grace period") }
        }
        try topology.add(definition, for: [join])
    }

    /// Buffers records before they reach `inlet`.
    func inlet(_ context: NodeContext, before inlet: Inlet<Key, Value>) throws -> Inlet<Key, Value> {
        let buffer: GraceBuffer<Key, Value> = try context.store(named: definition.name)
        let (join, task) = (inlet.receive, context.task)
        let observed = ObservedTime(context, of: definition.name)
        task.add(holder: context.node) { [weak buffer] in try buffer?.waiting(at: observed.latest) }
        return Inlet { record in
            // Such records find no row at any time, so they need not wait.
            if key.isNull(record.key) || value.isNull(record.value) { return try join(record) }
            let streamTime = Timestamp(ms: observed.observe(record.timestamp))
            if try !buffer.put(record, from: task.origin, at: streamTime) { try join(record) }
            try buffer.takeDue(at: streamTime) { due, origin in try task.onBehalf(of: origin) { try join(due) } }
        }
    }
}
