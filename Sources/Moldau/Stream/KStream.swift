import MoldauRecords
import MoldauState
import MoldauTopology

/// A stream of records: each is an event of its own.
///
/// A value that describes a place in the topology; every method adds a node there and returns the place after it. The closures given to
/// operators run on stream threads, one record at a time per task; what they throw goes to the application's processing handler.
public struct KStream<Key, Value> {
    let builder: StreamsBuilder
    let node: GraphNode
    let name: String
    /// The sources upstream, up to the last repartition.
    let sources: Set<String>
    /// Whether an operator upstream changed the key, so that equal keys may be in several partitions.
    let isKeyChanged: Bool
    /// Where the stream comes from, for stable names.
    let origin: String
    let joinRepartition = JoinRepartition()

    /// The repartition that the joins of one stream share.
    final class JoinRepartition { var node: GraphNode? }

    init(
        builder: StreamsBuilder, node: GraphNode, name: String? = nil, sources: Set<String>, isKeyChanged: Bool,
        origin: String
    ) {
        self.builder = builder
        self.node = node
        self.name = name ?? node.name
        self.sources = sources
        self.isKeyChanged = isKeyChanged
        self.origin = origin
    }

    /// Adds a processor below this stream: what the other operators are made with.
    /// - Parameters:
    ///   - given: the node's name; nil for a generated one that begins with `prefix`.
    ///   - changesKey: whether equal keys may be in several partitions afterwards.
    ///   - changesValue: whether records have other values afterwards.
    ///   - make: wires the node in a task; runs once per task.
    public func adding<NewKey, NewValue>(
        named given: String?, prefix: String, stores: [String] = [], changesKey: Bool = false,
        changesValue: Bool = false, _ make: @escaping @Sendable (NodeContext) throws -> Inlet<Key, Value>
    ) -> KStream<NewKey, NewValue> {
        adding(
            named: builder.name(given, prefix), stores: stores, changesKey: changesKey, changesValue: changesValue, make
        )
    }

    /// As above, under a name that is decided already.
    func adding<NewKey, NewValue>(
        named name: String, stores: [String] = [], changesKey: Bool = false, changesValue: Bool = false,
        _ make: @escaping @Sendable (NodeContext) throws -> Inlet<Key, Value>
    ) -> KStream<NewKey, NewValue> {
        let added = GraphNode(name) { topology, parents in
            try topology.add(TopologyNode(name, .processor(make: make), parents: parents))
            for store in stores { try topology.connect(name, toStore: store) }
        }
        // Behind a processor, which may change both, Kafka Streams puts no shared repartition.
        added.changesKey = changesKey && !changesValue
        added.changesValue = changesValue
        return following(added, changesKey: changesKey)
    }

    /// The stream after a node that was put below this one.
    func following<NewKey, NewValue>(_ added: GraphNode, changesKey: Bool = false) -> KStream<NewKey, NewValue> {
        builder.add(added, below: [node])
        return KStream<NewKey, NewValue>(
            builder: builder, node: added, sources: sources, isKeyChanged: isKeyChanged || changesKey, origin: origin)
    }
}
