import MoldauBroker
import MoldauLog
import MoldauRecords

/// An external client that is idempotent without transactions: each of its records is stored once, however often it is
/// retried.
final class PlainStranger {
    typealias Appended = PartitionLog<SimulatedDisk>.Appended

    private let name: String
    private let world: Strangers
    private var chance: Chance { world.chance }
    private var asked: StrangerReply<ProducerIdentity>?
    private var producer: ProducerIdentity?
    private var sequences: [TopicPartition: Int32] = [:]
    private var pending: (partition: TopicPartition, bytes: [UInt8], number: Int)?
    private var reply = StrangerReply<Appended>()
    private var valueCount = 0

    init(_ number: Int, _ world: Strangers) { (name, self.world) = ("p\(number)", world) }

    /// Called when the broker has ended.
    func disconnect() {
        (asked, reply) = (nil, StrangerReply())
        isSent = false
    }

    private var isSent = false

    func takeTurn(_ broker: Broker<SimulatedDisk>) throws {
        guard let producer else { return initialize(broker) }
        guard let pending else { return try send(by: producer, broker) }
        guard isSent, let result = reply.result else {
            if !isSent || chance.oneIn(4) { try ship(broker) }
            return
        }
        switch result {
        case .success:
            world.ledger.acknowledgePlain(pending.number)
            sequences[pending.partition, default: 0] += 1
            self.pending = nil
        case .failure(let error) where StrangerRefusal(error) == .lost: isSent = false
        case .failure(let error): world.ledger.complain("a batch of \(name) was refused: \(error)")
        }
    }

    private func initialize(_ broker: Broker<SimulatedDisk>) {
        if let given = try? asked?.result?.get() {
            world.ledger.given(given, of: name, to: -1, goesOn: false)
            (producer, asked) = (given, nil)
        } else if asked == nil || asked?.result != nil || chance.oneIn(4) {
            let reply = StrangerReply<ProducerIdentity>()
            asked = reply
            broker.initProducer(nil, timeoutMs: 0, then: reply.give)
        }
    }

    private func send(by producer: ProducerIdentity, _ broker: Broker<SimulatedDisk>) throws {
        let partition = chance.pick(world.partitions)
        var builder = RecordBatchBuilder(capacity: 512)
        builder.producer = ProducerStamp(
            id: producer.id, epoch: producer.epoch, baseSequence: sequences[partition] ?? 0, isTransactional: false)
        let value = "\(name)-\(valueCount)"
        valueCount += 1
        Array(value.utf8).withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: world.clock.now) }
        pending = (partition, Array(builder.finish()), world.ledger.addPlain(value, to: partition))
        try ship(broker)
    }

    private func ship(_ broker: Broker<SimulatedDisk>) throws {
        guard let pending else { return }
        world.trace.note("plain stranger sends", name, valueCount)
        (reply, isSent) = (StrangerReply(), true)
        let partition = try broker.partition(pending.partition)
        pending.bytes.withUnsafeBytes { partition.append($0, acknowledged: .whenDurable, then: reply.give) }
    }
}
