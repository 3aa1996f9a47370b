// A member of a group, by the classic protocol:
//
//               JoinGroup                 SyncGroup                   heartbeats
//     out ─────────────────▶ joined ─────────────────▶ stable ◀──────────────────┐
//      ▲  ◀── MEMBER_ID_REQUIRED │                        │ ───────────────────────┘
//      │     (again, with an id) │                        │ REBALANCE_IN_PROGRESS: join again
//      └─────────────────────────┴────────────────────────┘ UNKNOWN_MEMBER_ID, …: all is lost

internal import MoldauRecords
internal import MoldauWire

/// A membership by the classic protocol: it makes requests and takes their responses.
struct GroupMember: Membership {
    /// What to do after a response.
    enum Step: Equatable {
        /// Join again at once.
        case joinAgain
        /// Join again after a pause.
        case retry(ClientError)
        /// Send SyncGroup, with the assignment if this member is the leader: see `syncRequest`.
        case sync
        /// The member has this assignment.
        case assigned(Set<TopicPartition>)
        /// The membership has ended.
        case fail(ClientError)
    }

    let group: String
    private let options: ConsumerOptions
    private var subscribed: SubscribedTopics
    /// The subscription in the last join request.
    private var joinedTopics: Set<String> = []
    private(set) var memberID = ""
    private(set) var generation: Int32 = -1
    private(set) var owned: Set<TopicPartition> = []
    /// The partitions of the last assignment, for the assignor "sticky".
    private var last = StickyUserData()
    /// Whether it must join before it reads further, once its topics are known.
    private var isJoinDue = true
    private(set) var isLost = false
    private(set) var protocolName = ""
    /// The members' subscriptions, if this member is the leader.
    private(set) var followers: [GroupAssignment.Member] = []
    private(set) var isLeader = false
    /// The topics' partition counts when this member assigned them.
    private var counts: [String: Int32] = [:]

    init(_ options: ConsumerOptions, group: String, _ subscription: Subscription) {
        (self.options, self.group) = (options, group)
        subscribed = SubscribedTopics(subscription)
    }

    /// The subscribed topics.
    var topics: Set<String> { subscribed.names }

    mutating func subscribe(_ subscription: Subscription) {
        isJoinDue = true
        subscribed = SubscribedTopics(subscription)
    }

    var needsJoin: Bool { isJoinDue && subscribed.areKnown }

    var metadata: ConsumerGroupMetadata {
        ConsumerGroupMetadata(group: group, generation: generation, memberID: memberID, instanceID: options.instanceID)
    }

    /// Whether heartbeats are due.
    var isStable: Bool { generation >= 0 && !memberID.isEmpty && !isLost }

    // MARK: Joining

    mutating func joinRequest() -> JoinGroupRequest {
        joinedTopics = topics
        return JoinGroupRequest(
            metadata, sessionTimeout: options.sessionTimeout, rebalanceTimeout: options.maxPollInterval,
            protocols: options.assignors.map { ($0.rawValue, subscription(for: $0)) })
    }

    private func subscription(for assignor: ConsumerOptions.Assignor) -> WireBytes {
        let subscription = ConsumerSubscription {
            $0.topics = topics.sorted()
            // Before version 2 the user data contained the generation: old leaders read it there.
            switch assignor {
            case .cooperativeSticky:
                $0.userData = WireBytes(copying: withUnsafeBytes(of: generation.bigEndian) { Array($0) })
            case .sticky: $0.userData = last.bytes
            case .range, .roundRobin: break
            }
            $0.ownedPartitions = .init(owned)
            $0.generationID = generation
        }
        return subscription.bytes
    }

    mutating func joined(_ response: JoinGroupResponse) -> Step {
        switch response.errorCode {
        case .none: break
        case .memberIDRequired:
            memberID = response.memberID
            return .joinAgain
        case .unknownMemberID:
            leave()
            return .joinAgain
        case .fencedInstanceID: return .fail(.fenced(id: options.instanceID ?? ""))
        case .rebalanceInProgress, .illegalGeneration: return .joinAgain
        default:
            let error = ClientError.refused(response.errorCode, "to let a member join the group '\(group)'")
            return error.isRetriable ? .retry(error) : .fail(error)
        }
        memberID = response.memberID
        generation = response.generationID
        protocolName = response.protocolName ?? ""
        isLeader = response.leader == response.memberID && !response.skipAssignment
        isLost = false
        do throws(SerdeError) {
            followers =
                isLeader ? try response.members.map { member throws(SerdeError) in try follower(member) } : []
        } catch {
            return .fail(.notMember(group: group, reason: "a member's subscription cannot be read: \(error)"))
        }
        return .sync
    }

    private func follower(_ member: JoinGroupResponse.Member) throws(SerdeError) -> GroupAssignment.Member {
        let (subscription, _) = try ConsumerSubscription.decode(member.metadata)
        var told = StickyUserData(
            partitions: subscription.ownedPartitions.partitions, generation: subscription.generationID)
        if protocolName == ConsumerOptions.Assignor.sticky.rawValue {
            told = StickyUserData(reading: subscription.userData)
        }
        return GroupAssignment.Member(
            id: member.memberID, topics: Set(subscription.topics), owned: told.partitions, generation: told.generation)
    }

    /// The topics whose partition counts the leader needs.
    var topicsToSpread: Set<String> { followers.reduce(into: []) { $0.formUnion($1.topics) } }

    /// - Parameter counts: the partition counts of those topics; unknown topics are missing.
    mutating func syncRequest(counts: [String: Int32]) -> SyncGroupRequest {
        self.counts = Dictionary(uniqueKeysWithValues: topicsToSpread.map { ($0, counts[$0] ?? 0) })
        let assignor = options.assignors.first { $0.rawValue == protocolName } ?? .range
        let spread = GroupAssignment(followers, counts: counts).spread(by: assignor)
        return SyncGroupRequest(metadata, protocolName, spread.mapValues(Self.assignment))
    }

    private static func assignment(_ partitions: Set<TopicPartition>) -> WireBytes {
        ConsumerAssignment { $0.assignedPartitions = .init(partitions) }.bytes
    }

    mutating func synced(_ response: SyncGroupResponse) -> Step {
        switch response.errorCode {
        case .none: break
        case .rebalanceInProgress: return .joinAgain
        case .unknownMemberID, .illegalGeneration:
            // A member of an old generation remains known, and would be waited for under its old id.
            let known = response.errorCode == .illegalGeneration ? memberID : ""
            leave()
            memberID = known
            return .joinAgain
        case .fencedInstanceID: return .fail(.fenced(id: options.instanceID ?? ""))
        default:
            let error = ClientError.refused(response.errorCode, "to tell a member of '\(group)' what it reads")
            return error.isRetriable ? .retry(error) : .fail(error)
        }
        // The subscription may have changed meanwhile.
        isJoinDue = topics != joinedTopics
        do throws(SerdeError) {
            let partitions =
                response.assignment.count == 0
                ? [] : try ConsumerAssignment.decode(response.assignment).data.assignedPartitions.partitions
            last = StickyUserData(partitions: partitions, generation: generation)
            return .assigned(partitions)
        } catch {
            return .fail(.notMember(group: group, reason: "its assignment cannot be read: \(error)"))
        }
    }

    /// Joins again if a topic that matches the member's pattern was created or deleted, or if this member is the leader
    /// and a subscribed topic was created or has more partitions than it assigned.
    mutating func notice(_ map: ClusterMap) {
        if subscribed.match(map) { isJoinDue = true }
        guard isLeader, isStable, !isJoinDue else { return }
        isJoinDue = counts.contains { map.topics[$0.key].map { Int32($0.leaders.count) } ?? 0 > $0.value }
    }

    mutating func own(_ partitions: Set<TopicPartition>) { owned = partitions }

    /// Partitions to be moved were revoked: the next round assigns them.
    mutating func joinOnceMore() { isJoinDue = true }

    // MARK: Heartbeats and leaving

    func heartbeat() -> HeartbeatRequest { HeartbeatRequest(metadata) }

    mutating func heard(_ code: ErrorCode, generation: Int32) -> ClientError? {
        if code == .rebalanceInProgress, generation == self.generation { isJoinDue = true }
        return leave(on: code, [.unknownMemberID, .illegalGeneration], generation: generation)
    }

    mutating func leave() {
        (memberID, generation, isJoinDue) = ("", -1, true)
        isLost = !owned.isEmpty
    }

    mutating func mourn() { (isLost, owned) = (false, []) }

    func leaveRequest(because reason: String) -> LeaveGroupRequest { LeaveGroupRequest(metadata, because: reason) }
}

extension ConsumerProtocolData {
    var bytes: WireBytes {
        var writer = ByteWriter()
        // Only names over 32,767 bytes cannot be encoded, and no topic has such a name.
        try? encode(into: &writer, version: 3)
        return WireBytes(SharedBytes(taking: writer))
    }
}

extension [ConsumerSubscription.TopicPartitions] {
    init(_ partitions: Set<TopicPartition>) {
        self = partitions.byTopic.map { topic, numbers in
            .init {
                $0.topic = topic
                $0.partitions = numbers
            }
        }
    }

    fileprivate var partitions: Set<TopicPartition> {
        Set(flatMap { topic in topic.partitions.map { TopicPartition(topic.topic, $0) } })
    }
}
