import MoldauBroker
import MoldauCluster
import MoldauRecords

/// Writes a simulated application's input, and records the guarantees for each record.
final class Feeder {
    enum Fate: Equatable {
        /// May have been written or not.
        case unknown
        /// Acknowledged: must exist.
        case acknowledged
        /// Aborted or fenced: must not exist.
        case aborted
    }

    struct Fed {
        let topic: String
        let partition: Int32
        let key: String
        let value: String
        var fate = Fate.unknown
        /// When it was acknowledged.
        var time = Timestamp.none
        /// Whether its topic was deleted.
        var isGone = false
        var mayHaveResults = false
    }

    /// The feeder's group, also its transactional id. Its positions are stored like the application's.
    static let group = "feeder"

    private(set) var records: [Fed] = []
    /// By topic, key and value: each combination is fed once.
    private(set) var index: [String: Int] = [:]
    /// Writes of a fenced producer that succeeded.
    private(set) var violations: [String] = []

    private let scenario: Scenario
    private let chance: Chance
    private let trace: SimulationTrace
    private let clock: SimulatedClock
    private var eventMs: Int64
    /// The values that the last `finish` wrote.
    private(set) var lastValues: Set<String> = []
    private var producer: (any Producer)?
    /// Records that were sent but not flushed, or that are in the open transaction.
    private var pending: [Int] = []
    private var builder = RecordBatchBuilder(capacity: 1_024)

    init(_ scenario: Scenario, chance: Chance, trace: SimulationTrace, clock: SimulatedClock) {
        (self.scenario, self.chance, self.trace, self.clock) = (scenario, chance, trace, clock)
        eventMs = scenario.eventStartMs
    }

    static func name(_ topic: String, _ key: String, _ value: String) -> String { "\(topic)|\(key)|\(value)" }

    /// Called when the process died: uncommitted records will never be committed.
    func disconnect() {
        if scenario.feedsTransactions { settle(.aborted) } else { pending = [] }
        producer = nil
    }

    /// Called when the power failed: records that were acknowledged later than `time` may be lost.
    func lose(after time: Timestamp) {
        for number in records.indices where records[number].fate == .acknowledged && records[number].time > time {
            records[number].fate = .unknown
        }
    }

    private func settle(_ fate: Fate) {
        for number in pending {
            records[number].fate = fate
            records[number].time = clock.passed
            trace.note(fate == .aborted ? "aborts" : "acknowledges", records[number].value)
        }
        pending = []
    }

    /// Writes some records, or completes what is in progress.
    func feed(_ cluster: SimulatedCluster) throws {
        do {
            if let producer = try connected(cluster) as? any TransactionalProducer {
                try feed(producer, cluster)
            } else if let producer {
                try sendSome(producer)
                if chance.oneIn(2) { try flush(producer) }
            }
        } catch {
            disconnect()
            throw error
        }
    }

    private func connected(_ cluster: any ClusterPort) throws -> any Producer {
        if let producer { return producer }
        let made: any Producer =
            scenario.feedsTransactions
            ? try cluster.makeTransactionalProducer(
                TransactionalProducerOptions(
                    clientID: "feeder", id: Self.group, timeout: .milliseconds(Scenario.transactionTimeoutMs)))
            : try cluster.makeProducer(clientID: "feeder")
        producer = made
        return made
    }

    private func flush(_ producer: any Producer) throws {
        try producer.flush()
        settle(.acknowledged)
        trace.note("fed", "", records.count)
    }

    private func feed(_ producer: any TransactionalProducer, _ cluster: SimulatedCluster) throws {
        switch pending.isEmpty ? 0 : chance.below(10) {
        case 0...4:
            try sendSome(producer)
            if chance.oneIn(3) { try addPosition(producer, cluster) }
        case 5...7: try commit(producer)
        case 8:
            settle(.aborted)
            try producer.abort()
        default:
            if chance.oneIn(2) { return settleAfterTakeover(of: producer, try takeOver(cluster)) }
            try sendSome(producer)
        }
    }

    private func commit(_ producer: any TransactionalProducer) throws {
        let committed = pending
        pending = []  // Their fate is unknown until the answer arrives.
        do {
            try producer.commit([:], of: GroupMetadata(group: Self.group))
        } catch ClusterError.producerFenced(let id) {
            pending = committed
            throw ClusterError.producerFenced(id: id)
        }
        pending = committed
        settle(.acknowledged)
        trace.note("fed", "", records.count)
    }

    /// Adds a position to the open transaction some time before the commit, as a client on a network does.
    private func addPosition(_ producer: any TransactionalProducer, _ cluster: SimulatedCluster) throws {
        let partition = TopicPartition(scenario.workload.inputs[0], 0)
        let stamp = producer.stamp(for: partition)
        let position = GroupOffset(offset: Offset(Int64(records.count)), metadata: "", time: clock.now)
        trace.note("adds position", "", records.count)
        do throws(BrokerError) {
            try cluster.broker.commit(
                [partition: position], of: Self.group, Self.group, ProducerIdentity(id: stamp.id, epoch: stamp.epoch))
        } catch .producerFenced(let id) {
            throw ClusterError.producerFenced(id: id)
        }
    }

    private func takeOver(_ cluster: any ClusterPort) throws -> any TransactionalProducer {
        producer = nil
        guard let next = try connected(cluster) as? any TransactionalProducer else { preconditionFailure() }
        return next
    }

    /// The old producer does not know yet that it has been replaced.
    private func settleAfterTakeover(of old: any TransactionalProducer, _ next: any TransactionalProducer) {
        settle(.aborted)
        do {
            if chance.oneIn(2) { try sendSome(old) }
            settle(.aborted)
            try old.commit([:], of: GroupMetadata(group: Self.group))
            violations.append("a fenced producer committed")
        } catch ClusterError.producerFenced {
            settle(.aborted)
        } catch {
            // A disk error; it shows at the next access.
            settle(.aborted)
        }
    }

    // MARK: Records

    private func sendSome(_ producer: any Producer) throws {
        let topic = chance.pick(scenario.workload.inputs)
        let partition = chance.pick(partitions)
        builder.reset()
        for _ in 0..<chance.within(1...4) {
            eventMs += Int64(chance.below(1_500))
            let late = chance.oneIn(3) ? Int64(chance.below(3 * Int(Workload.graceMs))) : 0
            let (key, value) = nextRecord(topic, partition)
            add(topic, partition, key, value, at: eventMs - late)
        }
        try ship(producer, TopicPartition(topic, partition))
    }

    /// The partitions that have at least one key.
    private var partitions: [Int32] { (0..<scenario.partitions).filter { !keys(of: $0).isEmpty } }

    /// The keys of a partition: a key belongs to one partition.
    private func keys(of partition: Int32) -> [String] {
        let count = scenario.partitions
        return Workload.keys.enumerated().filter { index, key in
            // If keys of one topic are looked up in the other, they must be in the partition that every producer
            // chooses.
            guard scenario.workload.findsKeysByHash else { return Int32(index) % count == partition }
            return Array(key.utf8).withUnsafeBytes { Int32(murmur2($0) & 0x7fff_ffff) % count == partition }
        }.map(\.element)
    }

    private func nextRecord(_ topic: String, _ partition: Int32) -> (key: String, value: String) {
        let name = "r\(records.count)"
        if scenario.workload == .wordCount {
            let words = (0..<chance.within(1...4)).map { _ in "w\(chance.below(scenario.words))" }
            return (name, words.joined(separator: " "))
        }
        let key = chance.pick(keys(of: partition))
        guard scenario.workload.findsKeysByHash else { return (key, name) }
        return (key, "\(chance.oneIn(5) ? Workload.deletion : chance.pick(Workload.keys))/\(name)")
    }

    private func add(_ topic: String, _ partition: Int32, _ key: String, _ value: String, at ms: Int64) {
        Array(key.utf8).withUnsafeBytes { key in
            Array(value.utf8).withUnsafeBytes { value in
                builder.append(key: key, value: value, timestamp: Timestamp(ms: ms))
            }
        }
        index[Self.name(topic, key, value)] = records.count
        trace.note("feeds", "\(topic)-\(partition) \(key)=\(value)", Int(ms))
        pending.append(records.count)
        records.append(Fed(topic: topic, partition: partition, key: key, value: value))
    }

    private func ship(_ producer: any Producer, _ partition: TopicPartition) throws {
        builder.producer = producer.stamp(for: partition)
        try producer.send(builder.finish(), to: partition)
    }

    /// Completes what is in progress, and writes a record to each partition of the first topic, late enough to close
    /// all earlier windows.
    func finish(_ cluster: any ClusterPort) throws {
        do {
            let producer = try connected(cluster)
            eventMs += scenario.finalStepMs
            lastValues = []
            for partition in partitions {
                builder.reset()
                let (key, value) = nextRecord(scenario.workload.inputs[0], partition)
                lastValues.insert(value)
                add(scenario.workload.inputs[0], partition, key, value, at: eventMs)
                try ship(producer, TopicPartition(scenario.workload.inputs[0], partition))
            }
            if let producer = producer as? any TransactionalProducer {
                try commit(producer)
            } else {
                try flush(producer)
            }
        } catch ClusterError.producerFenced {
            // Its transaction was open for too long: the next call starts a new one.
            lastValues = []
            disconnect()
        } catch {
            lastValues = []
            disconnect()
            throw error
        }
    }

    /// Marks the records of a topic, or of all topics, as deleted on purpose. Results of the records of a single topic
    /// may exist.
    func forget(topic: String? = nil) {
        for number in records.indices where topic == nil || records[number].topic == topic {
            records[number].isGone = true
            records[number].mayHaveResults = topic != nil
        }
    }

    /// The position of each value in the order of feeding.
    var order: [String: Int] {
        Dictionary(records.enumerated().map { ($1.value, $0) }) { $1 }
    }

    /// The values of each key that a topic held before it was recreated.
    func formerValues(of topic: String) -> [String: [String]] {
        let gone = records.filter { $0.mayHaveResults && $0.topic == topic }
        return Dictionary(grouping: gone, by: \.key).mapValues { $0.map(\.value) }
    }
}
