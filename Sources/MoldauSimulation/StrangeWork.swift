import MoldauBroker
import MoldauRecords

/// How an external member commits its positions: one by one, or in its own transactions.
final class StrangeWork {
    private typealias Plan = (number: Int32, identity: MemberGeneration)

    private enum Phase {
        case idle
        case committing(StrangerReply<GroupAnswer>, Int, TopicPartition)
        case initializing(StrangerReply<ProducerIdentity>, Plan)
        case enlisting(StrangerReply<Void>, Plan)
        case adding(StrangerReply<GroupAnswer>, Int, TopicPartition)
        /// It has positions in an open transaction.
        case open
        case ending(StrangerReply<Void>, commit: Bool, isRepeated: Bool)
    }

    private unowned let member: StrangeMember
    private let world: StrangeGroup
    private var chance: Chance { world.chance }
    private var phase = Phase.idle
    private var producer: ProducerIdentity?
    /// The commits in the transaction.
    private var pending: [Int] = []

    private var id: String { member.name }

    init(_ member: StrangeMember, _ world: StrangeGroup) { (self.member, self.world) = (member, world) }

    var isIdle: Bool {
        if case .idle = phase { true } else { false }
    }

    /// Commits the member's progress in one of its partitions.
    func commit(_ number: Int32, as identity: MemberGeneration, _ broker: Broker<SimulatedDisk>) {
        if chance.oneIn(2) { return commitAlone((number, identity), broker) }
        guard let producer else {
            let reply = StrangerReply<ProducerIdentity>()
            phase = .initializing(reply, (number, identity))
            return broker.initProducer(id, timeoutMs: Int32(StrangeGroup.transactionMs), then: reply.give)
        }
        enlist((number, identity), producer, broker)
    }

    func takeTurn(_ broker: Broker<SimulatedDisk>) {
        switch phase {
        case .idle: break
        case .committing(let reply, let number, let partition):
            guard let result = reply.result else { return cutOff { phase = .idle } }
            phase = .idle
            if let error = error(result, partition) { world.ledger.settle(number, error == .none ? .kept : .refused) }
        case .initializing(let reply, let plan):
            guard let result = reply.result else { return cutOff { phase = .idle } }
            phase = .idle
            guard case .success(let given) = result else { return }
            producer = given
            enlist(plan, given, broker)
        case .enlisting(let reply, let plan):
            guard let result = reply.result else { return }
            phase = pending.isEmpty ? .idle : .open
            switch result {
            case .success: add(plan, broker)
            case .failure(let error): refused(error)
            }
        case .adding(let reply, let number, let partition): added(reply, number, partition, broker)
        case .open:
            guard let identity = member.identity, let owned = member.owned.keys.sorted().first, chance.oneIn(3) else {
                return end(commit: !chance.oneIn(4), isRepeated: false, broker)
            }
            if let producer { enlist((owned, identity), producer, broker) }
        case .ending(let reply, let commit, let isRepeated): ended(reply, commit, isRepeated: isRepeated, broker)
        }
    }

    /// Called when the broker has ended.
    func disconnect() {
        switch phase {
        case .idle, .open: break
        case .committing, .initializing: phase = .idle
        case .enlisting: phase = pending.isEmpty ? .idle : .open
        case .adding: abandon()
        case .ending(_, let commit, _): phase = .ending(StrangerReply(), commit: commit, isRepeated: true)
        }
    }

    /// Called when the process dies.
    func vanish() {
        if case .ending(_, commit: true, _) = phase { pending = [] }
        abandon()
    }

    /// A transaction whose commit was not requested must not take effect: the next producer aborts it.
    private func abandon() {
        for number in pending { world.ledger.settle(number, .refused) }
        (phase, producer, pending) = (.idle, nil, [])
    }

    /// From time to time a connection is cut while an answer is pending.
    private func cutOff(_ body: () -> Void) { if chance.oneIn(12) { body() } }

    // MARK: Alone

    private func commitAlone(_ plan: Plan, _ broker: Broker<SimulatedDisk>) {
        let partition = StrangeGroup.position(plan.number)
        let objection = world.objection(to: member, as: plan.identity, committing: plan.number)
        let number = world.ledger.begin(partition, by: id, .asked, objection: objection)
        let reply = StrangerReply<GroupAnswer>()
        phase = .committing(reply, number, partition)
        world.trace.note("member commits", id, number, Int(plan.number), Int(plan.identity.generation))
        broker.ask(
            .commit(.init(plan.identity, [CommittedPosition(partition, Offset(Int64(number)))])), then: reply.give)
    }

    /// - Returns: nil if the outcome is unknown.
    private func error(_ result: Result<GroupAnswer, BrokerError>, _ partition: TopicPartition) -> GroupError? {
        switch result {
        case .success(.commit(let partitions)) where partitions.map(\.partition) == [partition]:
            let error = partitions[0].error
            switch error {
            case .none, .illegalGeneration, .unknownMemberID, .rebalanceInProgress, .fencedInstanceID,
                .staleMemberEpoch:
                break
            default: world.complain("a commit of \(id) was refused: \(error)")
            }
            return error
        case .success(let answer):
            world.complain("a commit of \(id) was answered with \(answer)")
            return nil
        case .failure: return nil
        }
    }

    // MARK: In a transaction

    private func enlist(_ plan: Plan, _ producer: ProducerIdentity, _ broker: Broker<SimulatedDisk>) {
        let reply = StrangerReply<Void>()
        phase = .enlisting(reply, plan)
        broker.addOffsets(of: StrangeGroup.group, id, producer, then: reply.give)
    }

    private func add(_ plan: Plan, _ broker: Broker<SimulatedDisk>) {
        // Its epoch may still be valid: a client commits its progress in a partition before it releases it, or not at
        // all.
        let isGivenUp = world.kind == .consumer && member.owned[plan.number] == nil
        guard let producer, !isGivenUp else { return abandon() }
        let partition = StrangeGroup.position(plan.number)
        let objection = world.objection(to: member, as: plan.identity, committing: plan.number)
        let number = world.ledger.begin(partition, by: id, .pending, objection: objection)
        let reply = StrangerReply<GroupAnswer>()
        pending.append(number)
        phase = .adding(reply, number, partition)
        world.trace.note("member commits in a transaction", id, number, Int(plan.number))
        let commit = GroupRequest.Commit(
            plan.identity, [CommittedPosition(partition, Offset(Int64(number)))], producer: producer)
        broker.commitInTransaction(commit, id, then: reply.give)
    }

    private func added(
        _ reply: StrangerReply<GroupAnswer>, _ number: Int, _ partition: TopicPartition,
        _ broker: Broker<SimulatedDisk>
    ) {
        // Whether the position is in the transaction is unknown: then the transaction must not be committed.
        guard let result = reply.result else { return cutOff { end(commit: false, isRepeated: false, broker) } }
        phase = .open
        if case .failure(let error) = result { return refused(error) }
        guard let error = error(result, partition) else { return abandon() }
        if error == .none { return world.ledger.settle(number, .pending) }
        world.ledger.settle(number, .refused)
        pending.removeAll { $0 == number }
    }

    private func refused(_ error: BrokerError) {
        switch StrangerRefusal(error) {
        case .retry: break
        case .fenced, .noTransaction, .lost: abandon()
        case .wrong: world.complain("a request of \(id) was refused: \(error)")
        }
    }

    private func end(commit: Bool, isRepeated: Bool, _ broker: Broker<SimulatedDisk>) {
        guard let producer else { return abandon() }
        for number in pending { world.ledger.settle(number, commit ? .asked : .refused) }
        let reply = StrangerReply<Void>()
        phase = .ending(reply, commit: commit, isRepeated: isRepeated)
        world.trace.note(commit ? "member commits its transaction" : "member aborts its transaction", id)
        broker.endTransaction(id, producer, commit: commit, then: reply.give)
    }

    private func ended(
        _ reply: StrangerReply<Void>, _ commit: Bool, isRepeated: Bool, _ broker: Broker<SimulatedDisk>
    ) {
        guard let result = reply.result else { return cutOff { end(commit: commit, isRepeated: true, broker) } }
        switch result {
        case .success:
            if commit { for number in pending { world.ledger.settle(number, .kept) } }
            (phase, pending) = (.idle, [])
        case .failure(let error):
            switch StrangerRefusal(error) {
            case .retry, .lost: end(commit: commit, isRepeated: true, broker)
            case .fenced, .noTransaction:
                // If a commit was requested before, it may have been carried out.
                if commit && isRepeated { pending = [] }
                abandon()
            case .wrong: world.complain("the end of \(id)'s transaction was refused: \(error)")
            }
        }
    }
}
