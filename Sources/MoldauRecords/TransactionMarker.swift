// The record that ends a transaction in a partition: alone in a batch whose control bit is set.
//
//     key     version i16 = 0 · 0 for an abort, 1 for a commit (i16)
//     value   version i16 = 0 · epoch of the coordinator that wrote it (i32)

/// Marks the end of a producer's transaction, committed or aborted.
package struct TransactionMarker: Equatable, Sendable {
    package var isCommit: Bool
    package var coordinatorEpoch: Int32

    package init(isCommit: Bool, coordinatorEpoch: Int32 = 0) {
        self.isCommit = isCommit
        self.coordinatorEpoch = coordinatorEpoch
    }

    /// The batch that holds the marker.
    package func batch(of producer: ProducerStamp, at time: Timestamp) -> [UInt8] {
        var key = ByteWriter()
        key.append(bigEndian: Int16(0))
        key.append(bigEndian: Int16(isCommit ? 1 : 0))
        var value = ByteWriter()
        value.append(bigEndian: Int16(0))
        value.append(bigEndian: coordinatorEpoch)
        var builder = RecordBatchBuilder(capacity: 256)
        builder.producer = ProducerStamp(
            id: producer.id, epoch: producer.epoch, baseSequence: -1, isTransactional: true)
        builder.isControl = true
        builder.append(key: key.bytes, value: value.bytes, timestamp: time)
        return [UInt8](builder.finish())
    }

    /// Reads the marker of a control batch; nil for control records of other kinds.
    package init?(batch: UnsafeRawBufferPointer) {
        var reader = RecordBatchReader(controlBatch: batch)
        guard let record = try? reader.next(), let key = record.key, key.count >= 4 else { return nil }
        let type: Int16 = key.bigEndian(at: 2)
        guard type == 0 || type == 1 else { return nil }
        isCommit = type == 1
        coordinatorEpoch = record.value.flatMap { $0.count >= 6 ? $0.bigEndian(at: 2) : nil } ?? -1
    }
}
