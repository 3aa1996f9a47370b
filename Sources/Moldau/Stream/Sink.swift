import MoldauRecords
import MoldauTopology

extension KStream {
    /// Writes the stream to a topic.
    ///
    /// ```swift
    /// lines.mapValues { $0.uppercased() }.to(shouted)
    /// // lines: 1=to be
    /// // shouted: 1=TO BE
    /// ```
    /// - Parameter partitioner: chooses partitions; nil chooses them by key.
    /// - Parameter topic: the topic to write to.
    /// - Parameter name: the operator's name in descriptions and metrics; nil generates one.
    @inlinable public func to(
        _ topic: Topic<Key, Value>, named name: String? = nil, partitioner: StreamPartitioner<Key, Value>? = nil
    ) {
        sink(.topic(topic.name), key: topic.key, value: topic.value, named: name, partitioner)
    }

    /// Writes the stream to a topic; nil is written as a tombstone.
    ///
    /// ```swift
    /// payments.groupByKey().reduce { $0 + $1 }.filter { _, total in total < 100 }.toStream().to(totals)
    /// // payments: o1=60, o1=50
    /// // totals: o1=60, o1=nil
    /// ```
    @inlinable public func to<Wrapped>(
        _ topic: Topic<Key, Wrapped>, named name: String? = nil, partitioner: StreamPartitioner<Key, Value>? = nil
    ) where Value == Wrapped? {
        sink(.topic(topic.name), key: topic.key, value: topic.value.optional, named: name, partitioner)
    }

    /// Writes each record to the topic that `choose` returns. The topics must exist.
    ///
    /// ```swift
    /// lines.to(key: String.serde, value: String.serde) { record, _ in
    ///     record.value.hasSuffix("!") ? "shouted" : "rest"
    /// }
    /// let shouted = Topic<String, String>("shouted")
    /// // lines: 1=to be, 2=no!
    /// // shouted: 2=no!
    /// ```
    @inlinable public func to(
        key: Serde<Key>, value: Serde<Value>, named name: String? = nil,
        partitioner: StreamPartitioner<Key, Value>? = nil,
        choosing choose: @escaping @Sendable (Record<Key, Value>, RecordOrigin?) throws -> String
    ) {
        sink(.chosen(choose), key: key, value: value, named: name, partitioner)
    }

    @inlinable func sink(
        _ target: SinkTarget<Key, Value>, key: Serde<Key>, value: Serde<Value>, named name: String?,
        _ partitioner: StreamPartitioner<Key, Value>?
    ) {
        let topic: String? = if case .topic(let topic) = target { topic } else { nil }
        addSink(topic, named: name, RecordFormat(key, value)) { context in
            try SinkWriter(key: key, value: value, partitioner: partitioner, context: context).inlet(to: target)
        }
    }

    @usableFromInline func addSink(
        _ topic: String?, named given: String?, _ format: RecordFormat, _ make: @escaping TopologyNode.Make
    ) {
        let name = builder.name(given, "KSTREAM-SINK-")
        let sink = GraphNode(name) { topology, parents in
            try topology.add(TopologyNode(name, .sink(topic: topic, make: make), .sink(format), parents: parents))
        }
        builder.add(sink, below: [node])
    }
}
