// A group of the consumer protocol (KIP-848), as a state machine without I/O, time or locks. There is one request, the
// heartbeat, which never waits:
//
//     a member joins, leaves or changes its subscription, or a topic changes
//         ──▶ the group's epoch rises, and gets a target assignment for each member
//     each member's next heartbeats bring it there
//         ──▶ it releases what it must (unrevoked), then is in the new epoch, and gets what is free; what others still
//             have it gets after they have released it (unreleased)
//
// So no partition has two owners, and only the partitions that move are interrupted.

internal import MoldauRecords

/// The members of one group, and the target assignment.
struct ConsumerGroup: Equatable, Sendable {
    let name: String
    /// Rises with every change of members, subscriptions and topics.
    var epoch: Int32 = 0
    var members: [String: ConsumerMember] = [:]
    /// The topics that the members subscribe to, as they were when the epoch rose.
    var topics: [String: GroupTopic] = [:]
    /// The epoch of the target.
    var targetEpoch: Int32 = 0
    var target: [String: Set<GroupPartition>] = [:]
    /// No deadline of a member is before this.
    var alarm: Duration?
    /// The owner of each partition: the member that it is assigned to, or that still has to release it.
    private var owners: [GroupPartition: String] = [:]

    init(name: String) { self.name = name }

    var isNothing: Bool { epoch == 0 && members.isEmpty }

    func member(ofInstance instance: String) -> ConsumerMember? {
        members.values.first { $0.instanceID == instance }
    }

    /// The topics that the members subscribe to, or may: those that patterns matched when the epoch rose are all in
    /// `topics`.
    var subscribedTopics: Set<String> {
        let matched = members.values.contains { $0.pattern != nil } ? Set(topics.keys) : []
        return members.values.reduce(into: matched) { $0.formUnion($1.topics) }
    }

    /// The existing topics that the members subscribe to.
    func wanted(_ known: GroupTopics) -> Set<String> {
        members.values.reduce(into: []) { $0.formUnion(known.wanted(by: $1)) }
    }

    /// The patterns of the members.
    var patterns: Set<String> { Set(members.values.compactMap(\.pattern)) }

    /// The assignor that most members request.
    var assignor: ServerAssignor {
        let votes = members.values.compactMap { $0.assignor.flatMap(ServerAssignor.init) }
        let counts = Dictionary(votes.map { ($0, 1) }, uniquingKeysWith: +)
        return ServerAssignor.allCases.reduce(.uniform) { best, next in
            counts[next, default: 0] > counts[best, default: 0] ? next : best
        }
    }

    /// Changes a member; nil removes it.
    mutating func set(_ member: ConsumerMember?, _ id: String) {
        if let old = members[id] {
            for partition in old.assigned.union(old.revoked) where owners[partition] == id { owners[partition] = nil }
        }
        members[id] = member
        guard let member else { return }
        for partition in member.assigned.union(member.revoked) { owners[partition] = id }
        for deadline in [member.deadline, member.revocationDeadline].compactMap(\.self) {
            alarm = min(alarm ?? deadline, deadline)
        }
    }

    // MARK: Target

    /// Begins a new epoch, with a target for it.
    mutating func beginEpoch(_ known: GroupTopics, _ output: inout GroupOutput) {
        epoch = epoch == .max ? 1 : epoch + 1
        topics = known.named(wanted(known))
        output.records.append(.consumer(name, .epoch(epoch)))
        output.records.append(.consumer(name, .topics(topics.values.sorted(on: \.name))))
        let current = members.mapValues { member in (target[member.id] ?? []).union(member.assigned) }
        let next = assignor.assign(members.mapValues(known.wanted), topics, current: distinct(current))
        for id in Set(target.keys).union(next.keys).sorted() where target[id] != next[id] {
            output.records.append(.consumer(name, .target(member: id, next[id])))
        }
        (target, targetEpoch) = (next, epoch)
        output.records.append(.consumer(name, .targetEpoch(epoch)))
    }

    /// Partitions that members have take precedence over those that were planned for others.
    private func distinct(_ current: [String: Set<GroupPartition>]) -> [String: Set<GroupPartition>] {
        var taken: Set<GroupPartition> = []
        var distinct: [String: Set<GroupPartition>] = [:]
        for member in members.values.sorted(on: \.id) {
            distinct[member.id] = member.assigned
            taken.formUnion(member.assigned)
        }
        for id in current.keys.sorted() {
            let free = (target[id] ?? []).subtracting(taken)
            distinct[id, default: []].formUnion(free)
            taken.formUnion(free)
        }
        return distinct
    }

    // MARK: Reconciliation

    /// Moves a member as far towards its target as the other members' partitions allow.
    /// - Parameter owned: the partitions that the client reports; nil: unchanged.
    func reconciled(_ member: ConsumerMember, owned: Set<GroupPartition>?) -> ConsumerMember {
        switch member.state {
        case .stable where member.epoch == targetEpoch: return member
        case .unrevoked where member.owns(member.revoked, owned): return member
        default: break
        }
        var next = member
        let wanted = target[member.id] ?? []
        let kept = member.assigned.intersection(wanted)
        let lost = member.assigned.subtracting(kept)
        let missing = wanted.subtracting(kept)
        if !lost.isEmpty, member.owns(lost, owned) {
            (next.assigned, next.revoked, next.state) = (kept, lost, .unrevoked)
            return next
        }
        let free = missing.filter { owners[$0] == nil || owners[$0] == member.id }
        (next.assigned, next.revoked) = (kept.union(free), [])
        next.state = free.count == missing.count ? .stable : .unreleased
        if next.epoch != targetEpoch { (next.previousEpoch, next.epoch) = (member.epoch, targetEpoch) }
        return next
    }

    // MARK: Descriptions

    var state: String {
        if members.isEmpty { return "Empty" }
        let isSettled = members.values.allSatisfy { $0.state == .stable && $0.epoch == targetEpoch }
        return isSettled ? "Stable" : "Reconciling"
    }

    var listing: GroupAnswer.Listing {
        GroupAnswer.Listing(
            group: name, protocolType: ConsumerSubscription.protocolType, state: state, type: "consumer")
    }

    var description: GroupAnswer.ConsumerDescription {
        GroupAnswer.ConsumerDescription(
            group: name, state: state, epoch: epoch, assignmentEpoch: targetEpoch, assignor: assignor.rawValue,
            members: members.values.sorted(on: \.id).map { member in
                GroupAnswer.ConsumerDescription.Member(
                    memberID: member.id, instanceID: member.instanceID, rackID: member.rackID, epoch: member.epoch,
                    client: member.client, topics: member.topics.sorted(), topicPattern: member.pattern,
                    assigned: member.assigned.sorted(), target: (target[member.id] ?? []).sorted())
            })
    }
}
