import MoldauBroker
import MoldauRecords

/// A member of the consumer protocol (KIP-848): it sends heartbeats, and the coordinator assigns.
final class ConsumerMembership: StrangeMembership {
    private unowned let member: StrangeMember
    private let world: StrangeGroup
    private var chance: Chance { world.chance }
    private var memberID = ""
    private var epoch: Int32 = 0
    /// Its assignment, as far as it knows; it must release the partitions that it has beyond that.
    private var target: Set<Int32> = []
    private var question: StrangeQuestion?
    private var isLeaving = false
    /// Whether its next heartbeat states everything, because the outcome of the last one is unknown.
    private var tellsAll = true
    private var idCount = 0

    init(_ member: StrangeMember, _ world: StrangeGroup) { (self.member, self.world) = (member, world) }

    var identity: MemberGeneration? {
        epoch <= 0 || isLeaving
            ? nil : MemberGeneration(group: StrangeGroup.group, generation: epoch, memberID: memberID)
    }

    var isNew: Bool { epoch == 0 }

    func vanish() {
        (memberID, epoch, target, question) = ("", 0, [], nil)
        (isLeaving, tellsAll) = (false, true)
    }

    func disconnect() {
        if isLeaving { return vanish() }
        (question, tellsAll) = (nil, true)
    }

    func takeTurn(_ broker: Broker<SimulatedDisk>) {
        guard let question else { return beat(broker) }
        guard let result = question.reply.result else {
            if chance.oneIn(25) { disconnect() }
            return
        }
        self.question = nil
        guard case .success(.consumerHeartbeat(let answer)) = result else { return disconnect() }
        hear(answer, question)
    }

    private func beat(_ broker: Broker<SimulatedDisk>) {
        guard let topic = broker.topic("work")?.id else { return world.complain("the topic of the work is gone") }
        if memberID.isEmpty {
            idCount += 1
            memberID = "\(member.name)-\(idCount)"
        }
        if chance.oneIn(2) { giveUp() }
        if epoch == 0 { member.isReplaced = false }
        isLeaving = epoch > 0 && chance.oneIn(40)
        if isLeaving { member.owned = [:] }
        let away: Int32 = member.instance == nil || chance.oneIn(2) ? -1 : -2
        let owned = Set(member.owned.keys.map { GroupPartition(topic, $0) })
        let isFull = epoch == 0 || tellsAll
        tellsAll = false
        let asked = world.question(of: member)
        question = asked
        if epoch == 0 { member.asked = asked.place }
        world.trace.note("member beats", member.name, Int(isLeaving ? away : epoch), owned.count)
        broker.ask(
            .consumerHeartbeat(
                GroupRequest.ConsumerHeartbeat(
                    group: StrangeGroup.group, memberID: memberID, epoch: isLeaving ? away : epoch,
                    instanceID: member.instance, rebalanceTimeoutMs: isFull ? Int32(StrangeGroup.rebalanceMs) : -1,
                    topics: isFull ? ["work"] : nil, owned: epoch == 0 ? [] : owned,
                    client: GroupClient(id: member.name, host: "/127.0.0.1"))), then: asked.reply.give)
    }

    /// Releases the partitions that it must release.
    private func giveUp() {
        for number in member.owned.keys where !target.contains(number) { member.owned[number] = nil }
    }

    private func hear(_ answer: GroupAnswer.ConsumerHeartbeat, _ question: StrangeQuestion) {
        switch answer.error {
        case .none where isLeaving:
            if let former = former { member.was(former, "but it has left") }
            vanish()
        case .none: settle(answer, question)
        case .unknownMemberID, .fencedMemberEpoch, .fencedInstanceID, .groupIDNotFound: lose(answer.error)
        case .unreleasedInstanceID, .coordinatorNotAvailable: (epoch, tellsAll) = (0, true)
        default: world.complain("a heartbeat of \(member.name) was refused: \(answer.error)")
        }
    }

    private var former: MemberGeneration? {
        epoch <= 0 ? nil : MemberGeneration(group: StrangeGroup.group, generation: epoch, memberID: memberID)
    }

    private func settle(_ answer: GroupAnswer.ConsumerHeartbeat, _ question: StrangeQuestion) {
        if question.wasReplaced { world.complain("\(member.name) beats though another has its instance id") }
        if let former, former.generation < answer.epoch { member.was(former, "and is of an older epoch") }
        if answer.epoch < epoch { world.complain("\(member.name) is in epoch \(answer.epoch) after \(epoch)") }
        if epoch == 0 {
            member.joined.place = question.place
            world.noteTwins(of: member)
        }
        epoch = answer.epoch
        if let assignment = answer.assignment {
            target = Set(assignment.map(\.number))
            world.trace.note("member may have", "\(member.name) \(target.sorted())", Int(epoch))
            let new = target.subtracting(member.owned.keys)
            world.took(new, member, question, since: question.place)
        }
        // It must release partitions soon: otherwise it is removed, even if it sends heartbeats.
        guard Set(member.owned.keys).isSubset(of: target) else { return }
        for number in target { member.owned[number]?.heard = question.time }
    }

    private func lose(_ error: GroupError) {
        world.trace.note("member is lost", "\(member.name) \(error)")
        if let former { member.was(former, "and is no member any more") }
        member.owned = [:]
        let isFenced = error == .fencedMemberEpoch
        (epoch, target, isLeaving, tellsAll) = (0, [], false, true)
        if !isFenced || chance.oneIn(2) { memberID = "" }
        if error == .fencedInstanceID { member.stall() }
        member.isReplaced = false
    }
}
