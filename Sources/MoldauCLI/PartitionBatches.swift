import MoldauCluster
import MoldauRecords

/// Collects records into batches, one per partition of a topic, and sends each batch that is large enough.
final class PartitionBatches {
    private final class Batch {
        var builder = RecordBatchBuilder()
    }

    private static let batchBytes = 64 * 1024
    /// The most bytes that a record takes besides its key, value and header texts; and that each header takes besides
    /// its text.
    private static let (recordOverhead, headerOverhead) = (40, 12)

    private let topic: String
    private let producer: any Producer
    private let batches: [Batch]
    private let batchBytes: Int
    private var partitioner = Partitioner.keyed()

    /// - Parameter limit: the largest batch that the topic accepts, in bytes.
    init(_ topic: String, partitionCount: Int32, limit: Int, producer: any Producer) {
        self.topic = topic
        self.producer = producer
        batchBytes = min(Self.batchBytes, limit)
        batches = (0..<partitionCount).map { _ in Batch() }
    }

    /// - Parameter partition: the record's partition; nil: chosen by the key.
    /// - Throws: `ClusterError.recordTooLarge` for this record; the records before it are in batches of their own.
    func append(
        key: [UInt8]?, value: [UInt8]?, timestamp: Timestamp, headers: Headers, to partition: Int32?
    ) throws {
        try withBytes(key) { key in
            try withBytes(value) { value in
                let size = (key?.count ?? 0) + (value?.count ?? 0)
                let headerBytes = headers.reduce(0) {
                    $0 + $1.name.utf8.count + ($1.value?.count ?? 0) + Self.headerOverhead
                }
                let count = Int32(batches.count)
                let chosen = partition ?? partitioner.partition(key: key, byteCount: size, count: count).number
                let batch = batches[Int(chosen)]
                if !batch.builder.isEmpty,
                    batch.builder.byteCount + size + headerBytes + Self.recordOverhead > batchBytes
                {
                    try send(chosen)
                }
                batch.builder.append(key: key, value: value, timestamp: timestamp, headers: headers)
                if batch.builder.byteCount >= batchBytes { try send(chosen) }
            }
        }
    }

    /// Sends all batches and waits until they are on disk. Blocks.
    func flush() throws {
        for partition in batches.indices where !batches[partition].builder.isEmpty { try send(Int32(partition)) }
        try producer.flush()
    }

    private func send(_ partition: Int32) throws {
        let batch = batches[Int(partition)]
        // A refused batch is not sent again.
        defer { batch.builder.reset() }
        try producer.send(batch.builder.finish(), to: TopicPartition(topic, partition))
    }

    private func withBytes(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws -> Void) rethrows {
        guard let bytes else { return try body(nil) }
        try bytes.withUnsafeBytes { try body($0) }
    }
}
