import MoldauBroker
import MoldauRecords

/// A process that shares the work of a group, and commits its progress: alone, or in transactions.
final class StrangeMember {
    let number: Int
    let instance: String?
    var name: String { "m\(number)" }
    private let world: StrangeGroup
    private var membership: (any StrangeMembership)?
    private var work: StrangeWork?
    private var stalledUntil = Timestamp.none
    /// Its former identities.
    private var former: [(member: MemberGeneration, why: String)] = []

    /// A partition that it considers its own.
    struct Holding {
        /// When its ownership was last confirmed.
        var heard: Timestamp
        /// Orders the members to which a partition was assigned: the generation; with the consumer protocol the place
        /// of the request.
        let since: Int
    }

    var owned: [Int32: Holding] = [:]
    /// Whether another process has taken its instance id: it may not know that yet.
    var isReplaced = false
    /// Whether it tries to join for the first time: whether it is replaced is known when it learns that it has
    /// joined.
    var isNew: Bool { membership?.isNew ?? true }
    /// The place of the request with which it joined last, and whether it has received its assignment since: then its
    /// membership is durable.
    var joined = (place: -1, isDurable: false)
    /// The place of its last request to join again.
    var asked = -1
    /// Whether it has stopped committing, so that the group can settle.
    var isResting = false
    var identity: MemberGeneration? { membership?.identity }
    /// Whether the group must count it as a member.
    var isSurelyMember: Bool {
        !world.mayBeReplaced(self)
            && owned.values.contains { .milliseconds(world.clock.passed.ms - $0.heard.ms) < StrangeGroup.patience }
    }

    init(_ number: Int, instance: String?, _ world: StrangeGroup) {
        (self.number, self.instance, self.world) = (number, instance, world)
        work = StrangeWork(self, world)
        membership = world.kind == .consumer ? ConsumerMembership(self, world) : ClassicMembership(self, world)
    }

    func takeTurn(_ broker: Broker<SimulatedDisk>) {
        guard world.clock.passed >= stalledUntil, let work else { return }
        if !work.isIdle && world.chance.oneIn(2) { return work.takeTurn(broker) }
        guard work.isIdle, !isResting, world.chance.oneIn(3), let identity, !owned.isEmpty else {
            membership?.takeTurn(broker)
            return
        }
        work.commit(world.chance.pick(owned.keys.sorted()), as: identity, broker)
    }

    /// Does nothing for so long that it may be removed.
    func stall() {
        stalledUntil = Timestamp(ms: world.clock.passed.ms + Int64(world.chance.within(500...5_000)))
        world.trace.note("member stalls", name)
    }

    /// Ends the process, and starts another one without its state.
    func vanish() {
        world.trace.note("member vanishes", name)
        membership?.vanish()
        work?.vanish()
        (owned, isReplaced, former) = ([:], false, [])
    }

    /// Called when the broker has ended.
    func disconnect() {
        membership?.disconnect()
        work?.disconnect()
    }

    // MARK: Former identities

    /// Records a former identity.
    func was(_ member: MemberGeneration, _ why: String) {
        former.append((member, why))
        if former.count > 4 { former.removeFirst() }
    }

    /// Resumes a thread of the process that was suspended for long: it commits with a former identity.
    func takeOldTurn(_ broker: Broker<SimulatedDisk>) {
        guard let (member, why) = former.randomElement(using: world.chance) else { return }
        // After a crash a later generation may have the same number.
        if world.kind != .consumer && member.generation >= world.newest { return }
        let partition = StrangeGroup.position(world.chance.pick(world.partitions))
        let number = world.ledger.begin(partition, by: name, .asked, objection: why)
        let reply = StrangerReply<GroupAnswer>()
        broker.ask(.commit(.init(member, [CommittedPosition(partition, Offset(Int64(number)))])), then: reply.give)
        world.trace.note("member commits with what it was", name, number)
        let isKept = { reply.result == .success(.commit([.init(partition, .none)])) }
        // A commit is accepted only when it is durable.
        if !isKept() { broker.callbacks.runDue() }
        if isKept() { world.ledger.settle(number, .kept) }
    }
}

extension Array {
    fileprivate func randomElement(using chance: Chance) -> Element? { isEmpty ? nil : chance.pick(self) }
}
