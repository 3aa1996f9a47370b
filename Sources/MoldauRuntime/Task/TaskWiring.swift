import MoldauRecords
import MoldauState
import MoldauTopology

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
