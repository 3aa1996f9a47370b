// The checks on batches before they are appended, and their compression as the topic requires.

package import MoldauRecords

extension PartitionLog {
    /// Checks everything that a reader or a later compaction relies on, and what the topic's settings require.
    func validate(
        _ batches: UnsafeRawBufferPointer, now: Timestamp, takesControl: Bool, walksRecords: Bool
    ) throws(LogError) {
        guard batches.count > 0 else { throw .invalidBatch(.truncated(needed: BatchFormat.headerSize, got: 0)) }
        var rest = batches
        while rest.count > 0 {
            let header = try parseBatch(rest)
            try checkSize(header.byteCount)
            guard takesControl || !header.isControl else { throw .controlBatch }
            let batch: UnsafeRawBufferPointer
            let firstWithoutKey: Int?
            do {
                try header.validateChecksum(rest)
                batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
                firstWithoutKey =
                    walksRecords ? try header.validateRecords(batch, isKeyed: configuration.compacts) : nil
            } catch {
                throw .invalidBatch(error)
            }
            if let firstWithoutKey { throw .nullKey(record: firstWithoutKey) }
            try checkTimes(of: header, batch, now: now)
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
    }

    private func checkSize(_ byteCount: Int) throws(LogError) {
        guard byteCount <= configuration.maxMessageBytes else {
            throw .batchTooLarge(bytes: byteCount, limit: configuration.maxMessageBytes)
        }
    }

    /// Refuses records whose timestamps are further from `now` than the topic allows. Reads the individual records only
    /// if the batch's newest timestamp is not sufficient. A record without a timestamp is not refused.
    private func checkTimes(
        of header: RecordBatchHeader, _ batch: UnsafeRawBufferPointer, now: Timestamp
    ) throws(LogError) {
        let (before, after) = (configuration.timestampBeforeMaxMs, configuration.timestampAfterMaxMs)
        if before == .max && after == .max || configuration.isLogAppendTime || header.isControl { return }
        let earliest = before == .max ? Timestamp(ms: .min) : now.adding(ms: -before)
        let allowed = earliest...max(now.adding(ms: after), earliest)
        if before == .max, header.maxTimestamp <= allowed.upperBound { return }
        var reader = RecordBatchReader(batch)
        var refused: RecordView?
        do throws(RecordBatchError) {
            while refused == nil, let record = try reader.next() {
                if record.timestamp != .none, !allowed.contains(record.timestamp) { refused = record }
            }
        } catch {
            throw .invalidBatch(error)
        }
        guard let refused else { return }
        throw .timestampOutOfBounds(
            record: Int(refused.offset - header.baseOffset), time: refused.timestamp, allowed: allowed)
    }

    /// The batch, recompressed as the topic's `compression.type` requires; nil if it already is.
    /// - Throws: `LogError.batchTooLarge` if it is then larger than the topic accepts.
    func repacked(
        _ header: RecordBatchHeader, _ batch: UnsafeRawBufferPointer
    ) throws(LogError) -> SharedBytes? {
        guard let wanted = configuration.compression, header.codec != wanted.rawValue, !header.isControl else {
            return nil
        }
        let repacked: SharedBytes
        do { repacked = try header.packed(batch, as: wanted) } catch { throw .invalidBatch(error) }
        try checkSize(repacked.count)
        return repacked
    }
}

extension RecordBatchHeader {
    /// Checks the form of the bytes that a client sent for one partition: from Produce v3 on, one whole record batch of
    /// format 2 whose offsets count from 0. Appending it checks the rest.
    /// - Throws: `LogError.notOneBatch`, `.invalidBatch`.
    package static func checkSent(_ bytes: UnsafeRawBufferPointer) throws(LogError) {
        let header: RecordBatchHeader
        do { header = try RecordBatchHeader(bytes) } catch { throw .invalidBatch(error) }
        guard header.byteCount == bytes.count else { throw .notOneBatch(size: header.byteCount, sent: bytes.count) }
        guard header.baseOffset == .zero else {
            throw .invalidBatch(.malformed(baseOffset: header.baseOffset, field: .baseOffset))
        }
    }
}
