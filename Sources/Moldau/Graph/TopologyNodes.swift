import MoldauRecords
import MoldauState
import MoldauTopology

/// A topology built node by node, without the DSL: what Kafka Streams calls the Processor API.
extension Topology {
    /// Adds a custom processor below its parents, one instance per task.
    ///
    /// ```swift
    /// final class Doubler: Processor {
    ///     private var context: ProcessorContext<String, Int>?
    ///
    ///     func start(_ context: ProcessorContext<String, Int>) { self.context = context }
    ///     func process(_ record: Record<String, Int>) throws {
    ///         try context?.forward(record.with(value: record.value * 2), to: "even-sink")
    ///     }
    /// }
    /// let (numbers, even) = (Topic<String, Int>("numbers"), Topic<String, Int>("even"))
    /// var topology = Topology()
    /// try topology.addSource("numbers-source", reading: [numbers])
    /// try topology.addProcessor("doubler", after: ["numbers-source"]) { Doubler() }
    /// try topology.addSink("even-sink", to: even, after: ["doubler"])
    /// // numbers: a=4
    /// // even: a=8
    /// ```
    /// `add(_:for:)` adds stores and connects them to existing processors. Nothing is repartitioned automatically.
    /// - Parameter stores: the stores that it uses and that are already in the topology.
    /// - Parameter name: the node's name.
    /// - Parameter parents: the names of the nodes whose records it gets.
    /// - Parameter make: makes the processor of one task; must return a new one each time.
    /// - Throws: `TopologyError` if the name is taken or a parent or store is unknown. If the types do not fit those of
    ///   a parent, `TopologyError.wrongType` is thrown when tasks are made.
    public mutating func addProcessor<Made: Processor & SendableMetatype>(
        _ name: String, after parents: [String], stores: [any StoreName] = [],
        _ make: @escaping @Sendable () throws -> Made
    ) throws {
        try add(TopologyNode(name, .processor { try $0.inlet(of: try make()) }, .process, parents: parents))
        for store in Made.storeDefinitions { try add(store, for: [name]) }
        for store in stores { try connect(name, toStore: store.name) }
    }

    /// As `addProcessor` shows: a node that reads topics of the same types, with the serdes of the first topic.
    /// - Throws: `TopologyError` if the name is taken, no topic is given, or another source reads one of them.
    public mutating func addSource<Key, Value>(
        _ name: String, reading topics: [Topic<Key, Value>], start: StartPosition = .earliest,
        timestamps: TimestampExtractor<Key, Value>? = nil
    ) throws {
        guard let first = topics.first else { throw TopologyError.noTopic(source: name) }
        let source = TopologyNode.Source(topics: topics.map(\.name), start: start) { context in
            TypedSourceHead(
                key: first.key, value: first.value, timestamps: timestamps?.extract(in: context),
                in: context, next: try context.next())
        }
        try add(TopologyNode(name, .source(source), .source(RecordFormat(first.key, first.value))))
    }

    /// As `addProcessor` shows: a node that writes records to a topic.
    /// - Throws: `TopologyError` if the name is taken or a parent is unknown.
    public mutating func addSink<Key, Value>(
        _ name: String, to topic: Topic<Key, Value>, after parents: [String],
        partitioner: StreamPartitioner<Key, Value>? = nil
    ) throws {
        let make: TopologyNode.Make = { context in
            try SinkWriter(key: topic.key, value: topic.value, partitioner: partitioner, context: context)
                .inlet(to: .topic(topic.name))
        }
        let operation = OperatorDescription.sink(RecordFormat(topic.key, topic.value))
        try add(TopologyNode(name, .sink(topic: topic.name, make: make), operation, parents: parents))
    }
}

extension NodeContext {
    /// Starts a processor as this node; it is closed with the task.
    func inlet<Made: Processor>(of processor: Made) throws -> Inlet<Made.KeyIn, Made.ValueIn> {
        try processor.start(try ProcessorContext<Made.KeyOut, Made.ValueOut>(self))
        task.onClose { try processor.close() }
        return Inlet { record in
            do { try processor.process(record) } catch { try self.failed(error) }
        }
    }
}
