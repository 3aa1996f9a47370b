// What a log checks before it appends a batch. Readers rely on all of these checks: a batch that a reader cannot parse
// blocks it for good.

extension RecordBatchHeader {
    /// Bits that a producer may set: codec, transactional, control.
    private static var producerBits: Int16 { 0x37 }

    /// Checks that the batch matches its header to the last byte: as many records as it counts, each complete and at
    /// the next offset, the latest at its greatest timestamp. Takes a few nanoseconds per record; allocates only for
    /// records' headers and to unpack a compressed batch.
    /// - Parameters:
    ///   - batch: the whole batch, which begins with this header. Its checksum is not verified.
    ///   - isKeyed: whether each record must have a key.
    /// - Returns: the index in the batch of the first record without a key, if `isKeyed`; otherwise nil.
    /// - Throws: `RecordBatchError.malformed`, `.unsupportedCompression`, `.unpackedTooLarge`.
    package func validateRecords(
        _ batch: UnsafeRawBufferPointer, isKeyed: Bool = false
    ) throws(RecordBatchError) -> Int? {
        guard attributes & ~Self.producerBits == 0 else { throw malformed(.attributes) }
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
        var (next, latest) = (Int64(0), Int64.min)
        var firstWithoutKey: Int?
        while recordsLeft > 0 {
            passShortRecords(&next, &latest, isKeyed: isKeyed)
            // The last record is never skipped: `readRecord` checks that nothing follows it.
            let record = try readRecord()
            guard record.offset.value == header.baseOffset.value &+ next else { throw header.malformed(.recordOffset) }
            latest = max(latest, record.timestamp.ms)
            if isKeyed, record.key == nil, firstWithoutKey == nil { firstWithoutKey = Int(next) }
            guard record.hasHeaders || record.encodedHeaders.count == 1 else { throw header.malformed(.headers) }
            do { _ = try record.headers() } catch { throw header.malformed(.headers) }
            next &+= 1
        }
        guard latest == header.maxTimestamp.ms else { throw header.malformed(.recordTimestamp) }
        return firstWithoutKey
    }

    /// Skips valid records until the last one, or one that is not short: at most 64 bytes, time and offset deltas of at
    /// most two bytes each, no headers. Every append pays for this, so it loads only what it checks and keeps it in
    /// registers.
    private mutating func passShortRecords(_ next: inout Int64, _ latest: inout Int64, isKeyed: Bool) {
        var (position, count, newest) = (cursor.position, next, latest)
        let (end, base, last) = (cursor.end, baseTimestamp, next &+ Int64(recordsLeft) &- 1)
        while count < last, end - position >= 10 {
            let length = position.load(as: UInt8.self)
            let recordEnd = position + 1 + Int(length >> 1)
            guard length & 0x81 == 0, length >= 12, recordEnd <= end else { break }
            var place = position + 2
            guard let time = Self.twoBytes(&place), Self.twoBytes(&place) == count,
                !isKeyed || place.load(as: UInt8.self) != 1,
                Self.passShortBytes(&place), place < recordEnd, Self.passShortBytes(&place),
                place == recordEnd - 1, place.load(as: UInt8.self) == 0
            else { break }
            newest = max(newest, base &+ time)
            position = recordEnd
            count &+= 1
        }
        recordsLeft &-= Int32(truncatingIfNeeded: count &- next)
        (cursor.position, next, latest) = (position, count, newest)
    }

    /// Skips a key or value of at most 63 bytes, or a null.
    @inline(__always)
    private static func passShortBytes(_ place: inout UnsafeRawPointer) -> Bool {
        let length = place.load(as: UInt8.self)
        guard length & 0x81 == 0 || length == 1 else { return false }
        place += 1 + (length == 1 ? 0 : Int(length >> 1))
        return true
    }
}
