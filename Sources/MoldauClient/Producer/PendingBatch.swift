internal import MoldauRecords
internal import MoldauWire

/// A batch from its first record to its outcome. Part of the producer's state, accessed with its lock held.
final class PendingBatch {
    let outcome: BatchOutcome
    /// Its place in the order in which batches of all partitions were opened; for a part of a split batch, that of the
    /// whole.
    let order: Int
    private(set) var part = 0
    let created: Duration
    /// The bytes that it counts for in `buffer.memory`.
    let reservedBytes: Int
    var builder: RecordBatchBuilder
    /// Its sequence number and epoch; nil before it is first sent, and after a new epoch has begun.
    var stamp: ProducerStamp?
    /// Its place among the sent batches of its partition.
    var number = 0
    /// The number of attempts to send it.
    var attempts = 0
    /// Whether an attempt under `stamp` has ended without a response: it may have been appended.
    var mayBeAppended = false
    /// Whether it is a part of a batch that may have been appended: then a broker rejects every part.
    private(set) var isPartOfAppended = false
    /// The encoded batch. Its memory belongs to `builder`: `WireBytes` that own the batch would keep it alive here for
    /// ever.
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

    /// A batch that was encoded elsewhere.
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

    /// The encoded batch, the same for each attempt. Copies nothing.
    func bytes() -> WireBytes {
        if let encoded { return WireBytes(encoded, owner: self) }
        builder.producer = stamp ?? .none
        let bytes = builder.finish()
        encoded = bytes
        return WireBytes(bytes, owner: self)
    }

    /// Whether the other batch of the same partition comes later.
    func isBefore(_ other: PendingBatch) -> Bool { (order, part) < (other.order, other.part) }

    /// Splits it into two batches of about half its bytes each, which replace it in order and share its sequence
    /// numbers: batches sent after it keep theirs.
    /// - Returns: nil if it contains one record, or cannot be read.
    func split() -> [(first: Int, batch: PendingBatch)]? {
        let codec = builder.compression
        defer { builder.compression = codec }
        builder.compression = .none
        let count = builder.recordCount
        guard count > 1 else { return nil }
        let parts = [reservedBytes / 2, reservedBytes - reservedBytes / 2].map { bytes in
            PendingBatch(partition, order: order, created: created, bytes: bytes, codec)
        }
        let half = builder.byteCount / 2
        var (taken, target) = (0, 0)
        do {
            var reader = RecordBatchReader(builder.finish())
            while let record = try reader.next() {
                let isFull = parts[0].builder.byteCount >= half || taken == count - 1
                if target == 0, taken > 0, isFull { target = taken }
                parts[target == 0 ? 0 : 1].builder.append(
                    key: record.key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
                taken += 1
            }
        } catch {
            return nil
        }
        guard taken == count, target > 0 else { return nil }
        return zip([0, target], parts).map { first, batch in
            (batch.part, batch.number, batch.attempts) = (part + first, number, attempts)
            if let stamp {
                batch.setStamp(
                    ProducerStamp(
                        id: stamp.id, epoch: stamp.epoch, baseSequence: (stamp.baseSequence &+ Int32(first)) & .max,
                        isTransactional: stamp.isTransactional))
            }
            (batch.mayBeAppended, batch.isPartOfAppended) = (mayBeAppended, mayBeAppended || isPartOfAppended)
            return (first, batch)
        }
    }

    /// Sets the stamp for the next attempt.
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
