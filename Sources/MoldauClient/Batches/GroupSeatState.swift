// A member of a group whose members assign the work themselves, by the classic protocol:
//
//           JoinGroup            SyncGroup               heartbeats
//     out ─────────────▶ joined ───────────▶ seated ◀──────────────────┐
//      ▲                                        │ ─────────────────────┘
//      │                                        │ REBALANCE_IN_PROGRESS, or it asks: joins again, and keeps what it has
//      └────────────────────────────────────────┘ UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION: all is lost

internal import MoldauRecords
internal import MoldauWire

/// A seat in a group, as a pure state: it makes requests and takes their responses.
struct GroupSeatState: Sendable {
    /// What to do after a response.
    enum Step: Equatable {
        /// Join again at once.
        case joinAgain
        /// Join again after a pause.
        case retry(ClientError)
        /// Send the group the assignment of each of these members, computed from their user data.
        case divide([String: [UInt8]])
        /// Ask the group for this member's assignment.
        case ask
        /// The member has this assignment.
        case seated([UInt8])
        /// The member's work may have been reassigned.
        case lost(String)
        /// The membership has ended.
        case fail(ClientError)
    }

    let options: GroupSeatOptions
    private(set) var memberID = ""
    private(set) var generation: Int32 = -1
    private(set) var needsJoin = false
    /// Whether a join is in progress.
    private(set) var isJoining = false
    /// Whether another rebalance was requested after the member sent its data for the current join.
    private var isAskedMeanwhile = false

    init(_ options: GroupSeatOptions) { self.options = options }

    /// Whether the member has an assignment.
    var isSeated: Bool { generation >= 0 && !memberID.isEmpty }

    var member: ConsumerGroupMetadata {
        ConsumerGroupMetadata(
            group: options.group, generation: generation, memberID: memberID, instanceID: options.instanceID)
    }

    /// Requests a rebalance.
    mutating func rejoin() { (needsJoin, isAskedMeanwhile) = (true, true) }

    // MARK: Joining

    /// Call before the member reports its data.
    mutating func startJoining() { (isJoining, isAskedMeanwhile) = (true, false) }

    mutating func endJoining() { isJoining = false }

    func joinRequest(topics: Set<String>, data: [UInt8]) -> JoinGroupRequest {
        let subscription = ConsumerSubscription {
            $0.topics = topics.sorted()
            $0.userData = WireBytes(copying: data)
            $0.generationID = generation
        }
        return JoinGroupRequest(
            member, sessionTimeout: options.sessionTimeout, rebalanceTimeout: options.rebalanceTimeout,
            protocols: [(GroupSeatOptions.protocolName, subscription.bytes)])
    }

    mutating func joined(_ response: JoinGroupResponse) -> Step {
        switch response.errorCode {
        case .none: break
        case .memberIDRequired:
            memberID = response.memberID
            return .joinAgain
        case .rebalanceInProgress: return .joinAgain
        default: return refused(response.errorCode, "to let a member join")
        }
        memberID = response.memberID
        generation = response.generationID
        guard response.leader == memberID, !response.skipAssignment else { return .ask }
        var told: [String: [UInt8]] = [:]
        for member in response.members {
            do throws(SerdeError) {
                let (subscription, _) = try ConsumerSubscription.decode(member.metadata)
                told[member.memberID] = Array(subscription.userData?.bytes ?? .init(start: nil, count: 0))
            } catch {
                return .fail(
                    .notMember(group: options.group, reason: "what the member '\(member.memberID)' sent cannot be read")
                )
            }
        }
        return .divide(told)
    }

    func syncRequest(_ shares: [String: (partitions: Set<TopicPartition>, data: [UInt8])] = [:]) -> SyncGroupRequest {
        let assignments = shares.mapValues { share in
            ConsumerAssignment {
                $0.assignedPartitions = .init(share.partitions)
                $0.userData = WireBytes(copying: share.data)
            }.bytes
        }
        return SyncGroupRequest(member, GroupSeatOptions.protocolName, assignments)
    }

    mutating func synced(_ response: SyncGroupResponse) -> Step {
        switch response.errorCode {
        case .none: break
        case .rebalanceInProgress: return .joinAgain
        default: return refused(response.errorCode, "to give a member its assignment")
        }
        needsJoin = isAskedMeanwhile
        do throws(SerdeError) {
            let data = try ConsumerAssignment.decode(response.assignment).data.userData
            return .seated(Array(data?.bytes ?? .init(start: nil, count: 0)))
        } catch {
            return .fail(.notMember(group: options.group, reason: "its assignment cannot be read"))
        }
    }

    private mutating func refused(_ code: ErrorCode, _ what: String) -> Step {
        switch code {
        case .unknownMemberID, .illegalGeneration:
            let wasSeated = isSeated
            generation = -1
            // A member of an old generation would be waited for under its old id.
            if code == .unknownMemberID { memberID = "" }
            guard wasSeated else { return .joinAgain }
            needsJoin = false
            return .lost(code.name)
        case .fencedInstanceID:
            (memberID, generation, needsJoin) = ("", -1, false)
            return .fail(.fenced(id: options.instanceID ?? ""))
        case .inconsistentGroupProtocol:
            return .fail(
                .refused(code, "\(what) of '\(options.group)', since its members divide their work in another way"))
        default:
            let error = ClientError.refused(code, "\(what) of the group '\(options.group)'")
            return error.isRetriable ? .retry(error) : .fail(error)
        }
    }

    // MARK: Heartbeats

    func heartbeat() -> HeartbeatRequest { HeartbeatRequest(member) }

    /// Takes the response of that generation's heartbeat or commit.
    /// - Returns: what to do if the membership is lost; otherwise nil. In a rebalance `needsJoin` is set.
    mutating func heard(_ code: ErrorCode, generation: Int32) -> Step? {
        // While it joins, only the response to the join counts.
        guard generation == self.generation, isSeated, !isJoining else { return nil }
        switch code {
        case .rebalanceInProgress:
            needsJoin = true
            return nil
        case .unknownMemberID, .illegalGeneration, .fencedInstanceID: return refused(code, "to keep a member")
        default: return nil
        }
    }

    func leaveRequest() -> LeaveGroupRequest {
        LeaveGroupRequest(member, because: "the application was stopped")
    }
}
