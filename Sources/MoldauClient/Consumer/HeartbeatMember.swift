// A member of a group by the consumer protocol (KIP-848). The coordinator assigns the partitions. All communication is
// by heartbeats: they report changes, and their responses carry the assignment.
//
//             epoch 0                         what it subscribes to and reads
//     out ─────────────────▶ member ──────────────────────────────────────────┐
//      ▲                       │  ◀── target: revokes what is not in it, then  ┘
//      │                       │      takes what is new
//      └───────────────────────┘
//        FENCED_MEMBER_EPOCH, UNKNOWN_MEMBER_ID: all is lost

internal import MoldauRecords
internal import MoldauWire

/// A membership by the consumer protocol: it says when a heartbeat is due, and takes the responses.
struct HeartbeatMember: Membership {
    /// What to do after a response.
    enum Step: Equatable {
        /// Nothing; the next heartbeat is sent when it is due.
        case wait
        /// Request the metadata of unknown topics.
        case refresh
        /// The membership has ended.
        case fail(ClientError)
    }

    /// What was reported to the coordinator. Only changes are reported again.
    private struct Report: Equatable {
        var topics: Set<String>
        var owned: [TopicID: [Int32]]
    }

    /// The epoch of a heartbeat that leaves the group, and of one by which a static member leaves but keeps its
    /// partitions.
    private static let (leavingEpoch, awayEpoch): (Int32, Int32) = (-1, -2)

    let group: String
    private let id: String
    private let options: ConsumerOptions
    private var subscribed: SubscribedTopics
    /// 0 while the member is not in the group.
    private(set) var epoch: Int32 = 0
    private(set) var owned: Set<TopicPartition> = []
    private(set) var isLost = false
    /// The partitions that the coordinator has assigned.
    private var target: [TopicID: [Int32]] = [:]
    private var names: [TopicID: String] = [:]
    private var ids: [String: TopicID] = [:]
    private var seenRevision: Int?
    /// The ids of the owned partitions' topics at the time of their assignment.
    private var ownedIDs: [String: TopicID] = [:]
    /// The assigned partitions of known topics.
    private(set) var wanted: Set<TopicPartition> = []
    private var report: Report
    /// nil if everything must be reported to the coordinator.
    private var told: Report?
    /// The pending heartbeat, and what it reports.
    private var asking: (number: Int, report: Report)?
    private var count = 0
    /// Whether the consumer is being read, and so should be a member.
    private var isWanted = false
    /// Whether the consumer is being closed: it never joins again.
    private var isClosing = false
    /// The time of the next heartbeat if there are no changes, and of the earliest possible one.
    private var beatAt: Duration = .zero
    private var retryAt: Duration = .zero
    private var backoff: Backoff

    /// - Parameter id: an id unique to this consumer.
    init(_ options: ConsumerOptions, group: String, id: String, _ subscription: Subscription, _ backoff: Backoff) {
        (self.options, self.group, self.id, self.backoff) = (options, group, id, backoff)
        subscribed = SubscribedTopics(subscription)
        report = Report(topics: subscribed.names, owned: [:])
    }

    var metadata: ConsumerGroupMetadata {
        ConsumerGroupMetadata(
            group: group, generation: epoch > 0 ? epoch : -1, memberID: epoch > 0 ? id : "",
            instanceID: options.instanceID)
    }

    // MARK: Assignment

    mutating func subscribe(_ subscription: Subscription) {
        subscribed = SubscribedTopics(subscription)
        settle()
    }

    mutating func notice(_ map: ClusterMap) {
        guard map.revision != seenRevision else { return }
        seenRevision = map.revision
        _ = subscribed.match(map)
        for (name, topic) in map.topics where topic.id != .zero { (names[topic.id], ids[name]) = (name, topic.id) }
        settle()
    }

    var needsJoin: Bool { !isClosing && (!isWanted || isLost || wanted != owned) }

    mutating func own(_ partitions: Set<TopicPartition>) {
        owned = partitions
        let topics = Set(partitions.map(\.topic))
        ownedIDs = ownedIDs.filter { topics.contains($0.key) }
        for topic in topics where ownedIDs[topic] == nil { ownedIDs[topic] = ids[topic] }
        settle()
    }

    /// Determines the consequences of a change.
    private mutating func settle() {
        wanted = []
        for (id, numbers) in target {
            // A recreated topic is assigned after the previous one was revoked.
            guard let name = names[id], ids[name] == id, ownedIDs[name] ?? id == id else { continue }
            wanted.formUnion(numbers.map { TopicPartition(name, $0) })
        }
        report = Report(topics: subscribed.names, owned: [:])
        for (topic, numbers) in owned.byTopic { if let id = ownedIDs[topic] { report.owned[id] = numbers } }
    }

    // MARK: Heartbeats

    /// Called when the consumer is read: from now on it is a member.
    mutating func want() { isWanted = !isClosing }

    /// Whether a heartbeat may be sent. A group rejects members without a subscription.
    private var mayAsk: Bool {
        isWanted && !isLost && asking == nil && (epoch > 0 || (subscribed.areKnown && !subscribed.names.isEmpty))
    }

    /// When `heartbeat` has something to send; nil if that does not depend on time alone.
    var dueTime: Duration? {
        guard mayAsk else { return nil }
        return told == report ? max(beatAt, retryAt) : retryAt
    }

    /// The heartbeat to send now, if one is due, and its number. The response goes to `answered` or `failed`.
    mutating func heartbeat(_ now: Duration) -> (number: Int, request: ConsumerGroupHeartbeatRequest)? {
        guard let due = dueTime, due <= now else { return nil }
        count += 1
        asking = (count, report)
        let request = ConsumerGroupHeartbeatRequest {
            $0.groupID = group
            $0.memberID = id
            $0.memberEpoch = epoch
            $0.instanceID = options.instanceID
            if told == nil {
                $0.rebalanceTimeoutMs = Int32(clamping: options.maxPollInterval.milliseconds)
                $0.serverAssignor = options.remoteAssignor
            }
            if told?.topics != report.topics { $0.subscribedTopicNames = report.topics.sorted() }
            if told?.owned != report.owned {
                $0.topicPartitions = report.owned.sorted(on: \.key).map { id, numbers in
                    .init { ($0.topicID, $0.partitions) = (id, numbers) }
                }
            }
        }
        return (count, request)
    }

    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func answered(
        _ number: Int, _ response: ConsumerGroupHeartbeatResponse, _ now: Duration, chance: Double
    ) -> Step {
        // The member may have left meanwhile.
        guard let (asked, report) = asking, asked == number else { return .wait }
        asking = nil
        switch response.errorCode {
        case .none: break
        case .unknownMemberID, .fencedMemberEpoch:
            leave()
            retryAt = now + backoff.pause(chance: chance)
            return .wait
        case .fencedInstanceID: return .fail(.fenced(id: options.instanceID ?? ""))
        default:
            let reason = response.errorMessage.map { ": \($0)" } ?? ""
            let error = ClientError.refused(
                response.errorCode, "a heartbeat of a member of the group '\(group)'\(reason)")
            // The id of a static member that has not left becomes free when its session expires.
            guard error.isRetriable || response.errorCode == .unreleasedInstanceID else { return .fail(error) }
            askAgain(now, chance: chance)
            return .wait
        }
        backoff.reset()
        (told, epoch) = (report, response.memberEpoch)
        (beatAt, retryAt) = (now + .milliseconds(Int(max(1, response.heartbeatIntervalMs))), now)
        if let assignment = response.assignment {
            target = [:]
            for topic in assignment.topicPartitions { target[topic.topicID, default: []] += topic.partitions }
            settle()
        }
        return target.keys.contains { names[$0] == nil } ? .refresh : .wait
    }

    /// A heartbeat got no response.
    mutating func failed(_ number: Int, _ error: ClientError, _ now: Duration, chance: Double) -> Step {
        guard let asking, asking.number == number else { return .wait }
        askAgain(now, chance: chance)
        if case .unsupportedAPI(_, let address) = error {
            return .fail(
                .invalidSetting(
                    "group.protocol", reason: "\(address) does not know the protocol 'consumer'; choose 'classic'"))
        }
        return error.isRetriable ? .wait : .fail(error)
    }

    /// The coordinator may have missed it, or moved: everything is reported again.
    private mutating func askAgain(_ now: Duration, chance: Double) {
        (asking, told) = (nil, nil)
        retryAt = now + backoff.pause(chance: chance)
    }

    mutating func heard(_ code: ErrorCode, generation: Int32) -> ClientError? {
        guard epoch > 0 else { return nil }
        return leave(on: code, [.unknownMemberID, .fencedMemberEpoch], generation: generation)
    }

    // MARK: Leaving

    mutating func leave() {
        (epoch, told, asking, target) = (0, nil, nil, [:])
        isLost = !owned.isEmpty
        settle()
    }

    mutating func mourn() {
        isLost = false
        own([])
    }

    /// Leaves the group until the consumer is read again.
    /// - Returns: the request; nil if it is not in the group.
    mutating func leaveRequest() -> ConsumerGroupHeartbeatRequest? { leaveRequest(Self.leavingEpoch) }

    /// Leaves the group for good, even if a task still reads: the partitions were revoked. A static member keeps its
    /// partitions for its return.
    /// - Returns: the request; nil if it is not in the group.
    mutating func closeRequest() -> ConsumerGroupHeartbeatRequest? {
        isClosing = true
        own([])
        return leaveRequest(options.instanceID == nil ? Self.leavingEpoch : Self.awayEpoch)
    }

    private mutating func leaveRequest(_ parting: Int32) -> ConsumerGroupHeartbeatRequest? {
        defer { leave() }
        isWanted = false
        // The coordinator may know a member whose first heartbeat has no response yet.
        guard epoch > 0 || asking != nil else { return nil }
        return ConsumerGroupHeartbeatRequest {
            $0.groupID = group
            $0.memberID = id
            $0.memberEpoch = parting
            $0.instanceID = options.instanceID
        }
    }
}
