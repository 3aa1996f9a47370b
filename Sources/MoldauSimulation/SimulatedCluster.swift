// The cluster port on top of the simulated broker. Answers are delayed, small segments roll often, and batches may be
// sent twice on the way. The planted mistakes of clients and runtimes are also made here.

import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import Synchronization

/// A broker's clients, with the faults of a network.
struct SimulatedCluster: ClusterPort {
    let broker: Broker<SimulatedDisk>
    let chance: Chance
    let mistake: PlantedMistake?
    let segmentBytes: Int
    let hasCopies: Bool
    private let inner: EmbeddedCluster
    private let producerCount = Shared(0)
    private let handedOver = Shared<Set<TopicPartition>>([])

    private final class Shared<Value: Sendable>: Sendable {
        let value: Mutex<Value>
        init(_ value: Value) { self.value = Mutex(value) }
    }

    init(
        _ broker: Broker<SimulatedDisk>, chance: Chance, mistake: PlantedMistake?, segmentBytes: Int, hasCopies: Bool
    ) {
        (self.broker, self.chance, self.mistake) = (broker, chance, mistake)
        (self.segmentBytes, self.hasCopies) = (segmentBytes, hasCopies)
        inner = EmbeddedCluster(broker)
    }

    /// A deliberate bug: omits the positions of these partitions from commits.
    func handsOver(_ partitions: Set<TopicPartition>) { handedOver.value.withLock { $0 = partitions } }

    func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer {
        // With slow restores, copies have records to catch up with.
        let isSlow = hasCopies && options.clientID.hasSuffix("-restore-consumer")
        return SimulatedConsumer(try inner.makeConsumer(options), self, emptyPolls: isSlow ? 4 : 1)
    }

    func makeProducer(_ options: ProducerOptions) throws -> any Producer {
        SimulatedProducer(try inner.makeProducer(options), self)
    }

    func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer {
        var options = options
        let number = producerCount.value.withLock { count in
            count += 1
            return count
        }
        if mistake == .transactionalIDPerProducer { options.id += "-\(number)" }
        return SimulatedTransactionalProducer(try inner.makeTransactionalProducer(options), self)
    }

    func makeAdmin() throws -> any Admin {
        SimulatedAdmin(try inner.makeAdmin(), self)
    }
}

private final class SimulatedConsumer: Consumer {
    private let inner: any Consumer
    private let cluster: SimulatedCluster

    /// How many of six polls return nothing.
    private let emptyPolls: Int

    init(_ inner: any Consumer, _ cluster: SimulatedCluster, emptyPolls: Int) {
        (self.inner, self.cluster, self.emptyPolls) = (inner, cluster, emptyPolls)
    }

    var groupMetadata: GroupMetadata { inner.groupMetadata }
    var wakeup: Wakeup { inner.wakeup }

    /// Where reading a partition stopped when it was unassigned.
    private var ended: [TopicPartition: Offset] = [:]
    private var assigned: Set<TopicPartition> = []

    func assign(_ partitions: Set<TopicPartition>) throws {
        for partition in assigned.subtracting(partitions) { ended[partition] = inner.position(partition) }
        assigned = partitions
        try inner.assign(partitions)
    }

    func seek(_ partition: TopicPartition, to offset: Offset) throws { try inner.seek(partition, to: offset) }
    func position(_ partition: TopicPartition) -> Offset? { inner.position(partition) }
    func pause(_ partitions: Set<TopicPartition>) { inner.pause(partitions) }
    func resume(_ partitions: Set<TopicPartition>) { inner.resume(partitions) }
    func close() { inner.close() }

    func poll(wait: Duration) throws -> [FetchedBatches] {
        cluster.chance.below(6) < emptyPolls ? [] : try inner.poll(wait: .zero)
    }

    func bounds(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Range<Offset>] {
        var bounds = try inner.bounds(of: partitions)
        for (partition, held) in bounds {
            let end = end(of: partition, held, held.upperBound)
            bounds[partition] = (isHidden(partition) ? end : held.lowerBound)..<end
        }
        return bounds
    }

    func ends(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Offset] {
        let bounds = try inner.bounds(of: partitions)
        return try inner.ends(of: partitions).reduce(into: [:]) { ends, entry in
            ends[entry.key] = bounds[entry.key].map { end(of: entry.key, $0, entry.value) } ?? entry.value
        }
    }

    /// The end of a partition as reported with this bug.
    private func end(of partition: TopicPartition, _ held: Range<Offset>, _ end: Offset) -> Offset {
        if isHidden(partition) || cluster.mistake == .restoredToStableOffset { return held.upperBound }
        guard cluster.mistake == .copyTakenWithoutTail, partition.topic.hasSuffix("-changelog"),
            let read = ended[partition], read >= held.lowerBound
        else { return end }
        return min(read, held.upperBound)
    }

    private func isHidden(_ partition: TopicPartition) -> Bool {
        switch cluster.mistake {
        case .suppressionNotRestored: partition.topic.hasSuffix("-suppress-changelog")
        case .changelogNotRestored: partition.topic.hasSuffix("-changelog")
        default: false
        }
    }

    func offset(in partition: TopicPartition, atOrAfter time: Timestamp) throws -> Offset? {
        try inner.offset(in: partition, atOrAfter: time)
    }

    func committed(_ partitions: Set<TopicPartition>) throws -> [TopicPartition: CommittedOffset] {
        let committed = try inner.committed(partitions)
        switch cluster.mistake {
        case .committedOffsetIgnored: return [:]
        case .commitMetadataLost: return committed.mapValues { CommittedOffset($0.offset) }
        default: return committed
        }
    }

    func commit(_ offsets: [TopicPartition: CommittedOffset]) throws {
        try inner.commit(cluster.changed(offsets))
    }
}

extension SimulatedCluster {
    fileprivate func changed(_ offsets: [TopicPartition: CommittedOffset]) -> [TopicPartition: CommittedOffset] {
        let left = handedOver.value.withLock { $0 }
        return offsets.filter { !left.contains($0.key) }.mapValues(changed)
    }

    /// The offset that is actually committed.
    private func changed(_ committed: CommittedOffset) -> CommittedOffset {
        var committed = committed
        switch mistake {
        case .committedOffsetTooHigh: committed.offset = committed.offset + 1
        case .committedOffsetTooLow: committed.offset = max(.zero, committed.offset + -1)
        default: break
        }
        return committed
    }
}

private class SimulatedProducer: Producer {
    private let inner: any Producer
    fileprivate let cluster: SimulatedCluster
    /// Delayed batches.
    private var late: [(TopicPartition, [UInt8])] = []

    init(_ inner: any Producer, _ cluster: SimulatedCluster) { (self.inner, self.cluster) = (inner, cluster) }

    func stamp(for partition: TopicPartition) -> ProducerStamp { inner.stamp(for: partition) }
    func partitionCount(of topic: String) throws -> Int32 { try inner.partitionCount(of: topic) }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        switch cluster.mistake {
        case .sendErrorIgnored: try? inner.send(batch, to: partition)
        case .offsetsCommittedBeforeOutputs where !(self is SimulatedTransactionalProducer):
            late.append((partition, Array(batch)))
        case .batchesReordered where !(self is SimulatedTransactionalProducer):
            if late.isEmpty, cluster.chance.oneIn(3) {
                late.append((partition, Array(batch)))
            } else {
                try inner.send(batch, to: partition)
                try sendLate()
            }
        default: try inner.send(batch, to: partition)
        }
    }

    private func sendLate() throws {
        defer { late = [] }
        for (partition, batch) in late { try batch.withUnsafeBytes { try inner.send($0, to: partition) } }
    }

    func flush() throws {
        if cluster.mistake == .offsetsCommittedBeforeOutputs { return }
        try sendLate()
        try inner.flush()
    }

    func acknowledgedEnd(of partition: TopicPartition) -> Offset? {
        if cluster.mistake == .offsetsCommittedBeforeOutputs {
            try? sendLate()
            try? inner.flush()
        }
        return inner.acknowledgedEnd(of: partition)
    }

    func close() { inner.close() }
}

private final class SimulatedTransactionalProducer: SimulatedProducer, TransactionalProducer {
    private let inner: any TransactionalProducer
    private var pending: (offsets: [TopicPartition: CommittedOffset], group: GroupMetadata)?

    init(_ inner: any TransactionalProducer, _ cluster: SimulatedCluster) {
        self.inner = inner
        super.init(inner, cluster)
    }

    override func stamp(for partition: TopicPartition) -> ProducerStamp {
        var stamp = inner.stamp(for: partition)
        switch cluster.mistake {
        case .outputsOutsideTransaction: return .none
        case .batchesWithoutSequence: stamp.baseSequence = -1
        default: break
        }
        return stamp
    }

    override func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try commitPending()
        try tellingOfAbort { try super.send(batch, to: partition) }
        // The answer was lost: the batch is sent again, and recognised by its sequence number.
        guard cluster.chance.oneIn(8), cluster.mistake != .outputsOutsideTransaction else { return }
        _ = try? cluster.broker.partition(partition).append(batch)
    }

    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        let offsets = cluster.changed(offsets)
        switch cluster.mistake {
        case .commitAcknowledgedEarly:
            try commitPending()
            pending = (offsets, group)
        case .offsetsCommittedBeforeTransaction:
            try commitAlone(offsets, group)
            try inner.commit([:], of: group)
        case .offsetsCommittedAfterTransaction:
            try inner.commit([:], of: group)
            try commitAlone(offsets, group)
        default: try tellingOfAbort { try inner.commit(offsets, of: group) }
        }
    }

    /// A deliberate bug: turns an ordinary event into an error that cannot be handled.
    private func tellingOfAbort(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch ClusterError.producerFenced where cluster.mistake == .abortEndsThread {
            throw ClusterError.closed
        }
    }

    private func commitPending() throws {
        guard let (offsets, group) = pending else { return }
        pending = nil
        try inner.commit(offsets, of: group)
    }

    private func commitAlone(_ offsets: [TopicPartition: CommittedOffset], _ group: GroupMetadata) throws {
        let time = cluster.broker.clock()
        try cluster.broker.commit(
            offsets.mapValues { GroupOffset(offset: $0.offset, metadata: $0.metadata, time: time) }, of: group.group)
    }

    func abort() throws { try inner.abort() }
}

private final class SimulatedAdmin: Admin {
    private let inner: any Admin
    private let cluster: SimulatedCluster

    init(_ inner: any Admin, _ cluster: SimulatedCluster) { (self.inner, self.cluster) = (inner, cluster) }

    func topics() throws -> [TopicDescription] { try inner.topics() }
    func describe(_ names: Set<String>) throws -> [String: TopicDescription] {
        let described = try inner.describe(names)
        guard cluster.mistake == .otherTopicBelieved else { return described }
        return described.mapValues {
            TopicDescription(
                name: $0.name, partitionCount: $0.partitionCount, configuration: $0.configuration,
                id: TopicID(high: 1, low: 1))
        }
    }
    func configure(_ topic: String, _ changes: [String: String?]) throws { try inner.configure(topic, changes) }
    func delete(_ topics: [String]) throws { try inner.delete(topics) }
    func progress(of names: Set<String>?) throws -> [GroupProgress] { try inner.progress(of: names) }
    func close() { inner.close() }

    func create(_ topics: [NewTopic]) throws {
        try inner.create(
            topics.map { topic in
                var topic = topic
                topic.configuration["segment.bytes"] = String(cluster.segmentBytes)
                if topic.configuration["retention.ms"] == nil { topic.configuration["retention.ms"] = "-1" }
                if cluster.mistake == .retentionOnRepartition, topic.name.hasSuffix("-repartition") {
                    topic.configuration["retention.ms"] = "1000"
                }
                return topic
            })
    }

    func deleteRecords(before offsets: [TopicPartition: Offset]) throws {
        guard cluster.mistake == .purgedTooEarly else { return try inner.deleteRecords(before: offsets) }
        var ends: [TopicPartition: Offset] = [:]
        for name in offsets.keys { ends[name] = try cluster.broker.partition(name).bounds().upperBound }
        try inner.deleteRecords(before: ends)
    }
}
