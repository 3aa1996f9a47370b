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
        return try reader.validateOnlyBatch(of: self, isKeyed: isKeyed)
    }

    fileprivate func malformed(_ field: BatchField) -> RecordBatchError {
        .malformed(baseOffset: baseOffset, field: field)
    }
}

extension RecordBatchReader {
    fileprivate mutating func validateOnlyBatch(
        of header: RecordBatchHeader, isKeyed: Bool
    ) throws(RecordBatchError) -> Int? {
        guard try beginBatch() else { throw header.malformed(.batchLength) }
        var (next, latest) = (header.baseOffset.value, Int64.min)
        var firstWithoutKey: Int?
        while recordsLeft > 0 {
            let offset: Int64
            // Not by `next`: what is not looked at is not even loaded here, which halves the cost.
            if let short = readShortRecord() {
                offset = short.offset.value
                latest = max(latest, short.timestamp.ms)
            } else {
                let record = try readRecord()
                offset = record.offset.value
                latest = max(latest, record.timestamp.ms)
                if isKeyed, record.key == nil, firstWithoutKey == nil {
                    firstWithoutKey = Int(truncatingIfNeeded: next &- header.baseOffset.value)
                }
                guard record.hasHeaders || record.encodedHeaders.count == 1 else { throw header.malformed(.headers) }
                do { _ = try record.headers() } catch { throw header.malformed(.headers) }
            }
            guard offset == next else { throw header.malformed(.recordOffset) }
            next &+= 1
        }
        guard latest == header.maxTimestamp.ms else { throw header.malformed(.recordTimestamp) }
        return firstWithoutKey
    }
}
