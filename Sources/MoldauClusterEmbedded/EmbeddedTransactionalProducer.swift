internal import MoldauBroker
internal import MoldauCluster
internal import MoldauLog
internal import MoldauRecords

/// Appends to partitions of a broker in this process, in transactions.
final class EmbeddedTransactionalProducer<Files: FileSystem>: TransactionalProducer, InProcessProducer {
    private let broker: Broker<Files>
    private let id: String
    private let identity: ProducerIdentity
    private let inner: EmbeddedProducer<Files>
    /// The next sequence number of each partition.
    private var sequences: [TopicPartition: Int32] = [:]
    /// The partitions that were already added to the transaction.
    private var enlisted: Set<TopicPartition> = []
    private var isOpen = false

    init(_ broker: Broker<Files>, _ options: TransactionalProducerOptions) throws(ClusterError) {
        self.broker = broker
        id = options.id
        identity = try translating { () throws(BrokerError) in
            try broker.makeProducer(options.id, timeout: options.timeout)
        }
        inner = EmbeddedProducer(broker)
    }

    func stamp(for partition: TopicPartition) -> ProducerStamp {
        ProducerStamp(
            id: identity.id, epoch: identity.epoch, baseSequence: sequences[partition] ?? 0, isTransactional: true)
    }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try enlist(partition)
        try inner.send(batch, to: partition)
        note(batch, to: partition)
    }

    func send(built batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try enlist(partition)
        try inner.send(built: batch, to: partition)
        note(batch, to: partition)
    }

    private func enlist(_ partition: TopicPartition) throws {
        guard !enlisted.contains(partition) else { return }
        try translating { () throws(BrokerError) in try broker.enlist([partition], id, identity) }
        enlisted.insert(partition)
        isOpen = true
    }

    private func note(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) {
        let count = (try? RecordBatchHeader(batch).recordCount) ?? 0
        sequences[partition] = ((sequences[partition] ?? 0) &+ count) & .max
    }

    func flush() throws { try inner.flush() }

    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        if !isOpen && offsets.isEmpty { return }
        let now = broker.clock()
        let offsets = offsets.mapValues { GroupOffset(offset: $0.offset, metadata: $0.metadata, time: now) }
        try translating { () throws(BrokerError) in
            if !offsets.isEmpty { try broker.commit(offsets, of: group.group, id, identity) }
            isOpen = true
            // If this throws, the transaction may be decided nevertheless: anything sent after that belongs to the next
            // one.
            enlisted = []
            try broker.endTransaction(id, identity, commit: true)
        }
        isOpen = false
        inner.acknowledge()
    }

    func abort() throws {
        guard isOpen else { return }
        (isOpen, enlisted) = (false, [])
        try translating { () throws(BrokerError) in try broker.endTransaction(id, identity, commit: false) }
    }

    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { inner.acknowledgedEnd(of: partition) }
    func partitionCount(of topic: String) throws -> Int32 { try inner.partitionCount(of: topic) }

    func close() {
        // If it cannot be aborted now, the next producer with the id aborts it, or its timeout does.
        try? abort()
        inner.close()
    }
}
