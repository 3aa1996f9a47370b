/// Builds record batches (format v2), one after another, in memory that it reuses.
///
/// ```swift
/// builder.append(key: key, value: value, timestamp: time)
/// try producer.send(builder.finish(), to: partition)
/// builder.reset()
/// ```
/// Offsets count from 0: the broker sets the base when it appends. Nothing is allocated per record. Programmer errors
/// trap: a batch over 2 GiB, `finish` on an empty batch.
@usableFromInline package struct RecordBatchBuilder: ~Copyable {
    /// The batch so far; starts with room for the header.
    @usableFromInline var bytes: ByteWriter
    @usableFromInline var baseTimestamp: Int64 = 0
    @usableFromInline var maxTimestamp: Int64 = 0

    /// Records since the last `reset`.
    @inlinable package var recordCount: Int { storedRecordCount }
    @usableFromInline var storedRecordCount = 0

    /// The time of the first record since the last `reset`, and the greatest time of all.
    package var times: (first: Timestamp, latest: Timestamp) {
        (Timestamp(ms: baseTimestamp), Timestamp(ms: maxTimestamp))
    }

    /// Whether a record since the last `reset` has a null key.
    @inlinable package var lacksKey: Bool { storedLacksKey }
    @usableFromInline var storedLacksKey = false

    /// The size of the batch so far, header included.
    @inlinable package var byteCount: Int { bytes.count }

    /// The producer that sends the batch. Kept across `reset`; a producer with sequence numbers must set it before each
    /// `finish`.
    package var producer: ProducerStamp = .none

    /// Whether the batch holds a control record instead of data. Kept across `reset`.
    package var isControl = false

    /// How `finish` compresses the records. Kept across `reset`.
    package var compression = Compression.none
    /// The last batch that `finish` has compressed.
    private var packed: SharedBytes?

    /// Whether there is no record yet.
    @inlinable package var isEmpty: Bool { storedRecordCount == 0 }

    /// - Parameter capacity: the bytes to reserve at the start; the memory grows when needed and is kept.
    package init(capacity: Int = 64 * 1024) {
        bytes = ByteWriter(capacity: max(capacity, 256))
        bytes.advance(by: BatchFormat.headerSize)
    }

    /// The codec of a copied batch.
    private var copiedCodec: Int16 = 0

    /// Copies a batch, to send it with another producer's stamp. Its offsets must have no gaps, and its timestamps must
    /// be the records' own, not log append time. Compressed records stay compressed; no records can be added to them.
    package init(copying batch: UnsafeRawBufferPointer) throws(RecordBatchError) {
        let header = try RecordBatchHeader(batch)
        copiedCodec = header.attributes & BatchFormat.codecMask
        bytes = ByteWriter(capacity: batch.count)
        bytes.append(contentsOf: batch)
        (baseTimestamp, maxTimestamp) = (header.baseTimestamp.ms, header.maxTimestamp.ms)
        storedRecordCount = Int(header.recordCount)
    }

    /// Adds a record. A nil key or value is a null; an empty buffer is an empty value.
    @inlinable
    package mutating func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers = Headers()
    ) {
        guard headers.isEmpty, key?.count ?? 0 < 64, value?.count ?? 0 < 64 else {
            return append(
                timestamp: timestamp, headers: headers, hasKey: key != nil, hasValue: value != nil,
                key: { if let key { $0.append(contentsOf: key) } },
                value: { if let value { $0.append(contentsOf: value) } })
        }
        // The fast path for most records: reserves room for the whole record at once.
        let start = bytes.count
        let room = bytes.reserve(160)
        var place = beginRecord(at: room, timestamp)
        if key == nil { storedLacksKey = true }
        place = Self.storeShort(key, at: place)
        place = Self.storeShort(value, at: place)
        place.storeBytes(of: 0, as: UInt8.self)  // No headers.
        bytes.advance(by: place + 1 - room)
        endRecord(from: start, timestamp)
    }

    /// Adds a record whose key and value are written by closures. A closure may only append, and is not called for a
    /// null. If one throws, nothing is added.
    @inlinable @inline(__always)
    package mutating func append<Failure>(
        timestamp: Timestamp, headers: Headers = Headers(), hasKey: Bool, hasValue: Bool,
        key writeKey: (inout ByteWriter) throws(Failure) -> Void,
        value writeValue: (inout ByteWriter) throws(Failure) -> Void
    ) throws(Failure) {
        let start = bytes.count
        let room = bytes.reserve(32)
        bytes.advance(by: beginRecord(at: room, timestamp) - room)
        do throws(Failure) {
            try appendSized(hasKey, writeKey)
            try appendSized(hasValue, writeValue)
        } catch {
            bytes.truncate(to: start)
            throw error
        }
        if !hasKey { storedLacksKey = true }
        if headers.isEmpty { bytes.append(byte: 0) } else { bytes.append(headers) }
        endRecord(from: start, timestamp)
    }

    /// Writes everything before the key, at most 22 bytes: a byte for the record's length, which is usually enough; its
    /// attributes, none of which are defined; and the deltas of time and offset.
    @inlinable @inline(__always)
    mutating func beginRecord(at room: UnsafeMutableRawPointer, _ timestamp: Timestamp) -> UnsafeMutableRawPointer {
        if storedRecordCount == 0 { baseTimestamp = timestamp.ms }
        room.storeBytes(of: 0, as: UInt16.self)
        let place = storeSmallVarint(zigZag(timestamp.ms &- baseTimestamp), at: room + 2)
        return storeSmallVarint(zigZag(Int64(storedRecordCount)), at: place)
    }

    @inlinable @inline(__always)
    mutating func endRecord(from start: Int, _ timestamp: Timestamp) {
        bytes.setLength(at: start)
        if storedRecordCount == 0 || timestamp.ms > maxTimestamp { maxTimestamp = timestamp.ms }
        storedRecordCount &+= 1
    }

    @inlinable @inline(__always)
    static func storeShort(
        _ bytes: UnsafeRawBufferPointer?, at place: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        guard let bytes else {
            place.storeBytes(of: 1, as: UInt8.self)  // −1, zig-zagged: a null.
            return place + 1
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: bytes.count << 1), as: UInt8.self)
        if let start = bytes.baseAddress { (place + 1).copyShort(from: start, count: bytes.count) }
        return place + 1 + bytes.count
    }

    @inlinable @inline(__always)
    mutating func appendSized<Failure>(
        _ isThere: Bool, _ write: (inout ByteWriter) throws(Failure) -> Void
    ) throws(Failure) {
        let start = bytes.count
        bytes.append(byte: 1)  // −1, zig-zagged: a null.
        guard isThere else { return }
        try write(&bytes)
        precondition(bytes.count > start, "a serde's encode must only append")
        bytes.setLength(at: start)
    }

    /// Writes the batch's header and checksum. More records may be added afterwards; then `finish` must be called
    /// again.
    /// - Returns: the whole batch, valid until the next `append`, `finish` or `reset`.
    package mutating func finish() -> UnsafeRawBufferPointer {
        let batch = finishUncompressed()
        if compression == .none { return batch }
        do {
            packed = try RecordBatchHeader(batch).packed(batch, as: compression)
        } catch {
            preconditionFailure("\(error)")  // It was written above.
        }
        return packed?.bytes ?? batch
    }

    private mutating func finishUncompressed() -> UnsafeRawBufferPointer {
        precondition(storedRecordCount > 0, "a record batch holds at least one record")
        precondition(byteCount <= Int32.max, "a record batch is at most 2 GiB")
        let batch = UnsafeMutableRawBufferPointer(start: bytes.base, count: byteCount)
        batch[BatchFormat.baseOffset] = 0
        batch[BatchFormat.length] = Int32(byteCount - BatchFormat.lengthEnd)
        batch[BatchFormat.leaderEpoch] = -1
        batch[BatchFormat.magic] = BatchFormat.version
        batch[BatchFormat.attributes] =
            (producer.isTransactional ? BatchFormat.transactional : 0) | (isControl ? BatchFormat.control : 0)
            | copiedCodec
        batch[BatchFormat.lastOffsetDelta] = Int32(storedRecordCount - 1)
        batch[BatchFormat.baseTimestamp] = baseTimestamp
        batch[BatchFormat.maxTimestamp] = maxTimestamp
        batch[BatchFormat.producerID] = producer.id
        batch[BatchFormat.producerEpoch] = producer.epoch
        batch[BatchFormat.baseSequence] = producer.baseSequence
        batch[BatchFormat.recordCount] = Int32(storedRecordCount)
        batch[BatchFormat.checksum] = crc32c(UnsafeRawBufferPointer(rebasing: batch[BatchFormat.crcEnd...]))
        return UnsafeRawBufferPointer(batch)
    }

    /// Starts the next batch in the same memory.
    @inlinable package mutating func reset() {
        storedRecordCount = 0
        storedLacksKey = false
        bytes.truncate(to: BatchFormat.headerSize)
    }
}

extension ByteWriter {
    /// Sets the byte at `place` to the number of bytes that follow it. If the length needs more bytes, moves the
    /// following bytes to make room.
    @inlinable @inline(__always)
    mutating func setLength(at place: Int) {
        let length = count &- place &- 1
        guard length < 64 else { return setLongLength(length, at: place) }
        (base + place).storeBytes(of: UInt8(truncatingIfNeeded: length << 1), as: UInt8.self)
    }

    @usableFromInline @inline(never) mutating func setLongLength(_ length: Int, at place: Int) {
        let extra = varintSize(zigZag(Int64(length))) - 1
        _ = reserve(extra)
        (base + place + 1 + extra).copyMemory(from: base + place + 1, byteCount: length)
        _ = storeVarint(zigZag(Int64(length)), at: base + place)
        advance(by: extra)
    }

    @usableFromInline mutating func append(_ headers: Headers) {
        append(varint: Int64(headers.count))
        for header in headers {
            append(varint: Int64(header.name.utf8.count))
            append(utf8: header.name)
            append(varint: Int64(header.value?.count ?? -1))
            if let value = header.value { append(contentsOf: value) }
        }
    }
}
