internal import MoldauRecords
internal import MoldauWire

/// A batch from its first record to its outcome. It belongs to the producer's state, and is used with its lock held.
final class PendingBatch {
    let outcome: BatchOutcome
    /// Its place in the order in which batches of all partitions were begun.
    let order: Int
    let created: Duration
    /// What it counts as in `buffer.memory`.
    let reservedBytes: Int
    var builder: RecordBatchBuilder
    /// Its place in the producer's sequence; nil before it is sent, and after a new epoch has begun.
    var stamp: ProducerStamp?
    /// Its place among the batches of its partition that were sent.
    var number = 0
    /// How often it was sent.
    var attempts = 0
    /// Whether an attempt under `stamp` has ended without an answer: it may be in the log.
    var mayBeAppended = false
    /// The batch as it is sent. It lies in `builder`: `WireBytes` that own the batch would keep it for ever here.
    private var encoded: UnsafeRawBufferPointer?

    init(_ partition: TopicPartition, order: Int, created: Duration, bytes: Int, _ compression: Compression) {
        outcome = BatchOutcome(partition)
        self.order = order
        self.created = created
        reservedBytes = bytes
        // The builder reserves room for a short record at a time.
        builder = RecordBatchBuilder(capacity: bytes + 256)
        builder.compression = compression
    }

    /// A batch that was built elsewhere.
    init(
        _ partition: TopicPartition, order: Int, created: Duration, copying batch: UnsafeRawBufferPointer
    ) throws(RecordBatchError) {
        outcome = BatchOutcome(partition)
        self.order = order
        self.created = created
        reservedBytes = batch.count
        builder = try RecordBatchBuilder(copying: batch)
    }

    var partition: TopicPartition { outcome.partition }

    /// The batch as it is sent, the same each time. Copies nothing.
    func bytes() -> WireBytes {
        if let encoded { return WireBytes(encoded, owner: self) }
        builder.producer = stamp ?? .none
        let bytes = builder.finish()
        encoded = bytes
        return WireBytes(bytes, owner: self)
    }

    /// It is sent under another stamp than before.
    func setStamp(_ stamp: ProducerStamp?) {
        self.stamp = stamp
        encoded = nil
        mayBeAppended = false
    }
}

extension ProducerOptions.Compression {
    var codec: Compression {
        switch self {
        case .none: .none
        case .gzip: .gzip
        case .snappy: .snappy
        case .lz4: .lz4
        case .zstd: .zstd
        }
    }
}
