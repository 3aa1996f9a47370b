import MoldauRecords
import MoldauState

/// The graph of a topology as plain data, to be drawn and encoded. Topics have the names that they have in the cluster.
package struct TopologyGraph: Sendable, Hashable, Codable {
    /// A part that no topic divides.
    package struct Part: Sendable, Hashable, Codable {
        package var number: Int
        /// Whether it is a global table, which no task processes.
        package var isGlobal: Bool
        package var nodes: [Node]
    }

    /// A node, as it is in the description of the topology.
    package struct Node: Sendable, Hashable, Codable {
        /// How a node is bound to topics.
        package enum Role: String, Sendable, Codable {
            case source, processor, sink
        }

        package var name: String
        package var role: Role
        /// What it does, in words.
        package var operation: String
        /// What a source reads, or a sink writes to; empty if each record chooses its topic.
        package var topics: [String]
        /// For a source of all topics whose names match.
        package var pattern: String?
        package var stores: [String]
        /// The nodes below it.
        package var successors: [String]
    }

    /// A store, and the nodes that use it.
    package struct Store: Sendable, Hashable, Codable {
        package var name: String
        /// What it stores per key: `table`, `keyValue`, `window`, `session`, `versioned`, `lru` or `joinBuffer`;
        /// `suppress` and `buffer` are internal to an operator.
        package var kind: String
        /// `Serde.format`; nil if the serde has none.
        package var keyFormat: String?
        package var valueFormat: String?
        /// The topic that it is restored from; nil if there is none.
        package var changelog: String?
        package var isGlobal: Bool
        /// Whether it can be queried.
        package var isQueryable: Bool
        /// The part that it belongs to.
        package var subtopology: Int
        /// The nodes that use it.
        package var users: [String]
        /// How long windows or versions are kept, in milliseconds; nil: for ever.
        package var retentionMs: Int64?
        /// How long each window is, in milliseconds; nil if that varies, or there are none.
        package var windowMs: Int64?
    }

    /// A topic that the application reads or writes.
    package struct Topic: Sendable, Hashable, Codable {
        /// What a topic is to the application.
        package enum Role: String, Sendable, Codable {
            case input, output, repartition, changelog, global
        }

        package var name: String
        package var role: Role
        /// nil before they are looked up.
        package var partitions: Int32?
    }

    package var application: String
    package var subtopologies: [Part]
    package var stores: [Store]
    package var topics: [Topic]
    /// The graph in Kafka Streams' format.
    package var text: String

    /// - Parameters:
    ///   - topicName: the name in the cluster of a topic that the topology reads or writes.
    ///   - changelogName: that of a store's changelog.
    ///   - partitions: by the topics' names in the cluster, as far as they are known.
    package init(
        _ topology: Topology, application: String, topicName: (String) -> String, changelogName: (String) -> String,
        partitions: [String: Int32]
    ) {
        self.application = application
        text = topology.describe().description
        subtopologies = topology.parts(topicName)
        func restoredFrom(_ store: StoreDefinition) -> String? {
            let source = topology.sourceChangelogs.first { $0.store == store.name }
            return source.map { topicName($0.topic) } ?? (store.isLogged ? changelogName(store.name) : nil)
        }
        stores = topology.subtopologies.flatMap { part in
            part.stores.map {
                Store($0, in: part.number, users: topology.users(ofStore: $0.name), changelog: restoredFrom($0))
            }
        }
        for (number, table) in topology.numberedGlobalTables {
            stores.append(
                Store(table.store, in: number, users: [table.processorName], changelog: table.topic, isGlobal: true))
        }
        topics = topology.topics(topicName).map { Topic(name: $0, role: $1, partitions: partitions[$0]) }
        let changelogs = topology.stores.filter(\.isLogged).map { changelogName($0.name) }
        topics += changelogs.map { Topic(name: $0, role: .changelog, partitions: partitions[$0]) }
    }
}

extension TopologyGraph.Store {
    fileprivate init(
        _ store: StoreDefinition, in part: Int, users: [String], changelog: String?, isGlobal: Bool = false
    ) {
        self.init(
            name: store.name, kind: store.kindName, keyFormat: store.form?.keyFormat,
            valueFormat: store.form?.valueFormat, changelog: changelog, isGlobal: isGlobal,
            isQueryable: store.typedName != nil, subtopology: part, users: users,
            retentionMs: store.form?.retentionMs, windowMs: store.form?.sizeMs)
    }
}

extension StoreDefinition {
    fileprivate var kindName: String {
        if maxEntries != nil { return "lru" }
        return switch form?.shape {
        case .timestampedKeyValue: "table"
        case .versioned: "versioned"
        case .window, .timestampedWindow, .headersWindow: "window"
        case .duplicatesWindow: "joinBuffer"
        case .session: "session"
        case .suppressedChanges: "suppress"
        case nil, .keyValue, .headersKeyValue: "keyValue"
        default: "buffer"
        }
    }
}

extension Topology {
    /// The global tables with the numbers of their parts.
    fileprivate var numberedGlobalTables: [(Int, GlobalTableNode)] {
        groups.enumerated().compactMap { number, names in
            globalTables.first { names.contains($0.sourceName) }.map { (number, $0) }
        }
    }

    fileprivate func parts(_ topicName: (String) -> String) -> [TopologyGraph.Part] {
        let tasks = subtopologies.map { part in
            TopologyGraph.Part(
                number: part.number, isGlobal: false, nodes: part.nodes.map { described($0, topicName) })
        }
        let tables = numberedGlobalTables.map { number, table in
            let source = TopologyGraph.Node(
                name: table.sourceName, role: .source, operation: "source of a global table", topics: [table.topic],
                stores: [], successors: [table.processorName])
            let processor = TopologyGraph.Node(
                name: table.processorName, role: .processor, operation: "global table", topics: [],
                stores: [table.store.name], successors: [])
            return TopologyGraph.Part(number: number, isGlobal: true, nodes: [source, processor])
        }
        return (tasks + tables).sorted(on: \.number)
    }

    private func described(_ node: TopologyNode, _ topicName: (String) -> String) -> TopologyGraph.Node {
        var described = TopologyGraph.Node(
            name: node.name, role: .processor, operation: "\(node.operation)", topics: [], stores: node.stores,
            successors: nodes.filter { $0.parents.contains(node.name) }.map(\.name))
        switch node.role {
        case .source(let source):
            (described.role, described.topics, described.pattern) = (
                .source, source.topics.map(topicName), source.pattern
            )
        case .processor: break
        case .sink(let topic, _): (described.role, described.topics) = (.sink, [topic].compactMap { $0.map(topicName) })
        }
        return described
    }

    /// The topics that the topology reads and writes, each once.
    fileprivate func topics(_ topicName: (String) -> String) -> [(String, TopologyGraph.Topic.Role)] {
        let repartitions = Set(repartitionTopics.map(\.name))
        var seen: Set<String> = []
        var topics: [(String, TopologyGraph.Topic.Role)] = []
        func add(_ names: [String], _ role: TopologyGraph.Topic.Role) {
            for name in names where seen.insert(name).inserted {
                topics.append((topicName(name), repartitions.contains(name) ? .repartition : role))
            }
        }
        add(subtopologies.flatMap(\.sourceTopics), .input)
        add(globalTables.map(\.topic), .global)
        add(subtopologies.flatMap(\.sinkTopics), .output)
        return topics
    }
}
