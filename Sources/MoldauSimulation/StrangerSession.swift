import MoldauBroker
import MoldauLog
import MoldauRecords

/// An external client with a transactional id that others use too: it does not know when it is replaced, its answers
/// get lost, and it retries.
final class StrangerSession {
    typealias Appended = PartitionLog<SimulatedDisk>.Appended

    private struct Batch {
        let partition: TopicPartition
        let bytes: [UInt8]
        let count: Int32
        /// Whether the producer had been fenced when the batch was first sent.
        let wasFenced: Bool
        var offset: Offset?
    }

    private enum Phase {
        case new
        case initializing(StrangerReply<ProducerIdentity>, goesOn: Bool)
        case idle
        case open
        case sending(StrangerReply<Appended>, Batch)
        case addingOffsets(StrangerReply<GroupAnswer>)
        case ending(StrangerReply<Void>, commit: Bool, wasFenced: Bool, isRepeated: Bool)
    }

    let number: Int
    let id: String
    private let world: Strangers
    private var chance: Chance { world.chance }
    private var phase = Phase.new
    private var producer: ProducerIdentity?
    private var sequences: [TopicPartition: Int32] = [:]
    private var enlisted: [TopicPartition] = []
    /// All partitions that the transaction may write to, including those whose confirmation was lost.
    private var asked: Set<TopicPartition> = []
    private var sent: [Batch] = []
    private var transaction = 0
    private var valueCount = 0

    init(_ number: Int, id: String, _ world: Strangers) { (self.number, self.id, self.world) = (number, id, world) }

    /// Called when the broker has ended: pending requests are retried.
    func disconnect() {
        switch phase {
        case .initializing: phase = .new
        case .sending(_, let batch): phase = .sending(StrangerReply(), batch)
        case .ending(_, let commit, let wasFenced, _):
            phase = .ending(StrangerReply(), commit: commit, wasFenced: wasFenced, isRepeated: true)
        case .addingOffsets: phase = .open
        case .new, .idle, .open: break
        }
        isConnected = false
    }

    /// Whether the last request was sent to this process.
    private var isConnected = true

    func takeTurn(_ broker: Broker<SimulatedDisk>) throws {
        if !isConnected {
            isConnected = true
            return try repeatRequest(broker)
        }
        switch phase {
        case .new: initialize(broker)
        case .initializing(let reply, let goesOn): takeProducer(reply, goesOn: goesOn)
        case .idle: try begin(broker)
        case .open: try work(broker)
        case .sending(let reply, let batch): try takeOffset(reply, batch, broker)
        case .addingOffsets(let reply):
            guard let result = reply.result else { return }
            phase = .open
            do throws(BrokerError) {
                let answer = try result.get()
                if answer != .commit([.init(Strangers.position, .none)]) {
                    world.ledger.complain("the positions of \(id) were refused: \(answer)")
                }
                world.ledger.addOffsets(in: transaction)
            } catch {
                try refused(error)
            }
        case .ending(let reply, let commit, let wasFenced, let isRepeated):
            try takeEnd(reply, commit, wasFenced: wasFenced, isRepeated: isRepeated, broker)
        }
    }

    /// Called when the client's process dies.
    func vanish() {
        if case .ending(_, let commit, _, _) = phase {
            world.ledger.settle(transaction, commit ? .unknown : .aborted)
        } else {
            settleOpen()
        }
        (phase, producer) = (.new, nil)
    }

    private func repeatRequest(_ broker: Broker<SimulatedDisk>) throws {
        switch phase {
        case .sending(_, let batch): try send(batch, broker)
        case .ending(_, let commit, let wasFenced, _):
            end(commit: commit, wasFenced: wasFenced, isRepeated: true, broker)
        default: break
        }
    }

    /// A transaction whose commit was never requested must not take effect.
    private func settleOpen() {
        switch phase {
        case .open, .sending, .addingOffsets: world.ledger.settle(transaction, .aborted)
        default: break
        }
    }

    // MARK: Producers

    private func initialize(_ broker: Broker<SimulatedDisk>) {
        let reply = StrangerReply<ProducerIdentity>()
        let known = chance.oneIn(2) ? producer : nil
        phase = .initializing(reply, goesOn: known != nil)
        world.trace.note("stranger asks for a producer", id, number)
        broker.initProducer(id, timeoutMs: Int32(Strangers.timeoutMs), as: known, then: reply.give)
    }

    private func takeProducer(_ reply: StrangerReply<ProducerIdentity>, goesOn: Bool) {
        guard let result = reply.result else {
            if chance.oneIn(8) { phase = .new }
            return
        }
        phase = .new
        switch result {
        case .success(let given):
            world.ledger.given(given, of: id, to: number, goesOn: goesOn)
            world.trace.note("stranger is", id, number, Int(given.id), Int(given.epoch))
            (producer, sequences, asked, phase) = (given, [:], [], .idle)
        case .failure(let error):
            switch StrangerRefusal(error) {
            case .fenced where goesOn: producer = nil
            case .retry, .lost: break
            default: world.ledger.complain("a producer of \(id) was refused: \(error)")
            }
        }
    }

    private var isFenced: Bool { producer.map { world.ledger.isFenced($0, of: id) } ?? false }

    /// Called when another producer has taken over, or the transaction timed out.
    private func becomeFenced() {
        settleOpen()
        (phase, producer) = (.new, nil)
    }

    // MARK: Transactions

    private func begin(_ broker: Broker<SimulatedDisk>) throws {
        guard let producer else { return phase = .new }
        var names = world.partitions.filter { _ in chance.oneIn(2) }
        if names.isEmpty { names = [world.partitions[0]] }
        let wasFenced = isFenced
        asked.formUnion(names)
        do throws(BrokerError) {
            try broker.addPartitions(names, id, producer)
            if wasFenced { world.ledger.complain("a fenced producer of \(id) began a transaction") }
            transaction = world.ledger.begin(id, at: world.clock.passed)
            world.trace.note("stranger begins", id, number, transaction)
            (enlisted, sent, phase) = (names, [], .open)
        } catch {
            try refused(error)
        }
    }

    private func work(_ broker: Broker<SimulatedDisk>) throws {
        let others = world.partitions.filter { !asked.contains($0) }
        switch chance.below(12) {
        case 0..<5 where !enlisted.isEmpty: try send(makeBatch(for: chance.pick(enlisted)), broker)
        case 5 where !others.isEmpty: try trespass(chance.pick(others), broker)
        case 6 where !others.isEmpty: try enlist(chance.pick(others), broker)
        case 7: try addOffsets(broker)
        case 8 where !sent.isEmpty: try sendAgain(chance.pick(sent), broker)
        default: end(commit: !chance.oneIn(4), wasFenced: isFenced, isRepeated: false, broker)
        }
    }

    private func enlist(_ name: TopicPartition, _ broker: Broker<SimulatedDisk>) throws {
        guard let producer else { return phase = .new }
        asked.insert(name)
        do throws(BrokerError) {
            try broker.addPartitions([name], id, producer)
            enlisted.append(name)
            world.ledger.grew(transaction, at: world.clock.passed)
        } catch {
            try refused(error)
        }
    }

    private func addOffsets(_ broker: Broker<SimulatedDisk>) throws {
        guard let producer else { return phase = .new }
        let reply = StrangerReply<Void>()
        broker.addOffsets(of: id, id, producer, then: reply.give)
        do throws(BrokerError) {
            try reply.result?.get()
            world.ledger.grew(transaction, at: world.clock.passed)
            let added = StrangerReply<GroupAnswer>()
            phase = .addingOffsets(added)
            broker.commitInTransaction(
                GroupRequest.Commit(
                    MemberGeneration(group: id, generation: -1, memberID: ""),
                    [CommittedPosition(Strangers.position, Offset(Int64(transaction)))], producer: producer),
                id, then: added.give)
        } catch {
            try refused(error)
        }
    }

    /// Appends to a partition that the transaction does not include.
    private func trespass(_ name: TopicPartition, _ broker: Broker<SimulatedDisk>) throws {
        let batch = makeBatch(for: name, isMeant: false)
        do throws(BrokerError) {
            let partition = try broker.partition(name)
            _ = try append(batch, partition)
            world.ledger.complain("\(name) took a batch of \(id), whose transaction does not write to it")
        } catch {
            if StrangerRefusal(error) == .noTransaction { return }
            try refused(error)
        }
    }

    private func append(
        _ batch: Batch, _ partition: BrokerPartition<SimulatedDisk>
    ) throws(BrokerError) -> Appended {
        let result = batch.bytes.withUnsafeBytes { bytes in
            Result { () throws(BrokerError) in try partition.append(bytes) }
        }
        return try result.get()
    }

    private func refused(_ error: BrokerError) throws {
        world.trace.note("stranger is refused", "\(error)", number)
        switch StrangerRefusal(error) {
        case .fenced:
            // Some clients ignore the error.
            if case .open = phase, chance.oneIn(2) { return }
            becomeFenced()
        case .noTransaction:
            settleOpen()
            phase = .new
        case .retry: break
        case .lost: throw error
        case .wrong: world.ledger.complain("a request of \(id) was refused: \(error)")
        }
    }

    // MARK: Records

    /// - Parameter isMeant: whether its values belong to the transaction.
    private func makeBatch(for name: TopicPartition, isMeant: Bool = true) -> Batch {
        var builder = RecordBatchBuilder(capacity: 512)
        let stamp = producer ?? ProducerIdentity(id: -1, epoch: -1)
        builder.producer = ProducerStamp(
            id: stamp.id, epoch: stamp.epoch, baseSequence: sequences[name] ?? 0, isTransactional: true)
        let count = chance.within(1...3)
        for _ in 0..<count {
            let value = "s\(number)-\(valueCount)"
            valueCount += 1
            if isMeant { world.ledger.add(value, to: name, in: transaction) }
            Array(value.utf8).withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: world.clock.now) }
        }
        return Batch(
            partition: name, bytes: Array(builder.finish()), count: Int32(count), wasFenced: isFenced)
    }

    private func send(_ batch: Batch, _ broker: Broker<SimulatedDisk>) throws {
        let reply = StrangerReply<Appended>()
        phase = .sending(reply, batch)
        world.trace.note("stranger sends", "\(batch.partition)", number, valueCount)
        let partition = try broker.partition(batch.partition)
        batch.bytes.withUnsafeBytes { partition.append($0, acknowledged: .whenDurable, then: reply.give) }
    }

    private func takeOffset(
        _ reply: StrangerReply<Appended>, _ batch: Batch, _ broker: Broker<SimulatedDisk>
    ) throws {
        guard let result = reply.result else {
            if chance.oneIn(6) { try send(batch, broker) }
            return
        }
        switch result {
        case .success(let appended):
            if batch.wasFenced {
                world.ledger.complain("\(batch.partition) took a batch of a fenced producer of \(id)")
            }
            var batch = batch
            batch.offset = appended.first
            sent.append(batch)
            sequences[batch.partition, default: 0] += batch.count
            phase = .open
        case .failure(let error) where StrangerRefusal(error) == .lost: try send(batch, broker)
        case .failure(let error): try refused(error)
        }
    }

    /// Retries a batch that was acknowledged.
    private func sendAgain(_ batch: Batch, _ broker: Broker<SimulatedDisk>) throws {
        let known = sent.filter { $0.partition == batch.partition }.suffix(5).contains { $0.offset == batch.offset }
        guard known else { return }
        do throws(BrokerError) {
            let partition = try broker.partition(batch.partition)
            let appended = try append(batch, partition)
            guard appended.first != batch.offset else { return }
            world.ledger.complain(
                "\(batch.partition) has a batch at \(batch.offset ?? .zero), but says \(appended.first) when it is sent again"
            )
        } catch {
            // After a restart the partition remembers only the last batch.
            if case .log(_, .outOfOrderSequence) = error { return }
            try refused(error)
        }
    }

    // MARK: The end

    private func end(commit: Bool, wasFenced: Bool, isRepeated: Bool, _ broker: Broker<SimulatedDisk>) {
        guard let producer else { return phase = .new }
        let reply = StrangerReply<Void>()
        phase = .ending(reply, commit: commit, wasFenced: wasFenced, isRepeated: isRepeated)
        world.trace.note(commit ? "stranger commits" : "stranger aborts", id, number, transaction)
        world.ledger.askedToEnd(transaction)
        broker.endTransaction(id, producer, commit: commit, then: reply.give)
    }

    private func takeEnd(
        _ reply: StrangerReply<Void>, _ commit: Bool, wasFenced: Bool, isRepeated: Bool,
        _ broker: Broker<SimulatedDisk>
    ) throws {
        guard let result = reply.result else {
            if chance.oneIn(8) { end(commit: commit, wasFenced: wasFenced, isRepeated: true, broker) }
            return
        }
        switch result {
        case .success:
            if wasFenced { world.ledger.complain("a fenced producer of \(id) ended transaction \(transaction)") }
            world.ledger.settle(transaction, commit ? .committed : .aborted)
            (asked, phase) = ([], .idle)
        case .failure(let error):
            world.trace.note("stranger's end is refused", "\(error)", number)
            switch StrangerRefusal(error) {
            case .retry, .lost: end(commit: commit, wasFenced: wasFenced, isRepeated: true, broker)
            case .fenced, .noTransaction:
                world.ledger.settle(transaction, commit && isRepeated ? .unknown : .aborted)
                if StrangerRefusal(error) == .fenced { producer = nil }
                phase = .new
            case .wrong: world.ledger.complain("the end of \(id)'s transaction was refused: \(error)")
            }
        }
    }
}
