// The requests of a member to its coordinator, by the classic protocol.

internal import MoldauRecords
internal import MoldauWire

extension JoinGroupRequest {
    /// - Parameter protocols: the assignors that the member supports, with its subscription data for each.
    init(
        _ member: ConsumerGroupMetadata, sessionTimeout: Duration, rebalanceTimeout: Duration,
        protocols: [(name: String, metadata: WireBytes)]
    ) {
        self.init {
            $0.groupID = member.group
            $0.sessionTimeoutMs = Int32(clamping: sessionTimeout.milliseconds)
            $0.rebalanceTimeoutMs = Int32(clamping: rebalanceTimeout.milliseconds)
            $0.memberID = member.memberID
            $0.groupInstanceID = member.instanceID
            $0.protocolType = "consumer"
            $0.protocols = protocols.map { name, metadata in
                .init { ($0.name, $0.metadata) = (name, metadata) }
            }
        }
    }
}

extension SyncGroupRequest {
    /// - Parameter assignments: the assignment of each member, by member id; empty unless this member is the leader.
    init(_ member: ConsumerGroupMetadata, _ protocolName: String, _ assignments: [String: WireBytes]) {
        self.init {
            $0.groupID = member.group
            $0.generationID = member.generation
            $0.memberID = member.memberID
            $0.groupInstanceID = member.instanceID
            $0.protocolType = "consumer"
            $0.protocolName = protocolName
            $0.assignments = assignments.sorted(on: \.key).map { id, assignment in
                .init { ($0.memberID, $0.assignment) = (id, assignment) }
            }
        }
    }
}

extension HeartbeatRequest {
    /// A heartbeat.
    init(_ member: ConsumerGroupMetadata) {
        self.init {
            $0.groupID = member.group
            $0.generationID = member.generation
            $0.memberID = member.memberID
            $0.groupInstanceID = member.instanceID
        }
    }
}

extension LeaveGroupRequest {
    /// Leaves the group.
    init(_ member: ConsumerGroupMetadata, because reason: String) {
        self.init {
            $0.groupID = member.group
            $0.memberID = member.memberID
            $0.members = [
                .init {
                    $0.memberID = member.memberID
                    $0.groupInstanceID = member.instanceID
                    $0.reason = reason
                }
            ]
        }
    }
}
