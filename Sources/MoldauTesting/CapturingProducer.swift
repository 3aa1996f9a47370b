import MoldauCluster
import MoldauRecords

/// A producer that keeps the batches sent to it. Every topic exists and has one partition.
final class CapturingProducer: Producer {
    /// The batches since the last `takeBatches`, in the order in which they were sent.
    private(set) var batches: [(topic: String, bytes: [UInt8])] = []
    private var ends: [TopicPartition: Offset] = [:]

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        let header = try RecordBatchHeader(batch)
        ends[partition] = (ends[partition] ?? .zero) + (Int64(header.lastOffsetDelta) + 1)
        batches.append((partition.topic, Array(batch)))
    }

    func takeBatches() -> [(topic: String, bytes: [UInt8])] {
        defer { batches.removeAll() }
        return batches
    }

    func flush() throws {}
    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { ends[partition] }
    func partitionCount(of topic: String) throws -> Int32 { 1 }
    func close() {}
}
