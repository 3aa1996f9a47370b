import MoldauRecords

/// A node of a topology: its role, its parents, and how a task makes its instance.
public struct TopologyNode: Sendable {
    /// Returns the node's `Inlet`, wired to the nodes downstream. Runs once per task.
    public typealias Make = @Sendable (NodeContext) throws -> Any
    /// Makes the head of one input partition. Runs once per task.
    public typealias MakeHead = @Sendable (NodeContext) throws -> any SourceHead

    /// What a node does.
    public enum Role: Sendable {
        case source(Source)
        case processor(make: Make)
        /// - Parameter topic: nil when each record chooses its topic.
        case sink(topic: String?, make: Make)
    }

    /// What a source reads.
    public struct Source: Sendable {
        /// For a pattern: the matching topics, as far as they are known.
        public internal(set) var topics: [String]
        /// A regular expression that must match a topic's whole name; nil for a source that names its topics.
        public let pattern: String?
        /// Where to start in a partition without a committed offset.
        public let start: StartPosition
        /// Whether the topics' records are rows, of which the newest per key is valid.
        public let isTable: Bool
        /// Makes the heads of its partitions.
        public let makeHead: MakeHead

        /// A source of these topics.
        public init(
            topics: [String], pattern: String? = nil, start: StartPosition = .earliest, isTable: Bool = false,
            makeHead: @escaping MakeHead
        ) {
            self.topics = topics
            self.pattern = pattern
            self.start = start
            self.isTable = isTable
            self.makeHead = makeHead
        }
    }

    public let name: String
    public internal(set) var role: Role
    /// The names of the nodes upstream.
    public let parents: [String]
    public internal(set) var stores: [String] = []

    /// What the node does.
    package let operation: OperatorDescription

    /// A node, with its place in the topology.
    public init(_ name: String, _ role: Role, parents: [String] = []) {
        self.init(name, role, .custom, parents: parents)
    }

    package init(_ name: String, _ role: Role, _ operation: OperatorDescription, parents: [String] = []) {
        self.name = name
        self.role = role
        self.operation = operation
        self.parents = parents
    }

    /// The node as a source; nil if it is not one.
    public var source: Source? {
        if case .source(let source) = role { source } else { nil }
    }
}

/// Where reading starts in a partition for which the application has committed no offset yet, or whose committed offset
/// no longer exists.
public enum StartPosition: Sendable, Hashable {
    case earliest
    case latest
    /// The first record that is at most this old.
    case age(Duration)
    /// The task stops with an error.
    case fail
}
