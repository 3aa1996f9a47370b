import MoldauRecords

/// Why a topology cannot be built. Thrown while building; nothing has started yet.
public enum TopologyError: Error, Equatable, CustomStringConvertible {
    /// Two nodes, stores or repartition topics have the same name.
    case duplicateName(kind: String, name: String)
    /// Two sources read one topic in different ways.
    case topicReadTwice(topic: String, sources: [String])
    /// A source reads no topic.
    case noTopic(source: String)
    /// A node, store or internal topic cannot have that name.
    case invalidName(name: String, reason: String)
    /// A parent of a node is not in the topology.
    case unknownParent(node: String, parent: String)
    /// A node uses a store that is not in the topology.
    case unknownStore(node: String, store: String)
    /// A processor names a global table's store among its own stores, although every processor may read it anyway.
    case globalStoreNamed(node: String, store: String)
    /// A processor asked for a store that it was not connected to.
    case storeNotConnected(node: String, store: String)
    /// A store or stream has other types than requested.
    case wrongType(name: String, expected: String, found: String)
    /// Topics of a join have different fixed numbers of partitions.
    case differentPartitionCounts([String: Int32])
    /// Stores and internal topics have generated names, but the options require explicit ones.
    case unnamed([String])
    /// Two unnamed stores or internal topics come from the same operation on the same input: only their order
    /// distinguishes them.
    case indistinguishable(first: String, other: String)
    /// The topology reads nothing.
    case empty
    /// An operator's argument or an option has a value that is not valid.
    case invalidSetting(name: String, reason: String)

    public var description: String {
        switch self {
        case .duplicateName(let kind, let name): "there are two \(kind)s named '\(name)'; give one of them another name"
        case .topicReadTwice(let topic, let sources):
            "the topic '\(topic)' is read by \(sources.joined(separator: " and ")) in different ways; "
                + "declare it once and use the stream or table twice"
        case .noTopic(let source): "the source '\(source)' reads no topic; give it at least one"
        case .invalidName(let name, let reason): "'\(name)' is not a valid name: \(reason)"
        case .unknownParent(let node, let parent): "'\(node)' follows '\(parent)', which is not in the topology"
        case .unknownStore(let node, let store):
            "'\(node)' uses the store '\(store)', which is not in the topology; add it first"
        case .globalStoreNamed(let node, let store):
            "'\(node)' names the store '\(store)' of a global table; every processor may read it, so leave it out"
        case .storeNotConnected(let node, let store):
            "'\(node)' has no access to the store '\(store)'; name it in the processor's `stores`"
        case .wrongType(let name, let expected, let found): "'\(name)' holds \(found), not \(expected)"
        case .differentPartitionCounts(let counts):
            "joined topics need the same number of partitions, but have "
                + counts.sorted(on: \.key).map { "'\($0.key)' \($0.value)" }.joined(separator: ", ")
        case .unnamed(let names):
            "names were generated for \(names.map { "'\($0)'" }.joined(separator: ", ")); "
                + "name the operators, groupings and stores that they belong to"
        case .indistinguishable(let first, let other):
            "'\(first)' and '\(other)' come from the same operation on the same input and differ only in their order: "
                + "another one inserted before them would take over their data on disk; name the operators with as: "
                + "(stores), named: or stores: (topics and joins); the name '\(other)' keeps the existing data"
        case .empty: "the topology reads no topic; begin with stream(_:), table(_:) or globalTable(_:)"
        case .invalidSetting(let name, let reason): "\(name): \(reason)"
        }
    }
}
