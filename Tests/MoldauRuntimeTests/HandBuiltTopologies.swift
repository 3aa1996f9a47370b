import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

/// Nodes like those that the DSL adds, for topologies built by hand.
extension Topology {
    mutating func addProcessor<KeyIn, ValueIn, KeyOut, ValueOut>(
        _ name: String, after parents: [String], stores: [String] = [],
        _ body:
            @escaping @Sendable (Record<KeyIn, ValueIn>, NodeContext, Inlet<KeyOut, ValueOut>.Receive) throws -> Void
    ) throws {
        try add(
            TopologyNode(
                name,
                .processor { context in
                    let forward = try context.next(KeyOut.self, ValueOut.self).receive
                    return Inlet<KeyIn, ValueIn> { record in
                        do { try body(record, context, forward) } catch { try context.failed(error) }
                    }
                }, parents: parents))
        for store in stores { try connect(name, toStore: store) }
    }

    /// The input of `CountTopology`, followed by a node "timed" that only has punctuations.
    /// - Parameter schedule: schedules them.
    static func timed(_ schedule: @escaping @Sendable (NodeContext) throws -> Void) throws -> Topology {
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.add(
            TopologyNode(
                "timed",
                .processor { context in
                    try schedule(context)
                    return Inlet<String, String> { _ in }
                }, parents: ["source"]))
        return topology
    }
}

/// lines → count per key → counts
struct CountTopology {
    static let input = Topic<String, String>("input")
    static let counts = Topic<String, Int64>("counts")
    static let store = KeyValueStoreName<String, Int64>("counts-store")
    /// The same store as the DSL declares it.
    static let table = TableStoreName<String, Int64>("counts-store")

    static func make(kind: StoreKind = .rocksDB) throws -> Topology {
        var topology = Topology()
        try topology.addSource("source", reading: [input])
        try topology.add(
            TopologyNode(
                "count",
                .processor { context in
                    let store: KeyValueStore<String, Int64> = try context.store(named: CountTopology.store.name)
                    let forward = try context.next(String.self, Int64.self).receive
                    return Inlet<String, String> { record in
                        let count = try store.update(record.key) { ($0 ?? 0) + 1 }.new ?? 0
                        try forward(record.with(value: count))
                    }
                }, parents: ["source"]))
        try topology.add(StoreDefinition(store, kind: kind), for: ["count"])
        try topology.addSink("sink", to: counts, after: ["count"])
        return topology
    }
}
