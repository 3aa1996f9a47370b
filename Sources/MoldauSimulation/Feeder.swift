import MoldauBroker
import MoldauCluster
import MoldauRecords

/// Writes a simulated application's input, and remembers what was promised of each record.
final class Feeder {
    enum Fate: Equatable {
        /// Written or not.
        case unknown
        /// Acknowledged: must be there.
        case acknowledged
        /// Aborted or fenced: must not be there.
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
        /// Its topic was deleted.
        var isGone = false
        var mayHaveResults = false
    }

    /// Its transactional id too. Its positions lie beside the application's.
    static let group = "feeder"

    private(set) var records: [Fed] = []
    /// By topic, key and value: each is fed once.
    private(set) var index: [String: Int] = [:]
    /// What a fenced producer got through with.
    private(set) var violations: [String] = []

    private let scenario: Scenario
    private let chance: Chance
    private let trace: SimulationTrace
    private let clock: SimulatedClock
    private var eventMs: Int64
    /// What `finish` wrote last.
    private(set) var lastValues: Set<String> = []
    private var producer: (any Producer)?
    /// Sent and not flushed, or in the open transaction.
    private var pending: [Int] = []
    private var builder = RecordBatchBuilder(capacity: 1_024)

    init(_ scenario: Scenario, chance: Chance, trace: SimulationTrace, clock: SimulatedClock) {
        (self.scenario, self.chance, self.trace, self.clock) = (scenario, chance, trace, clock)
        eventMs = scenario.eventStartMs
    }

    static func name(_ topic: String, _ key: String, _ value: String) -> String { "\(topic)|\(key)|\(value)" }

    /// The process died: what was not committed never will be.
    func disconnect() {
        if scenario.feedsTransactions { settle(.aborted) } else { pending = [] }
        producer = nil
    }

    /// The power went: what was acknowledged later than that may be gone.
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

    /// Writes some records, or ends what is under way.
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

    private func connected(_ cluster: any Cluster) throws -> any Producer {
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
        pending = []  // From here on nobody knows, until the answer is there.
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

    /// Adds a position of its own to the open transaction: what a client on a network does some time before it commits.
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

    private func takeOver(_ cluster: any Cluster) throws -> any TransactionalProducer {
        producer = nil
        guard let next = try connected(cluster) as? any TransactionalProducer else { preconditionFailure() }
        return next
    }

    /// The old producer does not know yet that there is another one.
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
            // The disk; whoever looks next finds out.
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

    /// Those that have keys.
    private var partitions: [Int32] { (0..<scenario.partitions).filter { !keys(of: $0).isEmpty } }

    /// A key belongs to one partition.
    private func keys(of partition: Int32) -> [String] {
        let count = scenario.partitions
        return Workload.keys.enumerated().filter { index, key in
            // Where keys of one topic are looked for in the other, they lie where every producer looks for them.
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

    /// Ends what is under way, and writes to each partition of the first topic a record that is so much later that
    /// earlier windows close.
    func finish(_ cluster: any Cluster) throws {
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
            // Its transaction was open for too long: it begins anew the next time.
            lastValues = []
            disconnect()
        } catch {
            lastValues = []
            disconnect()
            throw error
        }
    }

    /// The records of a topic, or of all of them, are gone on purpose. Of those of one topic there may be results.
    func forget(topic: String? = nil) {
        for number in records.indices where topic == nil || records[number].topic == topic {
            records[number].isGone = true
            records[number].mayHaveResults = topic != nil
        }
    }

    /// The place of each value among those that were fed.
    var order: [String: Int] {
        Dictionary(records.enumerated().map { ($1.value, $0) }) { $1 }
    }

    /// The values of each key that were in a topic before it was made again.
    func formerValues(of topic: String) -> [String: [String]] {
        let gone = records.filter { $0.mayHaveResults && $0.topic == topic }
        return Dictionary(grouping: gone, by: \.key).mapValues { $0.map(\.value) }
    }
}
