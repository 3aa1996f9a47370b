import MoldauRecords

/// The batch of one partition that records for a topic are added to. Owned by a collector, on one thread.
public struct GrowingBatch: ~Copyable {
    public let partition: TopicPartition
    @usableFromInline package var builder = RecordBatchBuilder(capacity: 4 << 10)
    /// At that size its collector wants to be told: at once before its first record.
    @usableFromInline package var noticeBytes = 0

    package init(_ partition: TopicPartition) { self.partition = partition }
}

/// Where the records of one topic go.
public struct BatchedTopic {
    /// Stands for the topic in `RecordCollector.send`.
    @usableFromInline package let handle: Int
    /// One for each partition, as long as the collector lives.
    @usableFromInline package let batches: UnsafeMutablePointer<GrowingBatch>
    @usableFromInline package let count: Int32

    package init(handle: Int, batches: UnsafeMutablePointer<GrowingBatch>, count: Int32) {
        self.handle = handle
        self.batches = batches
        self.count = count
    }
}
