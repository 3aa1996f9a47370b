internal import MoldauBroker
internal import MoldauCluster
internal import MoldauLog
internal import MoldauRecords

/// Appends to partitions of a broker in this process.
final class EmbeddedProducer<Files: FileSystem>: InProcessProducer {
    private struct Target {
        let partition: BrokerPartition<Files>
        /// The end of this producer's last batch, which the next flush acknowledges.
        var sent: Offset?
        var acknowledged: Offset?
    }

    private let broker: Broker<Files>
    private var targets: [TopicPartition: Target] = [:]
    private var isClosed = false

    init(_ broker: Broker<Files>) { self.broker = broker }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try send(batch, to: partition, isBuilt: false)
    }

    func send(built batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try send(batch, to: partition, isBuilt: true)
    }

    private func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition, isBuilt: Bool) throws {
        if isClosed { throw ClusterError.closed }
        do throws(BrokerError) {
            try append(batch, to: partition, isBuilt)
        } catch {
            guard case .unknownTopic = error, targets.removeValue(forKey: partition) != nil else {
                throw ClusterError(error)
            }
            // The topic was deleted meanwhile; it may have been created again.
            try translating { () throws(BrokerError) in try append(batch, to: partition, isBuilt) }
        }
    }

    private func append(_ batch: UnsafeRawBufferPointer, to name: TopicPartition, _ isBuilt: Bool) throws(BrokerError) {
        if targets[name] == nil { targets[name] = Target(partition: try broker.partition(name)) }
        guard let slot = targets.index(forKey: name) else { return }
        let appended = try targets.values[slot].partition.append(batch, isBuilt: isBuilt)
        targets.values[slot].sent = appended.end
    }

    func flush() throws {
        if isClosed { throw ClusterError.closed }
        try translating { () throws(BrokerError) in try broker.flush() }
        acknowledge()
    }

    /// Called when everything sent is as durable as the cluster promises.
    func acknowledge() {
        for slot in targets.indices { targets.values[slot].acknowledged = targets.values[slot].sent }
    }

    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { targets[partition]?.acknowledged }

    func partitionCount(of topic: String) throws -> Int32 {
        guard let found = broker.topic(topic) else { throw ClusterError.unknownTopic(topic) }
        return found.partitionCount
    }

    func close() { isClosed = true }
}
