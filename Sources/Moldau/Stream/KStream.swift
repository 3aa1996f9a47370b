import MoldauRecords
import MoldauState
import MoldauTopology

/// A stream of records: each is an independent event.
///
/// A stream is a value that describes a place in the topology; every method adds a node there and returns the place
/// after it. The closures given to operators run on stream threads, one record at a time per task; errors that they
/// throw go to the application's processing handler.
///
/// The examples of operators show input and output in comments: `// clicks: ada=/home, bob@20=/shop` are records of the
/// stream or table `clicks`, the second one at 20 seconds; `ada=nil` deletes a row, and `ada[0-60]` is a window's key.
/// All are run as tests.
public struct KStream<Key, Value> {
    let builder: StreamsBuilder
    let node: GraphNode
    let name: String
    /// The sources upstream, up to the last repartition.
    let sources: Set<String>
    /// Whether an operator upstream changed the key, so that equal keys may be in several partitions.
    let isKeyChanged: Bool
    /// The name of the stream's origin, for stable names.
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

    /// Adds a processor below this stream: the primitive that the other operators are built on.
    /// - Parameters:
    ///   - given: the node's name; nil for a generated one that begins with `prefix`.
    ///   - changesKey: whether equal keys may be in several partitions afterwards.
    ///   - changesValue: whether records have other values afterwards.
    ///   - make: wires the node in a task; called once per task.
    ///   - prefix: the prefix of a generated name in Kafka Streams.
    ///   - stores: the names of the stores that the operator uses.
    @usableFromInline package func adding<NewKey, NewValue>(
        named given: String?, prefix: String, stores: [String] = [], changesKey: Bool = false,
        changesValue: Bool = false, _ make: @escaping @Sendable (NodeContext) throws -> Inlet<Key, Value>
    ) -> KStream<NewKey, NewValue> {
        adding(
            .custom, named: builder.name(given, prefix), stores: stores, changesKey: changesKey,
            changesValue: changesValue, make)
    }

    /// As above, for an operator of the DSL with its description.
    @usableFromInline func adding<NewKey, NewValue>(
        _ operation: OperatorDescription, named given: String?, prefix: String, changesKey: Bool = false,
        changesValue: Bool = false, _ make: @escaping @Sendable (NodeContext) throws -> Inlet<Key, Value>
    ) -> KStream<NewKey, NewValue> {
        adding(
            operation, named: builder.name(given, prefix), changesKey: changesKey, changesValue: changesValue, make)
    }

    /// As above, with a name that is already decided.
    func adding<NewKey, NewValue>(
        _ operation: OperatorDescription, named name: String, stores: [String] = [], changesKey: Bool = false,
        changesValue: Bool = false,
        _ make: @escaping @Sendable (NodeContext) throws -> Inlet<Key, Value>
    ) -> KStream<NewKey, NewValue> {
        let added = GraphNode(name) { topology, parents in
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            for store in stores { try topology.connect(name, toStore: store) }
        }
        // Kafka Streams does not put a shared repartition below a processor, which may change both.
        added.changesKey = changesKey && !changesValue
        added.changesValue = changesValue
        return following(added, changesKey: changesKey)
    }

    /// The stream after a node that is added below this one.
    func following<NewKey, NewValue>(_ added: GraphNode, changesKey: Bool = false) -> KStream<NewKey, NewValue> {
        builder.add(added, below: [node])
        return KStream<NewKey, NewValue>(
            builder: builder, node: added, sources: sources, isKeyChanged: isKeyChanged || changesKey, origin: origin)
    }
}
