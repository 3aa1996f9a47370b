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

/// A topic that members may want.
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
        /// It still has partitions that it is to give up.
        case unrevoked = 1
        /// It waits for partitions that others are to give up.
        case unreleased = 2
    }

    /// The epoch of a static member that has left for a while.
    static let awayEpoch: Int32 = -2

    var id: String
    var instanceID: String?
    var rackID: String?
    var client = GroupClient(id: "", host: "")
    var rebalanceTimeoutMs: Int32 = -1
    var topics: Set<String> = []
    /// A pattern of more topics that it wants; see `TopicExpression`.
    var pattern: String?
    /// The topics that its pattern matched when it was last heard of, of those that it may know; nil: it may know all
    /// topics. What comes later it gets with its next heartbeat, so that nobody gives it what it may not have.
    var matched: Set<String>?
    var assignor: String?

    var epoch: Int32 = 0
    var previousEpoch: Int32 = 0
    var state = State.stable
    /// What it may work on.
    var assigned: Set<GroupPartition> = []
    /// What it is to give up; nobody else gets that before.
    var revoked: Set<GroupPartition> = []

    /// When it is removed unless it is heard of.
    var deadline: Duration?
    /// When it is removed unless it gives up what it is to.
    var revocationDeadline: Duration?

    init(id: String) { self.id = id }

    /// Whether the client may believe to be in this epoch. It is in the one before if the answer with the next was
    /// lost, and then owns no more than it was given.
    func accepts(epoch: Int32, owned: Set<GroupPartition>?) -> Bool {
        epoch == self.epoch || (epoch == previousEpoch && (owned?.isSubset(of: assigned) ?? false))
    }

    /// Whether it still has any of these, as far as is known.
    func owns(_ partitions: Set<GroupPartition>, _ owned: Set<GroupPartition>?) -> Bool {
        owned.map { !$0.isDisjoint(with: partitions) } ?? true
    }
}
