internal import MoldauRecords
internal import MoldauWire

/// A consumer's membership in its group, as a pure state, whichever protocol the group speaks.
protocol Membership: Sendable {
    var group: String { get }
    /// What says, with a commit, who commits. The member's id is empty while it is out.
    var metadata: ConsumerGroupMetadata { get }
    /// What the member reads.
    var owned: Set<TopicPartition> { get }
    /// Whether the group has given the member's partitions to others already.
    var isLost: Bool { get }
    /// Whether there is something to do before the member reads on.
    var needsJoin: Bool { get }

    /// Reads other topics.
    mutating func subscribe(_ subscription: Subscription)
    /// Learns what is known of the cluster.
    mutating func notice(_ map: ClusterMap)
    /// The member reads these now.
    mutating func own(_ partitions: Set<TopicPartition>)
    /// What the answer to a commit, or to a heartbeat, of this generation says.
    /// - Returns: an error that ends the membership for good.
    mutating func heard(_ code: ErrorCode, generation: Int32) -> ClientError?
    /// The member is out: what it has read since its last commit cannot be committed.
    mutating func leave()
    /// It has been told that its partitions are lost.
    mutating func mourn()
}

extension Membership {
    /// Leaves if a code says that the member is out.
    /// - Parameter codes: those that say so, beside that of a name that another member has taken over.
    /// - Returns: an error that ends the membership for good.
    mutating func leave(on code: ErrorCode, _ codes: Set<ErrorCode>, generation: Int32) -> ClientError? {
        guard generation == metadata.generation, code == .fencedInstanceID || codes.contains(code) else { return nil }
        leave()
        return code == .fencedInstanceID ? .fenced(id: metadata.instanceID ?? "") : nil
    }
}

/// What a member of a group wants to read.
enum Subscription: Sendable {
    case topics(Set<String>)
    /// All topics whose names match, also those that come later.
    case pattern(TopicExpression)
}

/// The topics of a subscription, as far as they are known.
struct SubscribedTopics: Sendable {
    private(set) var names: Set<String> = []
    /// Set if the topics are those that match it, and the last answer about the cluster whose topics were matched.
    private var pattern: TopicExpression?
    private var matchedRevision: Int?

    init(_ subscription: Subscription) {
        switch subscription {
        case .topics(let names): self.names = names
        case .pattern(let expression): pattern = expression
        }
    }

    /// False until the cluster has told which topics there are that may match.
    var areKnown: Bool { pattern == nil || matchedRevision != nil }

    /// A topic that the pattern matches may have come or gone.
    /// - Returns: whether they are other topics now.
    mutating func match(_ map: ClusterMap) -> Bool {
        guard let pattern, map.knowsAll, map.revision != matchedRevision else { return false }
        matchedRevision = map.revision
        let matched = map.names(matching: pattern)
        defer { names = matched }
        return matched != names
    }
}
