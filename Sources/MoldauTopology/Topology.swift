import MoldauRecords
import MoldauState

/// A graph of sources, processors and sinks with their stores, as a value: everything that tasks are made from.
///
/// Built by the DSL, or node by node with `addSource`, `addProcessor` and `addSink` of the module `Moldau`. The
/// application's internal topics (repartition topics, changelogs) have their short names here; the runtime adds the
/// application's id.
public struct Topology: Sendable {
    package internal(set) var nodes: [TopologyNode] = []
    package private(set) var stores: [StoreDefinition] = []
    /// The tables of which each thread has all partitions.
    package private(set) var globalTables: [GlobalTableNode] = []
    /// The topics between its sub-topologies.
    package private(set) var repartitionTopics: [RepartitionTopic] = []
    /// The stores that are restored from topics that the topology reads.
    package private(set) var sourceChangelogs: [SourceChangelog] = []
    /// Things that work but may not be intended. An application logs them when it starts.
    public package(set) var warnings: [TopologyWarning] = []
    /// Groups of topics that must have the same number of partitions, because some node joins them.
    package var copartitionGroups: [Set<String>] { joinedSources.map(topics(of:)).filter { $0.count > 1 } }

    private var joinedSources: [Set<String>] = []
    private var indexByName: [String: Int] = [:]
    /// The names of all nodes, including those of global tables, in the order in which they were added.
    private var arrivals: [String] = []
    private var storeUsers: [String: [String]] = [:]
    private var joinedNodes = NodeGroups()

    /// A topology without nodes.
    public init() {}

    /// The node with that name.
    package subscript(name: String) -> TopologyNode? { indexByName[name].map { nodes[$0] } }

    /// The names of the nodes that a store is connected to.
    package func users(ofStore name: String) -> [String] { storeUsers[name] ?? [] }

    /// Adds a node below its parents.
    /// - Throws: `TopologyError`: the name is taken, or a parent is unknown.
    package mutating func add(_ node: TopologyNode) throws {
        guard !isTaken(node.name) else {
            throw TopologyError.duplicateName(kind: "node", name: node.name)
        }
        for parent in node.parents where indexByName[parent] == nil {
            throw TopologyError.unknownParent(node: node.name, parent: parent)
        }
        if case .source(let source) = node.role {
            if source.topics.isEmpty, source.pattern == nil { throw TopologyError.noTopic(source: node.name) }
            try source.pattern.map(TopicMatcher.check)
            for topic in source.topics {
                if let reader = sourceName(ofTopic: topic) {
                    throw TopologyError.topicReadTwice(topic: topic, sources: [reader, node.name])
                }
            }
        }
        indexByName[node.name] = nodes.count
        nodes.append(node)
        arrivals.append(node.name)
        joinedNodes.add(node.name)
        for parent in node.parents { joinedNodes.unite(parent, node.name) }
    }

    /// Adds a store and connects it to existing nodes. The same definition may be added again, for more nodes.
    /// - Throws: `TopologyError` if another definition has that name, or a node is unknown.
    public mutating func add(_ store: StoreDefinition, for users: [String]) throws {
        if !stores.contains(where: { $0.isSame(as: store) }) {
            try checkIsNew(store)
            stores.append(store)
        }
        for user in users { try connect(user, toStore: store.name) }
    }

    /// Gives a node access to a store: both then belong to one sub-topology.
    /// - Throws: `TopologyError` if there is no such node or store, or the store is that of a global table.
    public mutating func connect(_ name: String, to store: some StoreName) throws {
        try connect(name, toStore: store.name)
    }

    /// Gives a node access to the store of that name.
    package mutating func connect(_ name: String, toStore store: String) throws {
        if globalTables.contains(where: { $0.store.name == store }) {
            throw TopologyError.globalStoreNamed(node: name, store: store)
        }
        guard let index = indexByName[name] else { throw TopologyError.unknownParent(node: store, parent: name) }
        guard stores.contains(where: { $0.name == store }) else {
            throw TopologyError.unknownStore(node: name, store: store)
        }
        guard !nodes[index].stores.contains(store) else { return }
        if let other = storeUsers[store]?.first { joinedNodes.unite(other, name) }
        storeUsers[store, default: []].append(name)
        nodes[index].stores.append(store)
    }

    /// Uses a topic as the changelog of a store. A source of the store's sub-topology must read it.
    package mutating func add(_ changelog: SourceChangelog) throws {
        guard let index = stores.firstIndex(where: { $0.name == changelog.store }) else {
            throw TopologyError.unknownStore(node: changelog.source, store: changelog.store)
        }
        stores[index].isLogged = false
        sourceChangelogs.append(changelog)
    }

    /// Adds a global table.
    package mutating func add(_ table: GlobalTableNode) throws {
        for name in [table.sourceName, table.processorName] where isTaken(name) {
            throw TopologyError.duplicateName(kind: "node", name: name)
        }
        try checkIsNew(table.store)
        if let reader = sourceName(ofTopic: table.topic) {
            throw TopologyError.topicReadTwice(topic: table.topic, sources: [reader, table.sourceName])
        }
        globalTables.append(table)
        arrivals += [table.sourceName, table.processorName]
    }

    /// Adds a topic between two sub-topologies.
    package mutating func add(_ topic: RepartitionTopic) throws {
        guard !repartitionTopics.contains(where: { $0.name == topic.name }) else {
            throw TopologyError.duplicateName(kind: "repartition topic", name: topic.name)
        }
        repartitionTopics.append(topic)
    }

    /// Requires that the sources of a join, or of state by key, have the same number of partitions.
    /// - Throws: `TopologyError.differentPartitionCounts` if repartition topics among them have different fixed
    ///   numbers.
    package mutating func copartition(sources: Set<String>) throws {
        joinedSources.append(sources)
        let topics = topics(of: sources)
        let fixed = repartitionTopics.filter { topics.contains($0.name) }.compactMap { topic in
            topic.partitionCount.map { (topic.name, $0) }
        }
        if Set(fixed.map(\.1)).count > 1 {
            throw TopologyError.differentPartitionCounts(Dictionary(uniqueKeysWithValues: fixed))
        }
    }

    private func topics(of sources: Set<String>) -> Set<String> {
        Set(sources.compactMap { self[$0]?.source }.flatMap(\.topics))
    }

    private func isTaken(_ name: String) -> Bool {
        indexByName[name] != nil || globalTables.contains { $0.processorName == name || $0.sourceName == name }
    }

    private func checkIsNew(_ store: StoreDefinition) throws {
        if stores.contains(where: { $0.name == store.name })
            || globalTables.contains(where: { $0.store.name == store.name })
        {
            throw TopologyError.duplicateName(kind: "store", name: store.name)
        }
    }

    /// The connected groups of nodes, ordered like Kafka Streams' sub-topology numbers: by when their first sources
    /// were added.
    var groups: [[String]] {
        var groups = joinedNodes
        for table in globalTables {
            groups.add(table.sourceName)
            groups.add(table.processorName)
            groups.unite(table.sourceName, table.processorName)
        }
        let sources = Set(nodes.filter { $0.source != nil }.map(\.name) + globalTables.map(\.sourceName))
        return groups.numbered(arrivals.filter(sources.contains) + arrivals.filter { !sources.contains($0) })
    }

    private func sourceName(ofTopic topic: String) -> String? {
        nodes.first { $0.source?.topics.contains(topic) == true }?.name
            ?? globalTables.first { $0.topic == topic }?.sourceName
    }
}

/// Something in a topology that works but may not be intended.
public enum TopologyWarning: Sendable, Hashable, CustomStringConvertible {
    /// A processor with stores follows a change of key: records with equal keys may reach several tasks, each with
    /// stores of its own.
    case storesBehindKeyChange(node: String, stores: [String])

    public var description: String {
        switch self {
        case .storesBehindKeyChange(let node, let stores):
            "the processor '\(node)' keeps state in \(stores.map { "'\($0)'" }.joined(separator: ", ")) after a change "
                + "of key; records with equal keys may reach several tasks; call repartition() before it unless that is "
                + "intended"
        }
    }
}

/// A topic between two sub-topologies of the application.
package struct RepartitionTopic: Sendable, Hashable {
    package let name: String
    /// nil: as many as the topic upstream with the most partitions.
    package let partitionCount: Int32?

    /// A repartition topic, by its short name.
    package init(name: String, partitionCount: Int32? = nil) {
        self.name = name
        self.partitionCount = partitionCount
    }
}

/// A table of which every stream thread holds all partitions. It is read to its end before anything is processed.
package struct GlobalTableNode: Sendable {
    /// The name of the node that reads the topic.
    package let sourceName: String
    /// The name of the node that writes to the store.
    package let processorName: String
    /// The topic that the table is read from.
    package let topic: String
    /// The store that holds the table.
    package let store: StoreDefinition
    /// Makes the heads that write records into the store, one for each partition of the topic.
    package let makeHeads: @Sendable (NodeContext, _ partitionCount: Int32) throws -> [any SourceHead]

    /// A table of one topic.
    package init(
        sourceName: String, processorName: String, topic: String, store: StoreDefinition,
        makeHeads: @escaping @Sendable (NodeContext, _ partitionCount: Int32) throws -> [any SourceHead]
    ) {
        self.sourceName = sourceName
        self.processorName = processorName
        self.topic = topic
        self.store = store
        self.makeHeads = makeHeads
    }
}

/// Groups of connected names: a union–find structure.
struct NodeGroups: Sendable {
    private var parents: [String: String] = [:]

    mutating func add(_ name: String) { parents[name] = parents[name] ?? name }

    mutating func unite(_ left: String, _ right: String) {
        let (leftRoot, rightRoot) = (root(of: left), root(of: right))
        if leftRoot != rightRoot { parents[rightRoot] = leftRoot }
    }

    private func root(of name: String) -> String {
        var name = name
        while let parent = parents[name], parent != name { name = parent }
        return name
    }

    /// The groups in the order in which `names` first mentions them, each with its names in that order.
    func numbered(_ names: [String]) -> [[String]] {
        var groups: [[String]] = []
        var numbers: [String: Int] = [:]
        for name in names {
            let root = root(of: name)
            if let number = numbers[root] {
                groups[number].append(name)
            } else {
                numbers[root] = groups.count
                groups.append([name])
            }
        }
        return groups
    }
}
