import MoldauRecords
import MoldauState
import MoldauTopology

/// A stream's records by key, ready to be aggregated.
public struct KGroupedStream<Key, Value> {
    @usableFromInline let stream: KStream<Key, Value>
    /// The user's name for the grouping: the repartition topic is named after it.
    let name: String?
    @usableFromInline let key: Serde<Key>
    @usableFromInline let value: Serde<Value>
    private let ends: RepartitionEnds
    private let shared = Shared()

    /// The repartition that the aggregations of one named grouping share.
    private final class Shared { var node: GraphNode? }

    @inlinable init(_ stream: KStream<Key, Value>, named name: String?, key: Serde<Key>, value: Serde<Value>) {
        self.init(stream, named: name, key: key, value: value, RepartitionEnds(key: key, value: value))
    }

    @usableFromInline init(
        _ stream: KStream<Key, Value>, named name: String?, key: Serde<Key>, value: Serde<Value>,
        _ ends: RepartitionEnds
    ) {
        self.ends = ends
        self.stream = stream
        self.name = name.map { stream.builder.checked($0) }
        self.key = key
        self.value = value
    }

    /// The records without their values, for operators that only need to know whether there is one; nil if nothing is
    /// saved: there is no repartition, or other operators read it too.
    @inlinable var keysOnly: KGroupedStream<Key, Void?>? {
        guard isRepartitionedAlone else { return nil }
        let presence = Serde<Void?>(
            encode: { _, _ in }, decode: { _ in () }, null: .init(isNull: { $0 == nil }, make: { nil }))
        let (null, key) = (value.null, key)
        let sent = Serde<Value>(encode: { _, _ in }, decode: value.decode, null: null)
        return KGroupedStream<Key, Void?>(
            retyped, named: nil, key: key, value: presence,
            RepartitionEnds(key: key, sent: sent, received: presence))
    }

    @usableFromInline var isRepartitionedAlone: Bool {
        stream.isKeyChanged && name == nil && !stream.builder.options.optimizations.contains(.mergeRepartitionTopics)
    }

    /// The stream as read from a repartition topic that carries no values.
    @usableFromInline var retyped: KStream<Key, Void?> {
        KStream<Key, Void?>(
            builder: stream.builder, node: stream.node, name: stream.name, sources: stream.sources, isKeyChanged: true,
            origin: stream.origin)
    }

    /// The grouped stream with equal keys in one partition; the topic is named after the grouping, else after the
    /// store.
    func partitioned(for store: String) -> KStream<Key, Value> {
        guard stream.isKeyChanged else { return stream }
        let through = RepartitionNode(name ?? store, ends, in: stream.builder)
        if name != nil, let node = shared.node {
            stream.builder.postpone(node)
            return stream.after(node)
        }
        stream.builder.add(through.node, below: [stream.node])
        shared.node = through.node
        return stream.after(through.node)
    }

    /// As `partitioned(for:)`, for a member of a cogroup. With Kafka Streams' names, further aggregates of the cogroup
    /// use the topic of the first one, as there.
    func partitioned(forCogroup store: String, sharing repartition: SharedNode) -> KStream<Key, Value> {
        guard stream.isKeyChanged, stream.builder.options.naming == .kafkaStreams else {
            return partitioned(for: store)
        }
        let through = RepartitionNode(name ?? store, ends, in: stream.builder)
        if let node = repartition.node { return stream.after(node) }
        stream.builder.add(through.node, below: [stream.node])
        repartition.node = through.node
        return stream.after(through.node)
    }
}

extension KStream {
    /// Groups records by their key. Repartitions first if an operator upstream changed the key.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().count()
    /// // clicks: ada=/home, ada=/shop
    /// // counts: ada=1, ada=2
    /// ```
    @inlinable public func groupByKey(
        named name: String? = nil
    ) -> KGroupedStream<Key, Value> where Key: StreamCodable, Value: StreamCodable {
        groupByKey(key: Key.serde, value: Value.serde, named: name)
    }

    /// As `groupByKey`, with the given serdes.
    @inlinable public func groupByKey(
        key: Serde<Key>, value: Serde<Value>, named name: String? = nil
    ) -> KGroupedStream<Key, Value> {
        KGroupedStream(self, named: name, key: key, value: value)
    }

    /// Groups records by a key computed from each. Repartitions first.
    ///
    /// ```swift
    /// let counts = clicks.groupBy { _, page in page }.count()
    /// // clicks: ada=/home, bob=/home
    /// // counts: /home=1, /home=2
    /// ```
    @inlinable public func groupBy<NewKey: StreamCodable>(
        named name: String? = nil, _ selector: @escaping @Sendable (Key, Value) throws -> NewKey
    ) -> KGroupedStream<NewKey, Value> where Value: StreamCodable {
        groupBy(key: NewKey.serde, value: Value.serde, named: name, selector)
    }

    /// As `groupBy`, with the given serdes.
    @inlinable public func groupBy<NewKey>(
        key: Serde<NewKey>, value: Serde<Value>, named name: String? = nil,
        _ selector: @escaping @Sendable (Key, Value) throws -> NewKey
    ) -> KGroupedStream<NewKey, Value> {
        KGroupedStream(selectKey(named: name, selector), named: name, key: key, value: value)
    }
}
