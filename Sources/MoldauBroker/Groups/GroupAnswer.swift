package import MoldauRecords

/// The coordinator's answer to a `GroupRequest`.
package enum GroupAnswer: Equatable, Sendable {
    case join(Join)
    case sync(Sync)
    case heartbeat(GroupError)
    case leave(Leave)
    case describe(Description)
    case list([Listing])
    case delete(GroupError)
    /// In the order of the request.
    case commit([Partition])
    case fetch(Fetch)
    case deleteOffsets(GroupError, [Partition])
    case consumerHeartbeat(ConsumerHeartbeat)
    case consumerDescribe(ConsumerDescription)

    /// The result of a request for one partition.
    package struct Partition: Equatable, Sendable {
        package var partition: TopicPartition
        package var error: GroupError

        package init(_ partition: TopicPartition, _ error: GroupError) {
            self.partition = partition
            self.error = error
        }
    }

    /// To OffsetFetch, for one group.
    package struct Fetch: Equatable, Sendable {
        package var error = GroupError.none
        /// In the order of the request; by partition, if the request was for all.
        package var positions: [Position] = []
    }

    /// A group's position in a partition.
    package struct Position: Equatable, Sendable {
        package var partition: TopicPartition
        /// nil if nothing is committed.
        package var offset: GroupOffset?
        package var error: GroupError

        package init(_ partition: TopicPartition, _ offset: GroupOffset?, _ error: GroupError) {
            self.partition = partition
            self.offset = offset
            self.error = error
        }
    }

    /// To JoinGroup.
    package struct Join: Equatable, Sendable {
        package var error = GroupError.none
        package var memberID: String
        /// −1 with an error.
        package var generation: Int32 = -1
        package var protocolType: String?
        package var protocolName: String?
        package var leader = ""
        /// The leader need not assign: the current assignment stays.
        package var skipsAssignment = false
        /// For the leader: all members.
        package var members: [JoinedMember] = []
    }

    /// A member as the leader sees it.
    package struct JoinedMember: Equatable, Sendable {
        package var memberID: String
        package var instanceID: String?
        package var metadata: [UInt8]
    }

    /// To SyncGroup.
    package struct Sync: Equatable, Sendable {
        package var error = GroupError.none
        package var protocolType: String?
        package var protocolName: String?
        package var assignment: [UInt8] = []
    }

    /// To LeaveGroup. Before version 3 the answer's error is the member's.
    package struct Leave: Equatable, Sendable {
        package var error = GroupError.none
        /// In the order of the request.
        package var members: [(name: MemberName, error: GroupError)] = []

        package static func == (left: Self, right: Self) -> Bool {
            left.error == right.error && left.members.elementsEqual(right.members, by: ==)
        }
    }

    /// To DescribeGroups, for one group. A group that does not exist is `Dead` with `groupIDNotFound`, which is sent
    /// from version 6 on; before, with no error.
    package struct Description: Equatable, Sendable {
        package var error = GroupError.none
        package var group: String
        package var state: String
        package var protocolType = ""
        /// Empty until the group is stable.
        package var protocolName = ""
        package var members: [Member] = []

        /// A member as shown in descriptions of the group.
        package struct Member: Equatable, Sendable {
            package var memberID: String
            package var instanceID: String?
            package var client: GroupClient
            package var metadata: [UInt8] = []
            package var assignment: [UInt8] = []
        }
    }

    /// To ConsumerGroupHeartbeat.
    package struct ConsumerHeartbeat: Equatable, Sendable {
        package var error = GroupError.none
        package var memberID: String
        package var epoch: Int32 = 0
        package var heartbeatIntervalMs: Int32 = 0
        /// The partitions that the client may process; nil: unchanged.
        package var assignment: [GroupPartition]?
    }

    /// To ConsumerGroupDescribe, for one group.
    package struct ConsumerDescription: Equatable, Sendable {
        package var error = GroupError.none
        package var group: String
        package var state: String
        package var epoch: Int32 = 0
        package var assignmentEpoch: Int32 = 0
        package var assignor = ""
        package var members: [Member] = []

        /// A member as shown in descriptions of the group.
        package struct Member: Equatable, Sendable {
            package var memberID: String
            package var instanceID: String?
            package var rackID: String?
            package var epoch: Int32
            package var client: GroupClient
            package var topics: [String]
            package var topicPattern: String?
            package var assigned: [GroupPartition]
            package var target: [GroupPartition]
        }
    }

    /// To ListGroups, for one group.
    package struct Listing: Equatable, Sendable {
        package var group: String
        package var protocolType: String
        package var state: String
        /// `classic` or `consumer`.
        package var type: String
    }
}
