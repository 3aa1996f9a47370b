// External members of a group: they join, stall, crash and return, and share partitions. Some commit with outdated
// assignments; connections are cut after a request or before its answer; the broker crashes in between, but its clients
// do not.
//
// Each member's view is stored, and compared with those of the others: a member with a partition must have it alone,
// unless the previous one has been silent for so long that it was removed.

import MoldauBroker
import MoldauLog
import MoldauRecords

/// One run of a group's members.
final class StrangeGroup: StrangeClients {
    /// The name of the members in the list of features to leave out.
    static let name = "members"
    static let group = "strangers"
    static let transactionMs = 2_000
    static let sessionMs = 2_000
    static let rebalanceMs = 3_000
    /// The minimum time for which a member keeps its partitions after its last sign of life.
    static let patience = Duration.milliseconds(min(sessionMs, rebalanceMs))

    enum Kind: Int, CaseIterable {
        /// Members release everything before a rebalance.
        case eager
        /// … only the partitions that they lose.
        case cooperative
        /// The consumer protocol (KIP-848).
        case consumer
    }

    let kind: Kind
    let partitions: [Int32]
    var ledger = PositionLedger()
    private let world: StrangeBroker
    private let stepsPerFault: Int
    private var members: [StrangeMember] = []
    private var look: (reply: StrangerReply<GroupAnswer>, required: [TopicPartition: Int])?
    /// The last member that was assigned each partition.
    private var holders: [Int32: StrangeMember] = [:]
    /// The newest generation that any member has received, and the newest that has an assignment and so is durable.
    private(set) var newest: Int32 = 0
    private var durable: Int32 = 0
    private var questions = 0

    var chance: Chance { world.chance }
    var trace: SimulationTrace { world.trace }
    var clock: SimulatedClock { world.clock }

    init(seed: UInt64, mistake: PlantedMistake?, _ trace: SimulationTrace) {
        let chance = Chance(seed: seed ^ 0xd1b5_4a32_d192_ed03)
        kind = chance.pick(Kind.allCases)
        stepsPerFault = chance.within(20...200)
        partitions = Array(0..<Int32(chance.within(1...4)))
        let (sectorBytes, segmentBytes) = (chance.pick([512, 4_096]), chance.pick([1_000, 6_000, 64_000]))
        var settings = GroupSettings()
        settings.sessionTimeouts = .milliseconds(1)...(.seconds(60))
        settings.initialRebalanceDelay = .milliseconds(chance.pick([0, 300, 1_000]))
        settings.newMemberTimeout = .seconds(5)
        settings.consumerSessionTimeout = .milliseconds(Self.sessionMs)
        world = StrangeBroker(
            chance, trace, mistake: mistake, sectorBytes: sectorBytes, segmentBytes: segmentBytes,
            topics: [("work", Int32(partitions.count))], groupSettings: settings)
        let instances: [String?] = chance.pick([
            [nil, nil, nil], [nil, nil, nil, nil], ["a", "a", nil], ["a", "b", nil, nil],
        ])
        members = instances.enumerated().map { StrangeMember($0, instance: $1, self) }
        world.clients = self
    }

    /// Runs to the end.
    /// - Returns: the violations found.
    func run() -> [String] {
        for _ in 0..<chance.within(150...600) where ledger.violations.isEmpty { takeStep() }
        if ledger.violations.isEmpty { finish() }
        world.stop()
        (members, holders) = ([], [:])
        return ledger.violations.map { "members (\(kind)): \($0)" }
    }

    private func takeStep() {
        clock.advance(ms: chance.within(1...20))
        world.attempt {
            let broker = try world.started()
            switch chance.below(100) {
            case 0..<62: chance.pick(members).takeTurn(broker)
            case 62..<82: broker.callbacks.runDue()
            case 82..<87: lookAtPositions(broker)
            case 87..<89: try lookAfter(broker)
            case 89: visit(broker)
            case 90: chance.pick(members).stall()
            case 91: chance.pick(members).vanish()
            case 92..<95: chance.pick(members).takeOldTurn(broker)
            default: clock.advance(ms: chance.within(50...1_000))
            }
        }
        if chance.oneIn(stepsPerFault) { world.inject() }
    }

    // MARK: The broker

    func complain(_ text: String) { ledger.complain(text) }

    func disconnected() {
        look = nil
        // A generation without an assignment is not stored: a later one may have the same number.
        newest = durable
        for member in members { member.disconnect() }
    }

    func restarted(_ broker: Broker<SimulatedDisk>) {}

    private func lookAfter(_ broker: Broker<SimulatedDisk>) throws {
        try broker.abortExpired()
        if chance.oneIn(3) { try broker.compact() }
    }

    /// A client that is not a member appears, with another type of protocol: it joins, or commits.
    private func visit(_ broker: Broker<SimulatedDisk>) {
        let reply = StrangerReply<GroupAnswer>()
        let hasMembers = members.contains(where: \.isSurelyMember)
        if chance.oneIn(2) {
            let visitor = GroupClient(id: "visitor", host: "/127.0.0.1")
            broker.ask(
                .join(
                    GroupRequest.Join(
                        group: Self.group, sessionTimeoutMs: 500, rebalanceTimeoutMs: 500, memberID: "",
                        protocolType: "visitors", protocols: [GroupProtocol("tour", [1])], client: visitor)),
                then: reply.give)
            guard hasMembers, case .success(.join(let join))? = reply.result else { return }
            if join.error != .inconsistentGroupProtocol {
                complain("a visitor of another kind joins a group with members: \(join.error)")
            }
        } else {
            let partition = Self.position(chance.pick(partitions))
            let number = ledger.begin(
                partition, by: "a visitor", .asked, objection: hasMembers ? "and it is no member" : nil)
            let nobody = MemberGeneration(group: Self.group, generation: -1, memberID: "")
            broker.ask(.commit(.init(nobody, [CommittedPosition(partition, Offset(Int64(number)))])), then: reply.give)
            if reply.result == .success(.commit([.init(partition, .none)])) { ledger.settle(number, .kept) }
        }
    }

    // MARK: Positions

    static func position(_ number: Int32) -> TopicPartition { TopicPartition("position", number) }

    /// Requests the group's positions, or handles the answer.
    private func lookAtPositions(_ broker: Broker<SimulatedDisk>) {
        guard let (reply, required) = look else {
            let reply = StrangerReply<GroupAnswer>()
            look = (reply, ledger.kept)
            let nobody = MemberGeneration(group: Self.group, generation: -1, memberID: "")
            return broker.ask(.fetch(.init(nobody, nil)), then: reply.give)
        }
        guard let result = reply.result else { return }
        look = nil
        guard case .success(.fetch(let fetch)) = result else { return }
        var found: [TopicPartition: Int] = [:]
        for position in fetch.positions { found[position.partition] = position.offset.map { Int($0.offset.value) } }
        ledger.check(found, required: required)
    }

    // MARK: Generations

    func question(of member: StrangeMember) -> StrangeQuestion {
        questions += 1
        return StrangeQuestion(
            time: clock.passed, place: questions, durable: durable, wasReplaced: member.isReplaced)
    }

    /// Called when a member has learned that it is in this generation.
    /// - Parameter isDurable: whether it received its assignment too.
    func told(_ generation: Int32, _ question: StrangeQuestion, isDurable: Bool) {
        if generation < question.durable {
            complain("a member is told of generation \(generation) after \(question.durable)")
        }
        newest = max(newest, generation)
        if isDurable { durable = max(durable, generation) }
    }

    /// Called when a member has learned, durably, that it has joined: of several processes with one instance id the
    /// last one replaces the others.
    func noteTwins(of member: StrangeMember) {
        member.joined.isDurable = true
        guard let instance = member.instance else { return }
        for other in members where other !== member && other.instance == instance && !other.isNew {
            if other.joined.place < member.joined.place {
                other.isReplaced = true
            } else if other.joined.isDurable {
                member.isReplaced = true
            }
        }
    }

    // MARK: Owners

    /// Called when a member received its new partitions. It may have read the answer late.
    func took(_ numbers: Set<Int32>, _ member: StrangeMember, _ question: StrangeQuestion, since: Int) {
        for number in numbers { member.owned[number] = StrangeMember.Holding(heard: question.time, since: since) }
        if member.isReplaced { return }
        for number in numbers.sorted() {
            let others = members.filter { $0 !== member && !$0.isReplaced }
            for other in others where !mayBeReplaced(other) { compare(member, since, with: other, number) }
            if others.allSatisfy({ $0.owned[number]?.since ?? since <= since }) { holders[number] = member }
        }
    }

    private func compare(_ member: StrangeMember, _ since: Int, with other: StrangeMember, _ number: Int32) {
        guard let holding = other.owned[number], holding.since <= since else { return }
        let silence = Duration.milliseconds(clock.passed.ms - holding.heard.ms)
        if kind != .consumer && holding.since == since {
            complain("\(member.name) and \(other.name) have partition \(number) in generation \(since)")
        } else if silence < Self.patience {
            complain(
                "\(member.name) gets partition \(number), which \(other.name) had \(silence.milliseconds) ms ago")
        }
    }

    /// Whether another process may have taken its instance id, as far as is known.
    func mayBeReplaced(_ member: StrangeMember) -> Bool {
        guard !member.isReplaced, let instance = member.instance else { return member.isReplaced }
        return members.contains { $0 !== member && $0.instance == instance && $0.asked > member.joined.place }
    }

    /// The reason why a member's commit for a partition must be refused; nil if it may be accepted.
    func objection(
        to member: StrangeMember, as identity: MemberGeneration, committing number: Int32
    ) -> String? {
        if kind != .consumer && identity.generation < newest { return "but generation \(newest) has begun" }
        if member.isReplaced { return "but another process has its instance id" }
        if let holder = holders[number], holder !== member { return "but \(holder.name) got the partition" }
        return nil
    }

    // MARK: The end

    /// Ends all faults: the group settles, open transactions end, and everything is compared; again after a crash, and
    /// after a restart.
    private func finish() {
        world.heal()
        settle()
        world.attempt {
            let broker = try world.started()
            broker.callbacks.runDue()
            for member in members { member.vanish() }
            clock.advance(ms: Self.transactionMs + 1)
            try broker.abortExpired()
            broker.callbacks.runDue()
        }
        checkNothingIsOpen()
        let first = contents()
        for isCrash in [true, false] where ledger.violations.isEmpty {
            world.sync()
            if isCrash { world.crash(.power) } else { world.restart() }
            if contents() != first { complain("\(isCrash ? "a crash" : "a restart") changed the positions") }
        }
    }

    /// Without faults each partition soon has exactly one owner.
    private func settle() {
        // Processes with one instance id would replace each other for ever. The others still count: their last requests
        // may be carried out.
        let settling = members.enumerated().filter { place, member in
            guard let instance = member.instance else { return true }
            return members.firstIndex { $0.instance == instance } == place
        }.map(\.element)
        for member in members { member.isResting = true }
        for _ in 0..<4_000 where ledger.violations.isEmpty {
            world.attempt {
                let broker = try world.started()
                chance.pick(settling).takeTurn(broker)
                broker.callbacks.runDue()
            }
            clock.advance(ms: 5)
            let owned = settling.filter { !$0.isReplaced }.flatMap(\.owned.keys)
            if owned.sorted() == partitions { return }
        }
        complain("the group never settles: \(settling.map { "\($0.name) has \($0.owned.keys.sorted())" })")
    }

    /// Checks that no position is pending in an open transaction.
    private func checkNothingIsOpen() {
        world.attempt {
            let broker = try world.started()
            let reply = StrangerReply<GroupAnswer>()
            let nobody = MemberGeneration(group: Self.group, generation: -1, memberID: "")
            let positions = partitions.map(Self.position)
            broker.ask(.fetch(.init(nobody, positions, requiresStable: true)), then: reply.give)
            broker.callbacks.runDue()
            guard case .success(.fetch(let fetch))? = reply.result else { return complain("no positions are returned") }
            for position in fetch.positions where position.error != .none {
                complain("the position of \(position.partition) still waits for a transaction: \(position.error)")
            }
        }
    }

    private func contents() -> [TopicPartition: Int] {
        var found: [TopicPartition: Int] = [:]
        world.attempt {
            let broker = try world.started()
            found = broker.committedOffsets(of: Self.group).mapValues { Int($0.offset.value) }
            ledger.check(found, required: ledger.kept)
        }
        return found
    }
}
