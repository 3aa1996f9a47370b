import MoldauRecords

/// A node of a topology: its role, its parents, and how a task makes its instance.
@usableFromInline package struct TopologyNode: Sendable {
    /// Returns the node's `Inlet`, wired to the nodes downstream. Runs once per task.
    @usableFromInline package typealias Make = @Sendable (NodeContext) throws -> Any
    /// Makes the head of one input partition. Runs once per task.
    @usableFromInline package typealias MakeHead = @Sendable (NodeContext) throws -> any SourceHead

    /// What a node does.
    @usableFromInline package enum Role: Sendable {
        case source(Source)
        case processor(make: Make)
        /// - Parameter topic: nil when each record chooses its topic.
        case sink(topic: String?, make: Make)
    }

    /// What a source reads.
    @usableFromInline package struct Source: Sendable {
        /// For a pattern: the matching topics, as far as they are known.
        @usableFromInline package internal(set) var topics: [String]
        /// A regular expression that must match a topic's whole name; nil for a source that names its topics.
        @usableFromInline package let pattern: String?
        /// Where to start in a partition without a committed offset.
        @usableFromInline package let start: StartPosition
        /// Whether the topics' records are rows, of which the newest per key is valid.
        @usableFromInline package let isTable: Bool
        /// Makes the heads of its partitions.
        @usableFromInline package let makeHead: MakeHead

        /// A source of these topics.
        @usableFromInline package init(
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

    @usableFromInline package let name: String
    @usableFromInline package internal(set) var role: Role
    /// The names of the nodes upstream.
    @usableFromInline package let parents: [String]
    @usableFromInline package internal(set) var stores: [String] = []

    /// What the node does.
    package let operation: OperatorDescription

    /// A node, with its place in the topology.
    @usableFromInline package init(_ name: String, _ role: Role, parents: [String] = []) {
        self.init(name, role, .custom, parents: parents)
    }

    package init(_ name: String, _ role: Role, _ operation: OperatorDescription, parents: [String] = []) {
        self.name = name
        self.role = role
        self.operation = operation
        self.parents = parents
    }

    /// The node as a source; nil if it is not one.
    @usableFromInline package var source: Source? {
        if case .source(let source) = role { source } else { nil }
    }
}

/// Where reading starts in a partition for which the application has committed no offset yet, or whose committed offset
/// no longer exists.
public enum StartPosition: Sendable, Hashable {
    /// The first record that the partition still holds.
    case earliest
    /// The end: only records that are appended from now on are read.
    case latest
    /// The first record that is at most this old.
    case age(Duration)
    /// The task stops with an error.
    case fail
}
