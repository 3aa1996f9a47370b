// What a batch has to be before a log takes it: readers rely on all of it, and what one of them cannot read stops it for good.

extension RecordBatchHeader {
    /// Bits that a producer may set: codec, transactional, control.
    private static var producerBits: Int16 { 0x37 }

    /// Checks that the batch is what its header says, to the last byte: as many records as it counts, each whole and at the next
    /// offset, none later than the greatest timestamp. Some nanoseconds a record; allocates only for headers of records.
    /// - Parameters:
    ///   - batch: the whole batch of this header. Its checksum is not looked at.
    ///   - isKeyed: whether each record must have a key.
    /// - Returns: the number in the batch of the first record without a key, where there must be one.
    /// - Throws: `RecordBatchError.malformed`; `.unsupportedCompression`, as nobody here could read it.
    package func validateRecords(
        _ batch: UnsafeRawBufferPointer, isKeyed: Bool = false
    ) throws(RecordBatchError) -> Int? {
        guard attributes & ~Self.producerBits == 0 else { throw malformed(.attributes) }
        guard codec == 0 else {
            guard codec <= 4 else { throw malformed(.attributes) }
            throw .unsupportedCompression(codec: codec)
        }
        guard recordCount > 0, recordCount == lastOffsetDelta &+ 1 else { throw malformed(.recordCount) }
        guard producer.id >= 0 ? producer.epoch >= 0 : producer.id == -1 && !producer.isTransactional else {
            throw malformed(.producer)
        }
        var reader = isControl ? RecordBatchReader(controlBatch: batch) : RecordBatchReader(batch)
        var (next, latest) = (baseOffset.value, Int64.min)
        var firstWithoutKey: Int?
        while let record = try reader.next() {
            guard record.offset.value == next else { throw malformed(.recordOffset) }
            if isKeyed, record.key == nil, firstWithoutKey == nil {
                firstWithoutKey = Int(truncatingIfNeeded: next &- baseOffset.value)
            }
            next &+= 1
            latest = max(latest, record.timestamp.ms)
            guard record.hasHeaders || record.encodedHeaders.count == 1 else { throw malformed(.headers) }
            do { _ = try record.headers() } catch { throw malformed(.headers) }
        }
        guard next == baseOffset.value &+ Int64(recordCount) else { throw malformed(.recordCount) }
        guard latest == maxTimestamp.ms else { throw malformed(.recordTimestamp) }
        return firstWithoutKey
    }

    private func malformed(_ field: BatchField) -> RecordBatchError {
        .malformed(baseOffset: baseOffset, field: field)
    }
}
