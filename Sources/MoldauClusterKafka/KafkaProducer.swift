internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Sends batches to a Kafka cluster, each of them once, whatever is repeated.
class KafkaProducer: MoldauCluster.Producer {
    /// A topic that no broker knows is asked for again for so long: a new one is not known everywhere at once.
    private static var patience: Duration { .seconds(3) }

    let inner: BatchProducer
    let cluster: KafkaCluster
    /// The largest batches that topics take.
    private var limits: [String: Int] = [:]

    init(_ cluster: KafkaCluster, clientID: String, transactionalID: String?, timeout: Duration) throws {
        self.cluster = cluster
        var options = MoldauClient.ProducerOptions()
        options.linger = .zero
        options.deliveryTimeout = cluster.options.deliveryTimeout
        options.maxBlock = cluster.options.deliveryTimeout
        // What a topic takes is up to its settings.
        options.largestBatch = options.bufferMemory
        options.transactionalID = transactionalID
        if transactionalID != nil { options.transactionTimeout = timeout }
        inner = try translating { try BatchProducer(options, cluster: cluster.client(named: clientID)) }
    }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        // A broker's refusal would come too late for the records to be sent one by one, and end a transaction.
        if let limit = limits[partition.topic], batch.count > limit {
            throw ClusterError.recordTooLarge(partition, bytes: batch.count, limit: limit)
        }
        try translating { try inner.send(batch, to: partition) }
    }

    func flush() throws { try translating { try inner.flush() } }

    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { inner.acknowledgedEnd(of: partition) }

    func partitionCount(of topic: String) throws -> Int32 {
        let longest = cluster.options.deliveryTimeout
        let count = try translating {
            try inner.partitionCount(of: topic, within: Self.patience, unanswered: longest)
        }
        let questions = cluster.questions
        let settings = try translating {
            try waiting { try await questions.describeConfigs([.topic(topic)], names: [Self.limitName]).all() }
        }
        limits[topic] = settings.values.joined().first { $0.name == Self.limitName }?.value.flatMap(Int.init)
        return count
    }

    private static let limitName = "max.message.bytes"

    func close() { inner.close() }
}
