import MoldauRecords

/// A node of a topology: what it is, whom it follows, and how a task makes its instance.
public struct TopologyNode: Sendable {
    /// Answers with the node's `Inlet`, wired to those downstream. Runs once per task.
    public typealias Make = @Sendable (NodeContext) throws -> Any
    /// Makes the head of one input partition. Runs once per task.
    public typealias MakeHead = @Sendable (NodeContext) throws -> any SourceHead

    public enum Role: Sendable {
        case source(Source)
        case processor(make: Make)
        /// - Parameter topic: nil when each record chooses its topic.
        case sink(topic: String?, make: Make)
    }

    /// What a source reads.
    public struct Source: Sendable {
        /// Where there is a pattern: those that it matches, as far as they are known.
        public internal(set) var topics: [String]
        /// A regular expression that the names of topics match as a whole; nil for a source that names its topics.
        public let pattern: String?
        /// Where to begin in a partition for which nothing was committed.
        public let start: StartPosition
        /// Whether the topics' records are rows, of which the newest of each key holds.
        public let isTable: Bool
        public let makeHead: MakeHead

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
    public let parents: [String]
    public internal(set) var stores: [String] = []

    public init(_ name: String, _ role: Role, parents: [String] = []) {
        self.name = name
        self.role = role
        self.parents = parents
    }

    public var source: Source? {
        if case .source(let source) = role { source } else { nil }
    }
}

/// Where reading begins in a partition for which the application has committed nothing yet, or what it committed is gone.
public enum StartPosition: Sendable, Hashable {
    case earliest
    case latest
    /// The first record that is at most that old.
    case age(Duration)
    /// The task stops with an error.
    case fail
}
