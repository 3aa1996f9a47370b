import MoldauBroker
import MoldauRecords

/// A member of the classic protocol: JoinGroup, SyncGroup, Heartbeat and LeaveGroup. The leader assigns.
final class ClassicMembership: StrangeMembership {
    private enum Phase {
        case outside
        case joining(StrangeQuestion)
        case syncing(StrangeQuestion)
        case settled
        case beating(StrangeQuestion)
        case leaving(StrangeQuestion, MemberGeneration)
    }

    private unowned let member: StrangeMember
    private let world: StrangeGroup
    private var chance: Chance { world.chance }
    private var phase = Phase.outside
    private var memberID = ""
    private var generation: Int32 = -1
    /// Whether it knows its assignment in this generation: until then it commits nothing, like Kafka's clients.
    private var isAssigned = false
    /// Whether it released a partition that others may now have.
    private var hasRevoked = false

    private var isCooperative: Bool { world.kind == .cooperative }

    init(_ member: StrangeMember, _ world: StrangeGroup) { (self.member, self.world) = (member, world) }

    var identity: MemberGeneration? {
        isAssigned ? current : nil
    }

    var isNew: Bool { memberID.isEmpty }

    private var current: MemberGeneration {
        MemberGeneration(
            group: StrangeGroup.group, generation: generation, memberID: memberID, instanceID: member.instance)
    }

    func vanish() { (phase, memberID, generation, isAssigned, hasRevoked) = (.outside, "", -1, false, false) }

    func disconnect() {
        switch phase {
        case .outside, .settled: break
        case .joining, .syncing: phase = .outside
        case .beating: phase = .settled
        case .leaving: vanish()
        }
    }

    func takeTurn(_ broker: Broker<SimulatedDisk>) {
        switch phase {
        case .outside: join(broker)
        case .joining(let question): take(question) { hear($0, question, broker) }
        case .syncing(let question): take(question) { hear($0, question) }
        case .settled: resume(broker)
        case .beating(let question): take(question) { hear($0, question) }
        case .leaving(let question, let was):
            take(question) { answer in
                if case .leave(let leave) = answer, leave.error == .none,
                    leave.members.allSatisfy({ $0.error == .none })
                {
                    member.was(was, "but it has left")
                }
                vanish()
            }
        }
    }

    /// Handles the answer if it has arrived. From time to time the connection is cut before.
    private func take(_ question: StrangeQuestion, _ body: (GroupAnswer) -> Void) {
        guard let result = question.reply.result else {
            if chance.oneIn(25) { disconnect() }
            return
        }
        guard case .success(let answer) = result else { return disconnect() }
        body(answer)
    }

    private func ask(_ request: GroupRequest, _ broker: Broker<SimulatedDisk>) -> StrangeQuestion {
        let question = world.question(of: member)
        broker.ask(request, then: question.reply.give)
        return question
    }

    private func resume(_ broker: Broker<SimulatedDisk>) {
        switch chance.below(40) {
        case 0:
            let was = current
            member.owned = [:]
            world.trace.note("member leaves", member.name)
            phase = .leaving(
                ask(
                    .leave(
                        .init(
                            group: StrangeGroup.group,
                            members: [MemberName(memberID: memberID, instanceID: member.instance)])), broker), was)
        case 1: join(broker)
        default:
            if hasRevoked { return join(broker) }
            phase = .beating(ask(.heartbeat(.init(current)), broker))
        }
    }

    // MARK: Joining

    private func join(_ broker: Broker<SimulatedDisk>) {
        if !isCooperative { member.owned = [:] }
        hasRevoked = false
        // A new process: it replaces others that have its instance id.
        if memberID.isEmpty { member.isReplaced = false }
        // It reports its partitions to the leader.
        let metadata = isCooperative ? member.owned.keys.sorted().map(UInt8.init) : []
        world.trace.note("member joins", "\(member.name) \(memberID)", Int(generation))
        let request = GroupRequest.Join(
            group: StrangeGroup.group, sessionTimeoutMs: Int32(StrangeGroup.sessionMs),
            rebalanceTimeoutMs: Int32(StrangeGroup.rebalanceMs), memberID: memberID, instanceID: member.instance,
            protocolType: "strange", protocols: [GroupProtocol(isCooperative ? "cooperative" : "eager", metadata)],
            client: GroupClient(id: member.name, host: "/127.0.0.1"))
        let question = ask(.join(request), broker)
        if memberID.isEmpty { member.asked = question.place }
        phase = .joining(question)
    }

    private func hear(_ answer: GroupAnswer, _ question: StrangeQuestion, _ broker: Broker<SimulatedDisk>) {
        guard case .join(let join) = answer else { return world.complain("a join was answered with \(answer)") }
        phase = .outside
        switch join.error {
        case .none: begin(join, question, broker)
        case .memberIDRequired: memberID = join.memberID
        // A visitor that became a member keeps it out for some time.
        case .rebalanceInProgress, .coordinatorNotAvailable, .inconsistentGroupProtocol: break
        case .unknownMemberID, .fencedInstanceID: lose(join.error)
        default: world.complain("a join of \(member.name) was refused: \(join.error)")
        }
    }

    private func begin(
        _ join: GroupAnswer.Join, _ question: StrangeQuestion, _ broker: Broker<SimulatedDisk>
    ) {
        if question.wasReplaced { world.complain("\(member.name) joined though another has its instance id") }
        if let identity, identity.generation != join.generation || identity.memberID != join.memberID {
            member.was(identity, "and is of an older generation")
        }
        if generation != join.generation || memberID != join.memberID { isAssigned = false }
        (memberID, generation) = (join.memberID, join.generation)
        world.told(generation, question, isDurable: false)
        member.joined = (question.place, false)
        var assignments: [String: [UInt8]] = [:]
        if join.leader == memberID && !join.skipsAssignment {
            assignments = isCooperative ? spread(join.members) : divide(join.members)
        }
        phase = .syncing(ask(.sync(.init(current, assignments: assignments)), broker))
    }

    private func divide(_ members: [GroupAnswer.JoinedMember]) -> [String: [UInt8]] {
        var assignments = Dictionary(members.map { ($0.memberID, [UInt8]()) }) { $1 }
        for (place, number) in world.partitions.enumerated() where !members.isEmpty {
            assignments[members[place % members.count].memberID]?.append(UInt8(number))
        }
        return assignments
    }

    /// Moves partitions in two steps: a member with too many releases some, and in the next generation others get them.
    private func spread(_ members: [GroupAnswer.JoinedMember]) -> [String: [UInt8]] {
        let target = divide(members)
        var assignments = target.mapValues { _ in [UInt8]() }
        for number in world.partitions {
            let claimants = members.filter { $0.metadata.contains(UInt8(number)) }.map(\.memberID)
            guard let wanted = target.first(where: { $0.value.contains(UInt8(number)) })?.key else { continue }
            if claimants.allSatisfy({ $0 == wanted }) { assignments[wanted]?.append(UInt8(number)) }
        }
        return assignments
    }

    // MARK: Being a member

    private func hear(_ answer: GroupAnswer, _ question: StrangeQuestion) {
        let error: GroupError
        switch answer {
        case .sync(let sync):
            if sync.error == .none { return settle(Set(sync.assignment.map(Int32.init)), question) }
            error = sync.error
        case .heartbeat(let found):
            phase = .settled
            if found == .none { return beat(question) }
            error = found
        default: return world.complain("\(member.name) got the answer \(answer)")
        }
        phase = .outside
        switch error {
        case .rebalanceInProgress, .coordinatorNotAvailable: break
        case .unknownMemberID, .illegalGeneration, .fencedInstanceID: lose(error)
        default: world.complain("\(member.name) was refused: \(error)")
        }
    }

    private func settle(_ numbers: Set<Int32>, _ question: StrangeQuestion) {
        if question.wasReplaced { world.complain("\(member.name) got work though another has its instance id") }
        hasRevoked = isCooperative && !Set(member.owned.keys).isSubset(of: numbers)
        member.owned = [:]
        (phase, isAssigned) = (.settled, true)
        world.trace.note("member has", "\(member.name) \(numbers.sorted())", Int(generation))
        world.told(generation, question, isDurable: true)
        world.noteTwins(of: member)
        world.took(numbers, member, question, since: Int(generation))
    }

    private func beat(_ question: StrangeQuestion) {
        if question.wasReplaced { world.complain("\(member.name) beats though another has its instance id") }
        for number in member.owned.keys { member.owned[number]?.heard = question.time }
    }

    private func lose(_ error: GroupError) {
        world.trace.note("member is lost", "\(member.name) \(error)")
        if let identity { member.was(identity, "and is no member any more") }
        member.owned = [:]
        (generation, isAssigned, hasRevoked) = (-1, false, false)
        memberID = ""
        // Another process has replaced it: it ends, and is restarted later.
        if error == .fencedInstanceID { member.stall() }
        member.isReplaced = false
    }
}
