import MoldauRecords

/// The batch of one partition that records for a topic are appended to. Owned by a collector, on one thread.
@usableFromInline package struct GrowingBatch: ~Copyable {
    /// The partition that the batch will be sent to.
    @usableFromInline package let partition: TopicPartition
    @usableFromInline package var builder = RecordBatchBuilder(capacity: 4 << 10)
    /// When the batch reaches this size, its collector must be told (`grew`); 0 before the first record.
    @usableFromInline package var noticeBytes = 0

    package init(_ partition: TopicPartition) { self.partition = partition }
}

/// The batches that the records of one topic are appended to.
@usableFromInline package struct BatchedTopic {
    /// Identifies the topic in `RecordCollector.send`.
    @usableFromInline package let handle: Int
    /// One batch for each partition; valid as long as the collector.
    @usableFromInline package let batches: UnsafeMutablePointer<GrowingBatch>
    @usableFromInline package let count: Int32

    package init(handle: Int, batches: UnsafeMutablePointer<GrowingBatch>, count: Int32) {
        self.handle = handle
        self.batches = batches
        self.count = count
    }
}
