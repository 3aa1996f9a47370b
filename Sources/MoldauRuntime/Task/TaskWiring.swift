import MoldauRecords
import MoldauState
import MoldauTopology

/// What a task needs from the thread that owns it.
package struct ThreadServices {
    package let names: InternalTopicNames
    package let configuration: StreamsConfiguration
    package let outbox: Outbox
    /// The thread's copies of the global tables, by name.
    package let globalStores: [any StateStore]
    /// By the topics' names in the cluster: a task reads no partition that does not exist. nil: every topic has the
    /// task's partition.
    package let partitionCounts: [String: Int32]?
    /// The topics' ids, as far as the cluster has them.
    package let topicIDs: [String: TopicID]
    /// Ends the thread's wait for records; may be called from any thread.
    package let wake: @Sendable () -> Void

    package init(
        names: InternalTopicNames, configuration: StreamsConfiguration, outbox: Outbox,
        globalStores: [any StateStore] = [], partitionCounts: [String: Int32]? = nil,
        topicIDs: [String: TopicID] = [:],
        wake: @escaping @Sendable () -> Void = {}
    ) {
        self.partitionCounts = partitionCounts
        self.topicIDs = topicIDs
        self.wake = wake
        self.names = names
        self.configuration = configuration
        self.outbox = outbox
        self.globalStores = globalStores
    }

    /// Whether the cluster has the partition: a task's topics may differ in their numbers of partitions.
    func holds(_ partition: TopicPartition) -> Bool {
        partitionCounts.map { $0[partition.topic] ?? 0 > partition.partition.number } ?? true
    }
}

/// Makes the nodes of a sub-topology for one task, children before parents, each once.
struct TaskWiring {
    private let subtopology: Subtopology
    private let context: TaskContext
    private let globalStores: [String]
    private let storeOrder: [String: Int]
    private var inlets: [String: Any] = [:]
    /// Kept by the task: punctuations refer to them.
    private(set) var contexts: [NodeContext] = []
    private var sources: [(node: TopologyNode.Source, context: NodeContext)] = []

    /// - Throws: `TopologyError` if types or stores do not match; errors that processors throw in `start`.
    init(_ subtopology: Subtopology, context: TaskContext, globalStores: [String]) throws {
        self.subtopology = subtopology
        self.context = context
        self.globalStores = globalStores
        storeOrder = Dictionary(
            uniqueKeysWithValues: subtopology.stores.enumerated().map { ($0.element.name, $0.offset) })
        for node in subtopology.nodes.reversed() { try wire(node) }
    }

    private mutating func wire(_ node: TopologyNode) throws {
        let children = subtopology.nodes.filter { $0.parents.contains(node.name) }.compactMap { child in
            inlets[child.name].map { (name: child.name, inlet: $0) }
        }
        let nodeContext = NodeContext(
            node: node.name, task: context, children: children, stores: Set(node.stores + globalStores),
            storeOrder: storeOrder)
        contexts.append(nodeContext)
        switch node.role {
        case .source(let source): sources.append((source, nodeContext))
        case .processor(let make), .sink(_, let make): inlets[node.name] = try make(nodeContext)
        }
    }

    /// One queue per input topic, in the order of the topology.
    func queues(partition: Partition, services: ThreadServices) throws -> [PartitionQueue] {
        try sources.reversed().flatMap { source, nodeContext in
            try source.topics.compactMap { topic in
                let input = TopicPartition(services.names.topic(topic), partition)
                guard services.holds(input) else { return nil }
                nodeContext.headTopic = input.topic
                return PartitionQueue(
                    partition: input, node: nodeContext.node, source: try source.makeHead(nodeContext),
                    context: context,
                    outbox: services.outbox, onFailure: services.configuration.onDeserializationFailure)
            }
        }
    }
}
