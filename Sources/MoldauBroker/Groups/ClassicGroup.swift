// A group of the classic protocol, as a state machine without I/O, time or locks:
//
//                     ┌───────────── all members joined again, or time is up ──────────────┐
//                     │                                                                    ▼
//     empty ──▶ preparingRebalance ◀── join, leave, time-out of a member ──── completingRebalance
//       ▲             ▲   │ no members                                                     │ the leader's assignment
//       └─────────────┼───┘                                                                ▼
//                     └────────── join, leave, time-out of a member ──────────────────── stable
//
// Each time a rebalance's members are complete, a new generation begins. A dead group does not exist. A member that
// waits in a join or sync is answered by a later event.

internal import MoldauRecords

/// The members of one group, and what they agree on.
struct ClassicGroup: Equatable, Sendable {
    enum State: String, Sendable {
        case empty = "Empty"
        case preparingRebalance = "PreparingRebalance"
        case completingRebalance = "CompletingRebalance"
        case stable = "Stable"
    }

    /// What an empty group waits for before its first generation: more members, for a while after each.
    struct InitialDelay: Equatable, Sendable {
        var end: Duration
        /// How long the delay may still be extended after that.
        var rest: Duration
        var hasNewMember = false
    }

    let name: String
    var state = State.empty
    /// When the group entered this state.
    var stateTime = Timestamp.none
    var generation: Int32 = 0
    /// nil until the first member joins.
    var protocolType: String?
    /// The protocol that was chosen for this generation.
    var protocolName: String?
    var leader: String?
    var members: [String: ClassicMember] = [:]
    /// The member ids, by instance id.
    var staticMembers: [String: String] = [:]
    /// The member ids that were issued but have not joined yet, and their deadlines.
    var pending: [String: Duration] = [:]
    /// The members of this generation that have not requested their assignment yet.
    var pendingSync: Set<String> = []
    var initialDelay: InitialDelay?
    /// The deadline for members to join a rebalance, and below it the one to request their assignment after it.
    var joinDeadline: Duration?
    var syncDeadline: Duration?
    /// No deadline of a member, or of an id in `pending`, is before this. Heartbeats move deadlines back without
    /// checking the other members'.
    var memberAlarm: Duration?
    /// The record that was written last.
    private(set) var stored: ClassicGroupRecord?
    private var seats = 0

    init(name: String) { self.name = name }

    /// Members in order of joining.
    var seated: [ClassicMember] { members.values.sorted(on: \.seat) }

    /// Whether the group holds nothing and may be deleted.
    var isNothing: Bool { state == .empty && generation == 0 && pending.isEmpty }

    mutating func enter(_ state: State, _ now: GroupMoment) {
        self.state = state
        stateTime = now.time
    }

    mutating func nextSeat() -> Int {
        seats += 1
        return seats
    }

    /// Writes the current state as a record.
    mutating func store(_ output: inout GroupOutput) {
        let record = record
        stored = record
        output.records.append(.classicGroup(name, record))
    }

    /// Restores the group from a record.
    mutating func replay(_ record: ClassicGroupRecord) {
        self = ClassicGroup(name: name, record)
        stored = record
    }

    // MARK: Checks

    /// - Throws: if it is not a member, or another member has taken its instance id.
    func check(_ memberID: String, _ instanceID: String?) throws(GroupError) {
        if let instanceID {
            guard let current = staticMembers[instanceID] else { throw .unknownMemberID }
            guard current == memberID else { throw .fencedInstanceID }
        }
        guard members[memberID] != nil else { throw .unknownMemberID }
    }

    func check(_ member: MemberGeneration) throws(GroupError) {
        try check(member.memberID, member.instanceID)
        guard member.generation == generation else { throw .illegalGeneration }
    }

    /// Whether a member with these protocols can join the group.
    func supports(_ type: String, _ protocols: [GroupProtocol]) -> Bool {
        guard !type.isEmpty, !protocols.isEmpty else { return false }
        if members.isEmpty { return true }
        return type == protocolType && protocols.contains { offered in isCommon(offered.name) }
    }

    private func isCommon(_ name: String) -> Bool {
        members.values.allSatisfy { member in member.protocols.contains { $0.name == name } }
    }

    /// The protocol with the most votes among those that all members support. Each member votes for the one it prefers;
    /// on a tie, the leader's preference decides.
    func electedProtocol() -> String? {
        guard let leader = leader.flatMap({ members[$0] }) ?? seated.first else { return nil }
        let candidates = leader.protocols.map(\.name).filter(isCommon)
        let votes = members.values.compactMap { member in member.protocols.first { candidates.contains($0.name) }?.name
        }
        let counts = Dictionary(votes.map { ($0, 1) }, uniquingKeysWith: +)
        return candidates.reduce(nil as String?) { best, candidate in
            guard let best else { return candidate }
            return counts[candidate, default: 0] > counts[best, default: 0] ? candidate : best
        }
    }

    /// The topics that the members subscribe to, if they speak the consumers' protocol; nil if that is unknown.
    var subscribedTopics: Set<String>? {
        guard protocolType == ConsumerSubscription.protocolType else { return nil }
        var topics: Set<String> = []
        for member in members.values {
            for offered in member.protocols where protocolName == nil || offered.name == protocolName {
                guard let subscription = ConsumerSubscription(offered.metadata) else { return nil }
                topics.formUnion(subscription.topics)
            }
        }
        return topics
    }

    // MARK: Descriptions

    var description: GroupAnswer.Description {
        let isStable = state == .stable
        return GroupAnswer.Description(
            group: name, state: state.rawValue, protocolType: protocolType ?? "",
            protocolName: isStable ? protocolName ?? "" : "",
            members: seated.map { member in
                GroupAnswer.Description.Member(
                    memberID: member.id, instanceID: member.instanceID, client: member.client,
                    metadata: isStable ? member.metadata(protocolName) : [],
                    assignment: isStable ? member.assignment : [])
            })
    }

    var listing: GroupAnswer.Listing {
        GroupAnswer.Listing(group: name, protocolType: protocolType ?? "", state: state.rawValue, type: "classic")
    }
}
