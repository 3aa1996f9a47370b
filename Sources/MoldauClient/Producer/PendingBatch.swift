internal import MoldauRecords
internal import MoldauWire

/// A batch from its first record to its outcome. It belongs to the producer's state, and is used with its lock held.
final class PendingBatch {
    let outcome: BatchOutcome
    /// Its place in the order in which batches of all partitions were begun; and, if it is a part of one that was
    /// split, that of its first record in that one.
    let order: Int
    private(set) var part = 0
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
    /// Whether it is a part of a batch that may be in the log: then a broker takes no part of it.
    private(set) var isPartOfAppended = false
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

    /// Whether another batch of its partition comes later.
    func isBefore(_ other: PendingBatch) -> Bool { (order, part) < (other.order, other.part) }

    /// Two batches of about half its bytes each, that go on in its place, in order, and take its numbers in the
    /// sequence: what was sent behind it keeps its own.
    /// - Returns: nil if it holds one record, or cannot be read.
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
