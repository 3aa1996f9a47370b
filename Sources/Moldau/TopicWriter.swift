import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords

/// Writes typed records to a topic; equal keys go to the same partition, as with Kafka's producers and an application's
/// sinks.
///
/// ```swift
/// let totals = Topic<String, Int64>("totals")
/// let cluster = try EmbeddedCluster(directory: "data/topics")
/// let writer = try TopicWriter(totals, on: cluster)
/// try writer.write(Record(key: "ada", value: 120, timestamp: EmbeddedCluster.systemClock()))
/// try writer.flush()
/// ```
/// Used by one thread at a time. Its calls block on the cluster: do not call it on Swift's cooperative pool. Records
/// that were not flushed may be lost.
public final class TopicWriter<Key, Value> {
    private static var batchBytes: Int { 64 * 1024 }

    private final class Batch {
        var builder = RecordBatchBuilder()
    }

    private let topic: Topic<Key, Value>
    private let producer: any Producer
    private let batches: [Batch]
    private var partitioner = Partitioner.keyed()
    private var key = ByteWriter()
    private var value = ByteWriter()

    /// - Throws: `ClusterError.unknownTopic`.
    @available(*, noasync, message: "a topic writer blocks on the cluster; use it on a thread of its own")
    public init(_ topic: Topic<Key, Value>, on cluster: any Cluster) throws {
        self.topic = topic
        producer = try cluster.port.makeProducer(clientID: "\(topic.name)-writer")
        batches = (0..<(try producer.partitionCount(of: topic.name))).map { _ in Batch() }
    }

    /// Adds a record to a batch, which is sent when it is large enough, or at the next `flush`.
    /// - Parameter chosen: the partition; nil chooses it by the key, or at random for a record without a key.
    /// - Parameter record: the record to write.
    /// - Throws: errors of the serdes, and `ClusterError`, which may be about an earlier record.
    @available(*, noasync, message: "a topic writer blocks on the cluster; use it on a thread of its own")
    public func write(_ record: Record<Key, Value>, to chosen: Partition? = nil) throws {
        key.removeAll()
        value.removeAll()
        let (hasKey, hasValue) = (!topic.key.isNull(record.key), !topic.value.isNull(record.value))
        if hasKey { try topic.key.encode(record.key, &key) }
        if hasValue { try topic.value.encode(record.value, &value) }
        let keyBytes = hasKey ? key.bytes : nil
        let partition =
            try chosen.map { try checked($0) }
            ?? partitioner.partition(
                key: keyBytes, byteCount: key.count + value.count, count: Int32(batches.count))
        let batch = batches[Int(partition.number)]
        batch.builder.append(
            key: keyBytes, value: hasValue ? value.bytes : nil, timestamp: record.timestamp, headers: record.headers)
        if batch.builder.byteCount >= Self.batchBytes { try send(partition) }
    }

    /// Sends all records, and returns when they are acknowledged: as durable as the cluster promises. Blocks.
    /// - Throws: `ClusterError` of a record that was not acknowledged.
    @available(*, noasync, message: "a topic writer blocks on the cluster; use it on a thread of its own")
    public func flush() throws {
        for partition in batches.indices where !batches[partition].builder.isEmpty {
            try send(Partition(Int32(partition)))
        }
        try producer.flush()
    }

    /// Like `flush`, and closes the producer.
    /// - Throws: `ClusterError`; the producer is not closed then.
    @available(*, noasync, message: "a topic writer blocks on the cluster; use it on a thread of its own")
    public func close() throws {
        try flush()
        producer.close()
    }

    private func checked(_ partition: Partition) throws(ClusterError) -> Partition {
        guard batches.indices.contains(Int(partition.number)) else {
            throw .unknownPartition(
                TopicPartition(topic.name, partition), partitionCount: Int32(batches.count))
        }
        return partition
    }

    private func send(_ partition: Partition) throws {
        let batch = batches[Int(partition.number)]
        // A refused batch is not sent again.
        defer { batch.builder.reset() }
        try producer.send(batch.builder.finish(), to: TopicPartition(topic.name, partition))
    }
}
