import MoldauBroker
import MoldauRecords

/// A process that shares the work of a group, and commits how far it is: alone, or in transactions.
final class StrangeMember {
    let number: Int
    let instance: String?
    var name: String { "m\(number)" }
    private let world: StrangeGroup
    private var membership: (any StrangeMembership)?
    private var work: StrangeWork?
    private var stalledUntil = Timestamp.none
    /// What it has been before, and is no longer.
    private var former: [(member: MemberGeneration, why: String)] = []

    /// A partition that it believes to have.
    struct Holding {
        /// When it last was sure of it.
        var heard: Timestamp
        /// Orders those who were told that they have a partition: the generation; with the consumer protocol the place
        /// of the question.
        let since: Int
    }

    var owned: [Int32: Holding] = [:]
    /// Whether another process has its instance id by now: it need not know.
    var isReplaced = false
    /// Whether it asks to be a member, as somebody who has never been one: whether it is replaced is known when it is
    /// told that it has joined.
    var isNew: Bool { membership?.isNew ?? true }
    /// The place of the question with which it joined last, and whether it was told its assignment since: then it is
    /// durable that it joined.
    var joined = (place: -1, isDurable: false)
    /// The place of the question with which it asked last to be a member anew.
    var asked = -1
    /// Whether it commits nothing any more, and lets the group settle.
    var isResting = false
    var identity: MemberGeneration? { membership?.identity }
    /// Whether the group must have it as a member.
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

    /// Does nothing for so long that others may take it for dead.
    func stall() {
        stalledUntil = Timestamp(ms: world.clock.passed.ms + Int64(world.chance.within(500...5_000)))
        world.trace.note("member stalls", name)
    }

    /// The process dies, and another one begins that knows nothing.
    func vanish() {
        world.trace.note("member vanishes", name)
        membership?.vanish()
        work?.vanish()
        (owned, isReplaced, former) = ([:], false, [])
    }

    /// The broker is gone.
    func disconnect() {
        membership?.disconnect()
        work?.disconnect()
    }

    // MARK: What it was

    /// It is no longer what it was.
    func was(_ member: MemberGeneration, _ why: String) {
        former.append((member, why))
        if former.count > 4 { former.removeFirst() }
    }

    /// A thread of its that has slept for long goes on: it commits, or says that it is there.
    func takeOldTurn(_ broker: Broker<SimulatedDisk>) {
        guard let (member, why) = former.randomElement(using: world.chance) else { return }
        // After a crash there may be another generation with this number.
        if world.kind != .consumer && member.generation >= world.newest { return }
        let partition = StrangeGroup.position(world.chance.pick(world.partitions))
        let number = world.ledger.begin(partition, by: name, .asked, objection: why)
        let reply = StrangerReply<GroupAnswer>()
        broker.ask(.commit(.init(member, [CommittedPosition(partition, Offset(Int64(number)))])), then: reply.give)
        world.trace.note("member commits with what it was", name, number)
        let isKept = { reply.result == .success(.commit([.init(partition, .none)])) }
        // An acceptance comes when it is durable.
        if !isKept() { broker.callbacks.runDue() }
        if isKept() { world.ledger.settle(number, .kept) }
    }
}

extension Array {
    fileprivate func randomElement(using chance: Chance) -> Element? { isEmpty ? nil : chance.pick(self) }
}
