internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Sends batches to a Kafka cluster. Retries do not duplicate a batch.
class KafkaProducer: MoldauCluster.Producer {
    /// How long to retry a topic that no broker knows: new topics become known to the brokers gradually.
    private static var patience: Duration { .seconds(3) }

    let inner: BatchProducer
    let cluster: KafkaCluster
    /// The largest batch that each topic accepts.
    private var limits: [String: Int] = [:]

    init(_ cluster: KafkaCluster, clientID: String, transactionalID: String?, timeout: Duration) throws {
        self.cluster = cluster
        var options = MoldauClient.ProducerOptions()
        options.linger = .zero
        options.deliveryTimeout = cluster.options.deliveryTimeout
        options.maxBlock = cluster.options.deliveryTimeout
        // The topic's own limit applies instead.
        options.largestBatch = options.bufferMemory
        options.transactionalID = transactionalID
        if transactionalID != nil { options.transactionTimeout = timeout }
        inner = try translating { try BatchProducer(options, cluster: cluster.client(named: clientID)) }
    }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        // Checked here: a refusal by the broker would come too late to send the records one by one, and end a
        // transaction.
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
