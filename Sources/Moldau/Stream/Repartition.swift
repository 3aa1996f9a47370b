import MoldauRecords
import MoldauTopology

extension KStream {
    /// Sends the stream through a repartition topic, so that equal keys are in one partition again.
    ///
    /// ```swift
    /// let byCustomer = orders.selectKey { _, order in order.customer }
    ///     .repartition(named: "by-customer", partitions: 4)
    /// // orders: o1=ada 120
    /// // byCustomer: ada=ada 120
    /// ```
    /// - Parameters:
    ///   - name: the middle part of the topic's name, between the application's id and `-repartition`.
    ///   - partitions: nil for as many as the upstream topic with the most partitions.
    ///   - partitioner: chooses a record's partition; by default by its key.
    @inlinable public func repartition(
        named name: String? = nil, partitions: Int32? = nil, partitioner: StreamPartitioner<Key, Value>? = nil
    ) -> KStream<Key, Value> where Key: StreamCodable, Value: StreamCodable {
        repartition(
            key: Key.serde, value: Value.serde, named: name, partitions: partitions, partitioner: partitioner)
    }

    /// As `repartition`, with the topic's serdes given.
    @inlinable public func repartition(
        key: Serde<Key>, value: Serde<Value>, named name: String? = nil, partitions: Int32? = nil,
        partitioner: StreamPartitioner<Key, Value>? = nil
    ) -> KStream<Key, Value> {
        repartitioned(
            named: name, partitions: partitions, RepartitionEnds(key: key, value: value, partitioner: partitioner))
    }

    @usableFromInline func repartitioned(
        named given: String?, partitions: Int32?, _ ends: RepartitionEnds
    ) -> KStream<Key, Value> {
        if let partitions, partitions < 1 {
            builder.attempt {
                throw TopologyError.invalidSetting(
                    name: "repartition(partitions:)", reason: "partitions is \(partitions); it must be at least 1")
            }
        }
        let name =
            given.map { builder.checked($0) }
            ?? builder.names.settled(
                builder.names.processor(nil, "KSTREAM-REPARTITION-"), origin: origin, operation: "rekeyed")
        let through = RepartitionNode(name, ends, partitions: partitions, isMergeable: false, in: builder)
        builder.add(through.node, below: [node])
        return after(through.node)
    }

    /// The stream as read from a repartition node below it.
    func after(_ through: GraphNode) -> KStream<Key, Value> {
        KStream(builder: builder, node: through, sources: [through.name], isKeyChanged: false, origin: origin)
    }

    /// This stream, with equal keys in one partition.
    func partitionedByKey(named name: String, _ ends: RepartitionEnds) -> KStream<Key, Value> {
        guard isKeyChanged else { return self }
        let through = RepartitionNode(name, ends, in: builder)
        builder.add(through.node, below: [node])
        return after(through.node)
    }

    /// As `partitionedByKey`, but joins of the same stream share one topic unless they are named.
    func partitionedForJoin(named given: String?, _ ends: RepartitionEnds) -> KStream<Key, Value> {
        guard isKeyChanged else { return self }
        if given == nil, let shared = joinRepartition.node, builder.options.naming == .stable { return after(shared) }
        let name = given ?? builder.names.settled(name, origin: origin, operation: "rekeyed")
        let through = RepartitionNode(name, ends, in: builder)
        if given == nil, let shared = joinRepartition.node { return after(shared) }
        builder.add(through.node, below: [node])
        if given == nil { joinRepartition.node = through.node }
        return after(through.node)
    }
}

/// A repartition that several operators share.
final class SharedNode { var node: GraphNode? }

/// A topic between two sub-topologies: a filter for records without a key, a sink and a source.
struct RepartitionNode {
    let node: GraphNode

    /// - Parameter name: the topic is `<name>-repartition`.
    init(
        _ name: String, _ ends: RepartitionEnds, partitions: Int32? = nil, isMergeable: Bool = true,
        in builder: StreamsBuilder
    ) {
        let topic = name.hasSuffix("-repartition") ? name : name + "-repartition"
        let generated = (
            sink: builder.names.processor(nil, "KSTREAM-SINK-"),
            filter: builder.names.processor(nil, "KSTREAM-FILTER-"),
            source: builder.names.processor(nil, "KSTREAM-SOURCE-")
        )
        let isGenerated = name.wholeMatch(of: /KSTREAM.*-[0-9]{10}/) != nil
        let names =
            isGenerated ? generated : (sink: "\(topic)-sink", filter: "\(topic)-filter", source: "\(topic)-source")
        let graphNode = WeakNode()
        node = GraphNode(names.source) { topology, parents in
            let passesNullKeys = graphNode.node?.hasDescendant { $0.joinsNullKeys } ?? false
            try topology.add(RepartitionTopic(name: topic, partitionCount: partitions))
            let operation = OperatorDescription.repartition(partitions: partitions)
            let filter: TopologyNode.Make = { try ends.filter($0, passesNullKeys) }
            try topology.add(TopologyNode(names.filter, .processor(make: filter), operation, parents: parents))
            let sink: TopologyNode.Make = { try ends.sink($0, topic) }
            try topology.add(
                TopologyNode(
                    names.sink, .sink(topic: topic, make: sink), .sink(ends.sent), parents: [names.filter]))
            let source = TopologyNode.Source(topics: [topic], makeHead: ends.source)
            try topology.add(TopologyNode(names.source, .source(source), .source(ends.received)))
        }
        graphNode.node = node
        if isMergeable { node.repartition = MergeableRepartition(topic: topic, ends: ends) }
    }

    private final class WeakNode { weak var node: GraphNode? }
}

/// How the ends of a repartition topic are made: the filter for records without a key, the sink and the source.
@usableFromInline struct RepartitionEnds: Sendable {
    let filter: @Sendable (NodeContext, _ passesNullKeys: Bool) throws -> Any
    let sink: @Sendable (NodeContext, _ topic: String) throws -> Any
    let source: TopologyNode.MakeHead
    /// The formats that are written and that are read back.
    let sent: RecordFormat
    let received: RecordFormat

    @usableFromInline init(
        sent: RecordFormat, received: RecordFormat,
        filter: @escaping @Sendable (NodeContext, _ passesNullKeys: Bool) throws -> Any,
        sink: @escaping @Sendable (NodeContext, _ topic: String) throws -> Any, source: @escaping TopologyNode.MakeHead
    ) {
        self.filter = filter
        self.sink = sink
        self.source = source
        (self.sent, self.received) = (sent, received)
    }

    @inlinable init<Key, Value>(
        key: Serde<Key>, value: Serde<Value>, partitioner: StreamPartitioner<Key, Value>? = nil
    ) {
        self.init(key: key, sent: value, received: value, partitioner: partitioner)
    }

    /// - Parameter received: decodes what `sent` encoded, possibly ignoring part of it.
    @inlinable init<Key, Value, Received>(
        key: Serde<Key>, sent value: Serde<Value>, received: Serde<Received>,
        partitioner: StreamPartitioner<Key, Value>? = nil
    ) {
        self.init(
            sent: RecordFormat(key, value), received: RecordFormat(key, received),
            filter: { context, passesNullKeys in
                let next = try context.next(Key.self, Value.self)
                guard let isNull = key.null?.isNull, !passesNullKeys else { return next }
                let forward = next.receiveParts
                return Inlet(parts: { key, value, timestamp, headers in
                    if isNull(key) { return context.drop(.nullKeyBeforeRepartition) }
                    try forward(key, value, timestamp, headers)
                })
            },
            sink: { context, topic in
                try SinkWriter(key: key, value: value, partitioner: partitioner, context: context)
                    .inlet(to: .topic(topic))
            },
            source: { context in
                TypedSourceHead(
                    key: key, value: received, timestamps: nil, in: context,
                    next: try context.next(Key.self, Received.self))
            })
    }
}
