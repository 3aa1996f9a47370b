package import MoldauRecords

/// A client's request to the group coordinator. Each is a request of Kafka's protocol, whatever its version: fields
/// that older versions lack are nil, empty or the value that their comments name.
package enum GroupRequest: Equatable, Sendable {
    case join(Join)
    case sync(Sync)
    case heartbeat(Heartbeat)
    case leave(Leave)
    case describe(group: String)
    case list(List)
    case delete(group: String)
    case commit(Commit)
    case fetch(Fetch)
    case deleteOffsets(group: String, partitions: [TopicPartition])
    case consumerHeartbeat(ConsumerHeartbeat)
    case consumerDescribe(group: String)

    /// The group that the request is about; nil if it is about all.
    package var group: String? {
        switch self {
        case .join(let join): join.group
        case .sync(let sync): sync.member.group
        case .heartbeat(let heartbeat): heartbeat.member.group
        case .leave(let leave): leave.group
        case .describe(let group), .delete(let group), .deleteOffsets(let group, _), .consumerDescribe(let group): group
        case .consumerHeartbeat(let heartbeat): heartbeat.group
        case .list: nil
        case .commit(let commit): commit.member.group
        case .fetch(let fetch): fetch.member.group
        }
    }

    /// JoinGroup.
    package struct Join: Equatable, Sendable {
        package var group: String
        package var sessionTimeoutMs: Int32
        /// Before version 1: the session timeout.
        package var rebalanceTimeoutMs: Int32
        /// Empty for a new member.
        package var memberID: String
        package var instanceID: String?
        package var protocolType: String
        /// In order of the member's preference.
        package var protocols: [GroupProtocol]
        package var client: GroupClient
        /// From version 4 on: a new member without an instance id is issued an id, and joins again with it.
        package var requiresMemberID = true
        /// From version 9 on: the answer can let the leader keep the assignment.
        package var canSkipAssignment = true

        package init(
            group: String, sessionTimeoutMs: Int32, rebalanceTimeoutMs: Int32, memberID: String,
            instanceID: String? = nil, protocolType: String, protocols: [GroupProtocol], client: GroupClient,
            requiresMemberID: Bool = true, canSkipAssignment: Bool = true
        ) {
            self.group = group
            self.sessionTimeoutMs = sessionTimeoutMs
            self.rebalanceTimeoutMs = rebalanceTimeoutMs
            self.memberID = memberID
            self.instanceID = instanceID
            self.protocolType = protocolType
            self.protocols = protocols
            self.client = client
            self.requiresMemberID = requiresMemberID
            self.canSkipAssignment = canSkipAssignment
        }
    }

    /// SyncGroup.
    package struct Sync: Equatable, Sendable {
        package var member: MemberGeneration
        /// From version 5 on.
        package var protocolType: String?
        package var protocolName: String?
        /// From the leader: each member's assignment. Empty from others.
        package var assignments: [String: [UInt8]]

        package init(
            _ member: MemberGeneration, protocolType: String? = nil, protocolName: String? = nil,
            assignments: [String: [UInt8]] = [:]
        ) {
            self.member = member
            self.protocolType = protocolType
            self.protocolName = protocolName
            self.assignments = assignments
        }
    }

    /// Heartbeat.
    package struct Heartbeat: Equatable, Sendable {
        package var member: MemberGeneration

        package init(_ member: MemberGeneration) { self.member = member }
    }

    /// LeaveGroup; before version 3 with one member, whose error is then the answer's.
    package struct Leave: Equatable, Sendable {
        package var group: String
        package var members: [MemberName]

        package init(group: String, members: [MemberName]) {
            self.group = group
            self.members = members
        }
    }

    /// OffsetCommit, or TxnOffsetCommit. The server checks that the topics exist. The retention time of versions 2 to 4
    /// is ignored.
    package struct Commit: Equatable, Sendable {
        /// The generation is −1 and the id empty if the client is not a member.
        package var member: MemberGeneration
        package var offsets: [CommittedPosition]
        /// The transaction's producer; nil outside a transaction.
        package var producer: ProducerIdentity?

        package init(
            _ member: MemberGeneration, _ offsets: [CommittedPosition], producer: ProducerIdentity? = nil
        ) {
            self.member = member
            self.offsets = offsets
            self.producer = producer
        }
    }

    /// OffsetFetch, for one group.
    package struct Fetch: Equatable, Sendable {
        /// Its generation is the member epoch; −1 with an empty id in versions before 9, and if the client is not a
        /// member.
        package var member: MemberGeneration
        /// nil: all positions that the group has committed.
        package var partitions: [TopicPartition]?
        /// Refuse positions that an open transaction will change.
        package var requiresStable: Bool

        package init(_ member: MemberGeneration, _ partitions: [TopicPartition]?, requiresStable: Bool = false) {
            self.member = member
            self.partitions = partitions
            self.requiresStable = requiresStable
        }
    }

    /// ConsumerGroupHeartbeat.
    package struct ConsumerHeartbeat: Equatable, Sendable {
        package var group: String
        package var memberID: String
        /// 0 to join, −1 to leave, −2 to leave temporarily as a static member.
        package var epoch: Int32
        package var instanceID: String?
        package var rackID: String?
        /// −1: unchanged. nil means the same in the fields below.
        package var rebalanceTimeoutMs: Int32
        package var topics: [String]?
        /// A pattern of further topics, from version 1 on; empty for none.
        package var topicPattern: String?
        package var assignor: String?
        /// The partitions that the client owns.
        package var owned: Set<GroupPartition>?
        package var client: GroupClient
        /// From version 1 on: clients generate their own ids.
        package var requiresMemberID = true
        /// The client's permissions: its pattern matches only topics that it may describe.
        package var access: Access

        package init(
            group: String, memberID: String, epoch: Int32, instanceID: String? = nil, rackID: String? = nil,
            rebalanceTimeoutMs: Int32 = -1, topics: [String]? = nil, topicPattern: String? = nil,
            assignor: String? = nil, owned: Set<GroupPartition>? = nil, client: GroupClient,
            requiresMemberID: Bool = true, access: Access = .everything
        ) {
            self.group = group
            self.memberID = memberID
            self.epoch = epoch
            self.instanceID = instanceID
            self.rackID = rackID
            self.rebalanceTimeoutMs = rebalanceTimeoutMs
            self.topics = topics
            self.topicPattern = topicPattern
            self.assignor = assignor
            self.owned = owned
            self.client = client
            self.requiresMemberID = requiresMemberID
            self.access = access
        }
    }

    /// ListGroups.
    package struct List: Equatable, Sendable {
        /// Names of states; empty for all. Case does not matter.
        package var states: [String]
        /// `classic` or `consumer`; empty for all. Case does not matter.
        package var types: [String]

        package init(states: [String] = [], types: [String] = []) {
            self.states = states
            self.types = types
        }
    }
}

/// A position to commit.
package struct CommittedPosition: Equatable, Sendable {
    package var partition: TopicPartition
    /// The next record to read.
    package var offset: Offset
    /// −1 if unknown.
    package var leaderEpoch: Int32
    package var metadata: String

    package init(_ partition: TopicPartition, _ offset: Offset, leaderEpoch: Int32 = -1, metadata: String = "") {
        self.partition = partition
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
    }
}

/// An assignment strategy that a member supports, and its metadata for the leader if that one is chosen.
package struct GroupProtocol: Equatable, Sendable {
    package var name: String
    package var metadata: [UInt8]

    package init(_ name: String, _ metadata: [UInt8]) {
        self.name = name
        self.metadata = metadata
    }
}

/// The client, as shown in descriptions of the group.
package struct GroupClient: Equatable, Sendable {
    package var id: String
    /// Its address, such as `/127.0.0.1`.
    package var host: String

    package init(id: String, host: String) {
        self.id = id
        self.host = host
    }
}

/// How a request names the member to remove: by its id, its instance id (then the id may be empty) or both.
package struct MemberName: Equatable, Sendable {
    package var memberID: String
    package var instanceID: String?

    package init(memberID: String, instanceID: String? = nil) {
        self.memberID = memberID
        self.instanceID = instanceID
    }
}

/// A member, and the generation that the client believes to be current.
package struct MemberGeneration: Equatable, Sendable {
    package var group: String
    /// −1 if the client is not a member.
    package var generation: Int32
    package var memberID: String
    package var instanceID: String?

    package init(group: String, generation: Int32, memberID: String, instanceID: String? = nil) {
        self.group = group
        self.generation = generation
        self.memberID = memberID
        self.instanceID = instanceID
    }
}
