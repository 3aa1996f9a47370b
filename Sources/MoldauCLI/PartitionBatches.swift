import MoldauCluster
import MoldauRecords

/// Gathers records into batches, one per partition of a topic, and sends those that are large enough.
final class PartitionBatches {
    private final class Batch {
        var builder = RecordBatchBuilder()
    }

    private static let batchBytes = 64 * 1024

    private let topic: String
    private let producer: any Producer
    private let batches: [Batch]
    private var partitioner = Partitioner.keyed()

    init(_ topic: String, partitionCount: Int32, producer: any Producer) {
        self.topic = topic
        self.producer = producer
        batches = (0..<partitionCount).map { _ in Batch() }
    }

    /// - Parameter partition: where the record goes; nil: where its key says.
    func append(
        key: [UInt8]?, value: [UInt8]?, timestamp: Timestamp, headers: Headers, to partition: Int32?
    ) throws {
        try withBytes(key) { key in
            try withBytes(value) { value in
                let size = (key?.count ?? 0) + (value?.count ?? 0)
                let count = Int32(batches.count)
                let chosen = partition ?? partitioner.partition(key: key, byteCount: size, count: count).number
                let batch = batches[Int(chosen)]
                batch.builder.append(key: key, value: value, timestamp: timestamp, headers: headers)
                if batch.builder.byteCount >= Self.batchBytes { try send(chosen) }
            }
        }
    }

    /// Returns when everything is written, and on disk. Blocks.
    func flush() throws {
        for partition in batches.indices where !batches[partition].builder.isEmpty { try send(Int32(partition)) }
        try producer.flush()
    }

    private func send(_ partition: Int32) throws {
        let batch = batches[Int(partition)]
        try producer.send(batch.builder.finish(), to: TopicPartition(topic, partition))
        batch.builder.reset()
    }

    private func withBytes(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws -> Void) rethrows {
        guard let bytes else { return try body(nil) }
        try bytes.withUnsafeBytes { try body($0) }
    }
}
