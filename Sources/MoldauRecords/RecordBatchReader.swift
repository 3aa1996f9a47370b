/// A record inside its batch. Its pointers are valid as long as the batch's bytes; those of a record in a compressed
/// batch, until its reader moves to the next batch or is destroyed.
public struct RecordView {
    /// The record's position in its partition.
    public let offset: Offset
    /// The time of the event.
    public let timestamp: Timestamp
    /// nil for a null.
    public let key: UnsafeRawBufferPointer?
    /// nil for a null.
    public let value: UnsafeRawBufferPointer?
    /// The headers as encoded: their count, then names and values.
    @usableFromInline let encodedHeaders: UnsafeRawBufferPointer

    @inlinable init(
        offset: Offset, timestamp: Timestamp, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        encodedHeaders: UnsafeRawBufferPointer
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.encodedHeaders = encodedHeaders
    }

    /// Whether it has headers, without reading them.
    @inlinable public var hasHeaders: Bool { encodedHeaders[0] != 0 }

    /// Decodes the headers; allocates only if there are any.
    /// - Throws: `RecordBatchError.malformed` with the part `record headers`.
    public func headers() throws(RecordBatchError) -> Headers {
        guard hasHeaders else { return Headers() }
        do {
            return try decodeHeaders()
        } catch {
            throw .malformed(baseOffset: offset, field: .headers)
        }
    }

    private func decodeHeaders() throws(VarintError) -> Headers {
        var cursor = ByteCursor(encodedHeaders)
        let count = try cursor.readVarint()
        // A header takes at least two bytes. A greater count is malformed, and is rejected before memory is reserved
        // for it.
        guard count >= 0, Int(count) <= cursor.remaining / 2 else { throw .truncated }
        var headers: [Header] = []
        headers.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let name = try cursor.readBytes(), let text = String(utf8: name) else {
                throw .truncated
            }
            headers.append(Header(text, try cursor.readBytes().map(Array.init)))
        }
        guard cursor.remaining == 0 else { throw .tooLong }
        return Headers(headers)
    }
}

extension ByteCursor {
    /// Reads a varint length and that many bytes; nil for the length -1.
    @usableFromInline mutating func readBytes() throws(VarintError) -> UnsafeRawBufferPointer? {
        let count = Int(try readVarint())
        if count == -1 { return nil }
        guard count >= 0, count <= remaining else { throw .truncated }
        defer { position += count }
        return UnsafeRawBufferPointer(start: position, count: count)
    }
}

/// Iterates over the records of consecutive batches without copying. Compressed batches are unpacked, one at a time.
///
/// ```swift
/// var reader = RecordBatchReader(fetched.bytes.bytes, from: fetched.firstOffset)
/// while let record = try reader.next() { … }
/// ```
/// Skips control batches and records below `from`. Ignores an incomplete batch at the end, which a fetch may return.
/// Does not verify checksums (see `RecordBatchHeader.validateChecksum`), but no bytes can make it trap or read out of
/// bounds.
@usableFromInline package struct RecordBatchReader {
    // Invariant: `cursor` walks the records of the current batch and ends where they end; the next batch begins at
    // `nextBatch`, if there is one.
    @usableFromInline var cursor: ByteCursor
    private var nextBatch: UnsafeRawPointer
    /// The records of the current batch if it is compressed.
    @usableFromInline var unpacked: SharedBytes?
    @usableFromInline var recordsLeft: Int32 = 0
    @usableFromInline var baseOffset: Int64 = 0
    @usableFromInline var lastOffsetDelta: Int32 = 0
    @usableFromInline var baseTimestamp: Int64 = 0
    /// The timestamp of every record in a batch of log append time.
    @usableFromInline var appendTime: Int64?
    @usableFromInline let end: UnsafeRawPointer
    @usableFromInline let from: Int64
    private let showsControl: Bool

    /// The offset after the last batch that was started or skipped: where to continue reading after these bytes, even
    /// if the last batch had no record to return. Before the first batch: `from`.
    package private(set) var nextOffset: Offset

    /// - Parameter from: records below this offset are skipped.
    package init(_ bytes: UnsafeRawBufferPointer, from: Offset = .zero) {
        let start = bytes.start
        cursor = ByteCursor(from: start, count: 0)
        nextBatch = start
        end = start + bytes.count
        self.from = from.value
        showsControl = false
        nextOffset = from
    }

    /// Reads the record of a control batch instead of skipping it.
    package init(controlBatch bytes: UnsafeRawBufferPointer) {
        let start = bytes.start
        cursor = ByteCursor(from: start, count: 0)
        nextBatch = start
        end = start + bytes.count
        from = 0
        showsControl = true
        nextOffset = .zero
    }

    /// The next record; nil after the last.
    /// - Throws: `RecordBatchError`. The reader cannot continue after an error.
    @inlinable
    package mutating func next() throws(RecordBatchError) -> RecordView? {
        while true {
            while recordsLeft > 0 {
                let record = if let short = readShortRecord() { short } else { try readRecord() }
                if record.offset.value >= from { return record }
            }
            guard try beginBatch() else { return nil }
        }
    }

    /// Reads records of one batch: the current one or, if it has no more, the next.
    /// - Parameter records: memory for `limit` records, at least one; uninitialized.
    /// - Returns: how many were read; 0 after the last.
    /// - Throws: `RecordBatchError` if the first record cannot be read; if a later one cannot, the records before it
    ///   are returned. The reader cannot continue after an error.
    package mutating func read(
        into records: UnsafeMutablePointer<RecordView>, upTo limit: Int
    ) throws(RecordBatchError) -> Int {
        while true {
            guard recordsLeft > 0 else {
                guard try beginBatch() else { return 0 }
                continue
            }
            var count = readShortRecords(into: records, upTo: limit)
            while count < limit, recordsLeft > 0 {
                do throws(RecordBatchError) {
                    let record = try readRecord()
                    guard record.offset.value >= from else { continue }
                    (records + count).initialize(to: record)
                    count += 1
                } catch {
                    guard count > 0 else { throw error }
                    return count
                }
                count += readShortRecords(into: records + count, upTo: limit - count)
            }
            if count > 0 { return count }
        }
    }

    /// Reads records until one is not short. What changes with each record stays in registers.
    private mutating func readShortRecords(into records: UnsafeMutablePointer<RecordView>, upTo limit: Int) -> Int {
        var (place, left, count) = (cursor, recordsLeft, 0)
        while count < limit, left > 0, let record = shortRecord(at: place, isLast: left == 1) {
            place.position = record.encodedHeaders.start + 1
            left &-= 1
            guard record.offset.value >= from else { continue }
            (records + count).initialize(to: record)
            count += 1
        }
        (cursor, recordsLeft) = (place, left)
        return count
    }

    /// Whether the current batch was unpacked into the reader's memory, which is valid until the reader moves to
    /// another batch.
    @inlinable package var isUnpacked: Bool { unpacked != nil }

    /// The fast path for most records.
    /// - Returns: nil for any other record; then nothing was read.
    @inlinable @inline(__always)
    mutating func readShortRecord() -> RecordView? {
        guard let record = shortRecord(at: cursor, isLast: recordsLeft == 1) else { return nil }
        cursor.position = record.encodedHeaders.start + 1
        recordsLeft &-= 1
        return record
    }

    /// A record of at most 64 bytes, with key and value, time and offset deltas of at most two bytes each, and no
    /// headers: it ends with their count.
    /// - Returns: nil for any other record.
    @inlinable @inline(__always)
    func shortRecord(at cursor: ByteCursor, isLast: Bool) -> RecordView? {
        let start = cursor.position
        guard cursor.end - start >= 10 else { return nil }
        let length = start.load(as: UInt8.self)
        let recordEnd = start + 1 + Int(length >> 1)
        guard length & 0x81 == 0, length >= 12, recordEnd <= cursor.end else { return nil }
        var place = start + 2
        guard let timestampDelta = Self.twoBytes(&place), let offsetDelta = Self.twoBytes(&place) else { return nil }
        guard offsetDelta >= 0, offsetDelta <= Int64(lastOffsetDelta) else { return nil }
        let keyLength = place.load(as: UInt8.self)
        let valueStart = place + 1 + Int(keyLength >> 1)
        guard keyLength & 0x81 == 0, valueStart < recordEnd else { return nil }
        let valueLength = valueStart.load(as: UInt8.self)
        let headers = valueStart + 1 + Int(valueLength >> 1)
        guard valueLength & 0x81 == 0, headers == recordEnd - 1, headers.load(as: UInt8.self) == 0 else { return nil }
        guard !isLast || recordEnd == cursor.end else { return nil }
        return RecordView(
            offset: Offset(baseOffset &+ offsetDelta),
            timestamp: Timestamp(ms: appendTime ?? (baseTimestamp &+ timestampDelta)),
            key: UnsafeRawBufferPointer(start: place + 1, count: Int(keyLength >> 1)),
            value: UnsafeRawBufferPointer(start: valueStart + 1, count: Int(valueLength >> 1)),
            encodedHeaders: UnsafeRawBufferPointer(start: headers, count: 1))
    }

    /// Reads a signed varint of one or two bytes; nil if it is longer. Two bytes must be readable.
    @inlinable @inline(__always)
    static func twoBytes(_ place: inout UnsafeRawPointer) -> Int64? {
        let first = UInt64(place.load(as: UInt8.self))
        var bits = first
        place += 1
        if first >= 0x80 {
            let second = UInt64(place.load(as: UInt8.self))
            place += 1
            guard second < 0x80 else { return nil }
            bits = first & 0x7f | second << 7
        }
        return Int64(bitPattern: (bits >> 1) ^ (0 &- (bits & 1)))
    }

    @inlinable @inline(__always)
    mutating func readRecord() throws(RecordBatchError) -> RecordView {
        var cursor = cursor  // A local copy stays in registers; it is written back if the record is valid.
        let length = try field(.recordLength, &cursor) { cursor throws(VarintError) in try cursor.readVarint() }
        guard length > 0, Int(length) <= cursor.remaining else { throw malformed(.recordLength) }
        let recordEnd = cursor.position + Int(length)
        cursor.position += 1  // The record's attributes: none are defined.
        let timestampDelta = try field(.recordTimestamp, &cursor) { cursor throws(VarintError) in
            try cursor.readVarlong()
        }
        let offsetDelta = try field(.recordOffset, &cursor) { cursor throws(VarintError) in try cursor.readVarint() }
        guard offsetDelta >= 0, offsetDelta <= lastOffsetDelta else { throw malformed(.recordOffset) }
        let key = try readSlice(.keyLength, &cursor, recordEnd)
        let value = try readSlice(.valueLength, &cursor, recordEnd)
        guard cursor.position < recordEnd else { throw malformed(.headers) }
        let headers = UnsafeRawBufferPointer(start: cursor.position, count: recordEnd - cursor.position)
        guard recordsLeft > 1 || recordEnd == cursor.end else { throw malformed(.trailingBytes) }
        self.cursor.position = recordEnd
        recordsLeft &-= 1
        return RecordView(
            // Cannot overflow: the check of the header's base offset leaves room for any delta.
            offset: Offset(baseOffset &+ Int64(offsetDelta)),
            timestamp: Timestamp(ms: appendTime ?? (baseTimestamp &+ timestampDelta)),
            key: key, value: value, encodedHeaders: headers)
    }

    @inlinable @inline(__always)
    func readSlice(
        _ name: BatchField, _ cursor: inout ByteCursor, _ recordEnd: UnsafeRawPointer
    ) throws(RecordBatchError) -> UnsafeRawBufferPointer? {
        let count = Int(try field(name, &cursor) { cursor throws(VarintError) in try cursor.readVarint() })
        if count < 0 {
            guard count == -1 else { throw malformed(name) }
            return nil
        }
        let start = cursor.position
        guard count <= recordEnd - start else { throw malformed(name) }
        cursor.position = start + count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    @inlinable @inline(__always)
    func field<Number>(
        _ name: BatchField, _ cursor: inout ByteCursor, _ read: (inout ByteCursor) throws(VarintError) -> Number
    ) throws(RecordBatchError) -> Number {
        do {
            return try read(&cursor)
        } catch {
            throw malformed(name)
        }
    }

    @usableFromInline func malformed(_ field: BatchField) -> RecordBatchError {
        .malformed(baseOffset: Offset(baseOffset), field: field)
    }

    /// Moves to the next batch that has records to return.
    /// - Returns: false if no whole batch is left.
    @usableFromInline mutating func beginBatch() throws(RecordBatchError) -> Bool {
        while true {
            let rest = UnsafeRawBufferPointer(start: nextBatch, count: end - nextBatch)
            guard rest.count >= BatchFormat.headerSize else { return false }
            let header = try RecordBatchHeader(rest)
            guard header.byteCount <= rest.count else { return false }
            nextBatch += header.byteCount
            nextOffset = max(nextOffset, header.lastOffset + 1)
            if header.isControl != showsControl || header.lastOffset.value < from || header.recordCount == 0 {
                continue
            }
            let records = UnsafeRawBufferPointer(rebasing: rest[BatchFormat.headerSize..<header.byteCount])
            unpacked = header.codec == 0 ? nil : try header.unpack(records)
            cursor = ByteCursor(unpacked?.bytes ?? records)
            recordsLeft = header.recordCount
            baseOffset = header.baseOffset.value
            lastOffsetDelta = header.lastOffsetDelta
            baseTimestamp = header.baseTimestamp.ms
            appendTime = header.isLogAppendTime ? header.maxTimestamp.ms : nil
            return true
        }
    }
}
