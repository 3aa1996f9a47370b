public import Moldau

/// Writes typed records to a topic, equal keys to the same partition. Used by one thread.
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

    public init(_ topic: Topic<Key, Value>, on cluster: any Cluster) throws {
        self.topic = topic
        producer = try cluster.makeProducer(clientID: "\(topic.name)-writer")
        batches = (0..<(try producer.partitionCount(of: topic.name))).map { _ in Batch() }
    }

    /// - Parameter chosen: the partition; nil leaves it to the key.
    public func write(_ record: Record<Key, Value>, to chosen: Int32? = nil) throws {
        key.removeAll()
        value.removeAll()
        try topic.key.encode(record.key, &key)
        try topic.value.encode(record.value, &value)
        let partition =
            chosen
            ?? partitioner.partition(
                key: key.bytes, byteCount: key.count + value.count, count: Int32(batches.count)
            ).number
        let batch = batches[Int(partition)]
        batch.builder.append(
            key: key.bytes, value: value.bytes, timestamp: record.timestamp, headers: record.headers)
        if batch.builder.byteCount >= Self.batchBytes { try send(partition) }
    }

    /// Returns when everything is acknowledged. Blocks.
    public func finish() throws {
        for partition in batches.indices where !batches[partition].builder.isEmpty { try send(Int32(partition)) }
        try producer.flush()
        producer.close()
    }

    private func send(_ partition: Int32) throws {
        let batch = batches[Int(partition)]
        try producer.send(batch.builder.finish(), to: TopicPartition(topic.name, partition))
        batch.builder.reset()
    }
}
