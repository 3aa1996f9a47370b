internal import MoldauRecords
internal import MoldauWire

/// A consumer's membership in its group, as a pure state, for either group protocol.
protocol Membership: Sendable {
    var group: String { get }
    /// Identifies the member in commits. The member id is empty while it is not in the group.
    var metadata: ConsumerGroupMetadata { get }
    /// The partitions that the member reads.
    var owned: Set<TopicPartition> { get }
    /// Whether the member's partitions were already reassigned.
    var isLost: Bool { get }
    /// Whether the group needs attention before the member reads further.
    var needsJoin: Bool { get }

    /// Replaces the subscription.
    mutating func subscribe(_ subscription: Subscription)
    /// Takes new metadata.
    mutating func notice(_ map: ClusterMap)
    /// Sets the partitions that the member reads now.
    mutating func own(_ partitions: Set<TopicPartition>)
    /// Takes the response of this generation's commit or heartbeat.
    /// - Returns: an error that ends the membership for good.
    mutating func heard(_ code: ErrorCode, generation: Int32) -> ClientError?
    /// Leaves the group: records read since the last commit can no longer be committed.
    mutating func leave()
    /// Called once the loss of its partitions was reported.
    mutating func mourn()
}

extension Membership {
    /// Leaves the group if a code says that the membership has ended.
    /// - Parameter codes: those that say so, besides the one for a fenced instance id.
    /// - Returns: an error that ends the membership for good.
    mutating func leave(on code: ErrorCode, _ codes: Set<ErrorCode>, generation: Int32) -> ClientError? {
        guard generation == metadata.generation, code == .fencedInstanceID || codes.contains(code) else { return nil }
        leave()
        return code == .fencedInstanceID ? .fenced(id: metadata.instanceID ?? "") : nil
    }
}

/// What a group member subscribes to.
enum Subscription: Sendable {
    case topics(Set<String>)
    /// All topics with matching names, also those created later.
    case pattern(TopicExpression)
}

/// The topics of a subscription, as far as they are known.
struct SubscribedTopics: Sendable {
    private(set) var names: Set<String> = []
    /// Set if the topics are those that match it; below, the metadata revision whose topics were matched.
    private var pattern: TopicExpression?
    private var matchedRevision: Int?

    init(_ subscription: Subscription) {
        switch subscription {
        case .topics(let names): self.names = names
        case .pattern(let expression): pattern = expression
        }
    }

    /// False until the cluster has returned its topics, of which some may match.
    var areKnown: Bool { pattern == nil || matchedRevision != nil }

    /// Matches the pattern with new metadata.
    /// - Returns: whether the topics have changed.
    mutating func match(_ map: ClusterMap) -> Bool {
        guard let pattern, map.knowsAll, map.revision != matchedRevision else { return false }
        matchedRevision = map.revision
        let matched = map.names(matching: pattern)
        defer { names = matched }
        return matched != names
    }
}
