// A group of the classic protocol, as a state machine without I/O, time or locks:
//
//                     ┌───────────── all members joined again, or time is up ──────────────┐
//                     │                                                                    ▼
//     empty ──▶ preparingRebalance ◀── join, leave, time-out of a member ──── completingRebalance
//       ▲             ▲   │ nobody left                                                    │ the leader's assignment
//       └─────────────┼───┘                                                                ▼
//                     └────────── join, leave, time-out of a member ──────────────────── stable
//
// Each time a rebalance's members are complete, a new generation begins. A group that is dead does not exist. Who
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
        /// How long it may be extended then.
        var rest: Duration
        var hasNewMember = false
    }

    let name: String
    var state = State.empty
    /// When the group came into this state.
    var stateTime = Timestamp.none
    var generation: Int32 = 0
    /// nil until there was a member.
    var protocolType: String?
    /// The one that was chosen for this generation.
    var protocolName: String?
    var leader: String?
    var members: [String: ClassicMember] = [:]
    /// The member ids, by instance id.
    var staticMembers: [String: String] = [:]
    /// Who was given a member id and has not come back with it yet, and until when it may.
    var pending: [String: Duration] = [:]
    /// Who knows of this generation and has not asked for its assignment yet.
    var pendingSync: Set<String> = []
    var initialDelay: InitialDelay?
    /// Until when members may join a rebalance, and ask for their assignment after it.
    var joinDeadline: Duration?
    var syncDeadline: Duration?
    /// No deadline of a member, or of who is to become one, is before this. Heartbeats move deadlines back without
    /// looking at the other members'.
    var memberAlarm: Duration?
    /// What was written last.
    private(set) var stored: ClassicGroupRecord?
    private var seats = 0

    init(name: String) { self.name = name }

    /// By when they came.
    var seated: [ClassicMember] { members.values.sorted(on: \.seat) }

    /// Whether it is as one that does not exist.
    var isNothing: Bool { state == .empty && generation == 0 && pending.isEmpty }

    mutating func enter(_ state: State, _ now: GroupMoment) {
        self.state = state
        stateTime = now.time
    }

    mutating func nextSeat() -> Int {
        seats += 1
        return seats
    }

    /// Writes the group down as it is now.
    mutating func store(_ output: inout GroupOutput) {
        let record = record
        stored = record
        output.records.append(.classicGroup(name, record))
    }

    /// Takes the group as a record tells it.
    mutating func replay(_ record: ClassicGroupRecord) {
        self = ClassicGroup(name: name, record)
        stored = record
    }

    // MARK: Checks

    /// - Throws: if it is no member, or another one has taken its instance id.
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

    /// Whether a member with these protocols could be in the group.
    func supports(_ type: String, _ protocols: [GroupProtocol]) -> Bool {
        guard !type.isEmpty, !protocols.isEmpty else { return false }
        if members.isEmpty { return true }
        return type == protocolType && protocols.contains { offered in isCommon(offered.name) }
    }

    private func isCommon(_ name: String) -> Bool {
        members.values.allSatisfy { member in member.protocols.contains { $0.name == name } }
    }

    /// The protocol that most members like best among those common to all. Of two with as many votes, the one that the
    /// leader likes better.
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

    /// The topics that the members want, if they speak the consumers' protocol; nil if that is unknown.
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
