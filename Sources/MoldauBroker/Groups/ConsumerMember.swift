package import MoldauRecords

/// A partition as the consumer protocol names it: by its topic's id.
package struct GroupPartition: Hashable, Comparable, Sendable {
    package var topic: TopicID
    package var number: Int32

    package init(_ topic: TopicID, _ number: Int32) { (self.topic, self.number) = (topic, number) }

    package static func < (left: Self, right: Self) -> Bool {
        (left.topic, left.number) < (right.topic, right.number)
    }
}

/// A topic that members can subscribe to.
package struct GroupTopic: Equatable, Sendable {
    package var name: String
    package var id: TopicID
    package var partitionCount: Int32

    package init(name: String, id: TopicID, partitionCount: Int32) {
        (self.name, self.id, self.partitionCount) = (name, id, partitionCount)
    }
}

/// A member of a group of the consumer protocol (KIP-848).
struct ConsumerMember: Equatable, Sendable {
    enum State: Int8, Sendable {
        case stable = 0
        /// It still has partitions that it must release.
        case unrevoked = 1
        /// It waits for partitions that other members must release.
        case unreleased = 2
    }

    /// The epoch of a static member that has left temporarily.
    static let awayEpoch: Int32 = -2

    var id: String
    var instanceID: String?
    var rackID: String?
    var client = GroupClient(id: "", host: "")
    var rebalanceTimeoutMs: Int32 = -1
    var topics: Set<String> = []
    /// A pattern of further topics to subscribe to; see `TopicExpression`.
    var pattern: String?
    /// The topics that its pattern matched at its last heartbeat, of those that it may describe; nil: it may describe
    /// all topics. Newer topics are added with its next heartbeat, so that it never gets one that it may not describe.
    var matched: Set<String>?
    var assignor: String?

    var epoch: Int32 = 0
    var previousEpoch: Int32 = 0
    var state = State.stable
    /// The partitions that it may process.
    var assigned: Set<GroupPartition> = []
    /// The partitions that it must release; no other member gets them before.
    var revoked: Set<GroupPartition> = []

    /// When it is removed unless it sends a heartbeat.
    var deadline: Duration?
    /// When it is removed unless it releases the revoked partitions.
    var revocationDeadline: Duration?

    init(id: String) { self.id = id }

    /// Whether the client may be in this epoch. It is in the previous one if the answer with the current one was lost,
    /// and then owns no more than it was assigned.
    func accepts(epoch: Int32, owned: Set<GroupPartition>?) -> Bool {
        epoch == self.epoch || (epoch == previousEpoch && (owned?.isSubset(of: assigned) ?? false))
    }

    /// Whether it still owns any of these, as far as is known.
    func owns(_ partitions: Set<GroupPartition>, _ owned: Set<GroupPartition>?) -> Bool {
        owned.map { !$0.isDisjoint(with: partitions) } ?? true
    }
}
