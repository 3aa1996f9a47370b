// Compaction deletes records from batches. A batch keeps its offset range, producer and sequence numbers, so its last
// offsets may have no records, and it may be empty.
//
// Bit 6 of the attributes says that the base timestamp is the delete horizon: the time after which the batch's
// tombstones may be deleted (KIP-534). The records' timestamp deltas then count from it.

extension RecordBatchHeader {
    /// The time after which tombstones and markers in the batch may be deleted; nil if compaction has not set it yet.
    package var deleteHorizon: Timestamp? { attributes & BatchFormat.deleteHorizon != 0 ? baseTimestamp : nil }

    /// What compaction needs to know about a record. The key is valid during the call only.
    package struct Entry {
        package let offset: Offset
        package let key: UnsafeRawBufferPointer?
        package let isTombstone: Bool
    }

    /// A copy of the batch with the records that `keeps` accepts.
    /// - Parameters:
    ///   - batch: the whole batch, which begins with this header.
    ///   - horizon: the delete horizon to set; nil leaves it as it is.
    ///   - newCompression: the copy's compression; nil: that of the batch. An empty copy is never compressed.
    ///   - keeps: whether a record is kept.
    /// - Throws: `RecordBatchError.malformed`; the errors of unpacking.
    package func filtered(
        _ batch: UnsafeRawBufferPointer, horizon: Timestamp?, as newCompression: Compression? = nil,
        keeping keeps: (Entry) -> Bool
    ) throws(RecordBatchError) -> [UInt8] {
        let compression = if let newCompression { newCompression } else { try self.compression }
        let records = UnsafeRawBufferPointer(rebasing: batch[BatchFormat.headerSize..<byteCount])
        let unpacked = codec == 0 || recordCount == 0 ? nil : try unpack(records)
        defer { withExtendedLifetime(unpacked) {} }
        var writer = ByteWriter(capacity: batch.count + 32)
        writer.append(contentsOf: UnsafeRawBufferPointer(rebasing: batch[..<BatchFormat.headerSize]))
        var cursor = ByteCursor(unpacked?.bytes ?? records)
        var (kept, latest): (Int32, Timestamp?) = (0, nil)
        let newBase = horizon ?? baseTimestamp
        for _ in 0..<recordCount {
            let record: RawRecord
            do { record = try RawRecord(&cursor) } catch {
                throw .malformed(baseOffset: baseOffset, field: .recordLength)
            }
            let entry = Entry(
                offset: baseOffset + Int64(record.offsetDelta), key: record.key, isTombstone: record.isTombstone)
            guard keeps(entry) else { continue }
            kept += 1
            let time = Timestamp(ms: baseTimestamp.ms &+ record.timestampDelta)
            latest = max(latest ?? time, time)
            writer.append(record, timestampDelta: time.ms &- newBase.ms)
        }
        var attributes = attributes & ~BatchFormat.codecMask | (horizon == nil ? 0 : BatchFormat.deleteHorizon)
        if kept > 0, compression != .none {
            attributes |= Int16(compression.rawValue)
            writer.pack(from: BatchFormat.headerSize, by: compression)
        }
        var bytes = Array(writer.bytes)
        let newLatest = isLogAppendTime ? maxTimestamp : latest ?? maxTimestamp
        bytes.withUnsafeMutableBytes { bytes in
            bytes[BatchFormat.length] = Int32(bytes.count - BatchFormat.lengthEnd)
            bytes[BatchFormat.attributes] = attributes
            bytes[BatchFormat.baseTimestamp] = newBase.ms
            bytes[BatchFormat.maxTimestamp] = newLatest.ms
            bytes[BatchFormat.recordCount] = kept
            bytes[BatchFormat.checksum] = crc32c(UnsafeRawBufferPointer(rebasing: bytes[BatchFormat.crcEnd...]))
        }
        return bytes
    }
}

/// A record as it is stored in a batch.
private struct RawRecord {
    let attributes: UInt8
    let timestampDelta: Int64
    let offsetDelta: Int32
    let key: UnsafeRawBufferPointer?
    let isTombstone: Bool
    /// Everything after the timestamp.
    let rest: UnsafeRawBufferPointer

    /// Reads the next record.
    init(_ cursor: inout ByteCursor) throws(VarintError) {
        let length = Int(try cursor.readVarint())
        guard length >= 1, length <= cursor.remaining else { throw .truncated }
        var fields = ByteCursor(from: cursor.position, count: length)
        cursor.position += length
        attributes = fields.position.load(as: UInt8.self)
        fields.position += 1
        timestampDelta = try fields.readVarlong()
        rest = UnsafeRawBufferPointer(start: fields.position, count: fields.remaining)
        offsetDelta = try fields.readVarint()
        let keyLength = Int(try fields.readVarint())
        guard keyLength >= -1, keyLength <= fields.remaining else { throw .truncated }
        key = keyLength < 0 ? nil : UnsafeRawBufferPointer(start: fields.position, count: keyLength)
        fields.position += max(keyLength, 0)
        isTombstone = try fields.readVarint() < 0
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ record: RawRecord, timestampDelta: Int64) {
        append(varint: Int64(1 + varintSize(zigZag(timestampDelta)) + record.rest.count))
        append(byte: record.attributes)
        append(varint: timestampDelta)
        append(contentsOf: record.rest)
    }
}
