/// Builds one record batch v2 after another in memory that it keeps.
///
/// ```swift
/// builder.append(key: key, value: value, timestamp: time)
/// try producer.send(builder.finish(), to: partition)
/// builder.reset()
/// ```
/// Offsets count from 0: the broker sets the base when it appends. Nothing is allocated per record. Programmer errors
/// trap: a batch over 2 GiB, `finish` on an empty batch.
public struct RecordBatchBuilder: ~Copyable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var baseTimestamp: Int64 = 0
    @usableFromInline var maxTimestamp: Int64 = 0

    /// Records since the last `reset`.
    @inlinable public var recordCount: Int { storedRecordCount }
    @usableFromInline var storedRecordCount = 0

    /// Bytes of the batch as it stands, header included.
    @inlinable public var byteCount: Int { storedByteCount }
    @usableFromInline var storedByteCount = BatchFormat.headerSize

    /// Whose batch it is. Kept over `reset`; a producer with sequence numbers sets it before each `finish`.
    public var producer: ProducerStamp = .none

    /// Whether the batch holds a control record instead of data. Kept over `reset`.
    package var isControl = false

    @inlinable public var isEmpty: Bool { storedRecordCount == 0 }

    /// - Parameter capacity: the bytes to reserve at once; more are taken when needed, and kept.
    public init(capacity: Int = 64 * 1024) {
        self.capacity = max(capacity, 256)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Adds a record. A nil key or value is a null; an empty buffer is not.
    @inlinable
    public mutating func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers = Headers()
    ) {
        if storedRecordCount == 0 {
            baseTimestamp = timestamp.ms
            maxTimestamp = timestamp.ms
        } else if timestamp.ms > maxTimestamp {
            maxTimestamp = timestamp.ms
        }
        let timestampDelta = zigZag(timestamp.ms &- baseTimestamp)
        let offsetDelta = zigZag(Int64(storedRecordCount))
        if headers.isEmpty, key?.count ?? 0 < 64, value?.count ?? 0 < 64 {
            return appendShort(key, value, timestampDelta: timestampDelta, offsetDelta: offsetDelta)
        }
        let keyLength = zigZag(key.map { Int64($0.count) } ?? -1)
        let valueLength = zigZag(value.map { Int64($0.count) } ?? -1)
        let length =
            1 + varintSize(timestampDelta) + varintSize(offsetDelta)
            + varintSize(keyLength) + (key?.count ?? 0)
            + varintSize(valueLength) + (value?.count ?? 0)
            + (headers.isEmpty ? 1 : Self.headersSize(headers))
        if storedByteCount + length + 10 > capacity { grow(by: length + 10) }

        var place = storeVarint(zigZag(Int64(length)), at: base + storedByteCount)
        place.storeBytes(of: 0, as: UInt8.self)  // The record's attributes: none are defined.
        place = storeVarint(timestampDelta, at: place + 1)
        place = storeVarint(offsetDelta, at: place)
        place = Self.store(key, length: keyLength, at: place)
        place = Self.store(value, length: valueLength, at: place)
        if headers.isEmpty {
            place.storeBytes(of: 0, as: UInt8.self)
            place += 1
        } else {
            place = Self.store(headers, at: place)
        }
        storedByteCount = place - base
        storedRecordCount += 1
    }

    /// Most records: without headers, the lengths of key and value a byte each.
    @inlinable @inline(__always)
    mutating func appendShort(
        _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?, timestampDelta: UInt64, offsetDelta: UInt64
    ) {
        // Two bytes for the record's length, of which one is mostly enough, ten for each delta, and the bytes themselves.
        if storedByteCount + 160 > capacity { grow(by: 160) }
        let start = base + storedByteCount
        var place = start + 1
        place.storeBytes(of: 0, as: UInt8.self)  // The record's attributes: none are defined.
        place = Self.storeSmall(timestampDelta, at: place + 1)
        place = Self.storeSmall(offsetDelta, at: place)
        place = Self.storeShort(key, at: place)
        place = Self.storeShort(value, at: place)
        place.storeBytes(of: 0, as: UInt8.self)  // No headers.
        place += 1
        let length = place - start - 1
        if length < 64 {
            start.storeBytes(of: UInt8(truncatingIfNeeded: length << 1), as: UInt8.self)
        } else {
            (start + 2).copyMemory(from: start + 1, byteCount: length)
            place = storeVarint(UInt64(truncatingIfNeeded: length << 1), at: start) + length
        }
        storedByteCount = place - base
        storedRecordCount += 1
    }

    /// A varint that mostly takes one or two bytes.
    @inlinable @inline(__always)
    static func storeSmall(_ bits: UInt64, at place: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        if bits < 0x80 {
            place.storeBytes(of: UInt8(truncatingIfNeeded: bits), as: UInt8.self)
            return place + 1
        }
        guard bits < 0x4000 else { return storeVarint(bits, at: place) }
        let both = UInt16(truncatingIfNeeded: (bits & 0x7f) | 0x80 | ((bits >> 7) << 8))
        place.storeBytes(of: both.littleEndian, as: UInt16.self)
        return place + 2
    }

    @inlinable @inline(__always)
    static func storeShort(
        _ bytes: UnsafeRawBufferPointer?, at place: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        guard let bytes else {
            place.storeBytes(of: 1, as: UInt8.self)  // −1, zig-zagged.
            return place + 1
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: bytes.count << 1), as: UInt8.self)
        if let start = bytes.baseAddress { (place + 1).copyShort(from: start, count: bytes.count) }
        return place + 1 + bytes.count
    }

    /// Writes the batch's header and checksum. Records may still be added; then it has to be called again.
    /// - Returns: the whole batch, valid until the next `append`, `finish` or `reset`.
    public mutating func finish() -> UnsafeRawBufferPointer {
        precondition(storedRecordCount > 0, "a record batch holds at least one record")
        precondition(storedByteCount <= Int32.max, "a record batch is at most 2 GiB")
        store(Int64(0), at: 0)
        store(Int32(storedByteCount - BatchFormat.lengthEnd), at: 8)
        store(Int32(-1), at: 12)
        store(BatchFormat.magic, at: 16)
        store(Int16((producer.isTransactional ? 0x10 : 0) | (isControl ? 0x20 : 0)), at: 21)
        store(Int32(storedRecordCount - 1), at: 23)
        store(baseTimestamp, at: 27)
        store(maxTimestamp, at: 35)
        store(producer.id, at: 43)
        store(producer.epoch, at: 51)
        store(producer.baseSequence, at: 53)
        store(Int32(storedRecordCount), at: 57)
        let summed = UnsafeRawBufferPointer(
            start: base + BatchFormat.crcEnd, count: storedByteCount - BatchFormat.crcEnd)
        store(crc32c(summed), at: 17)
        return UnsafeRawBufferPointer(start: base, count: storedByteCount)
    }

    /// Begins the next batch, in the same memory.
    @inlinable public mutating func reset() {
        storedRecordCount = 0
        storedByteCount = BatchFormat.headerSize
    }

    private func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at position: Int) {
        base.storeBytes(of: number.bigEndian, toByteOffset: position, as: Number.self)
    }

    @inlinable @inline(__always)
    static func store(
        _ bytes: UnsafeRawBufferPointer?, length: UInt64, at place: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let place = storeVarint(length, at: place)
        guard let bytes, let start = bytes.baseAddress else { return place }
        place.copyShort(from: start, count: bytes.count)
        return place + bytes.count
    }

    @usableFromInline static func headersSize(_ headers: Headers) -> Int {
        headers.reduce(varintSize(zigZag(Int64(headers.count)))) { size, header in
            let nameCount = header.name.utf8.count
            return size + varintSize(zigZag(Int64(nameCount))) + nameCount
                + varintSize(zigZag(Int64(header.value?.count ?? -1))) + (header.value?.count ?? 0)
        }
    }

    @usableFromInline static func store(_ headers: Headers, at place: UnsafeMutableRawPointer)
        -> UnsafeMutableRawPointer
    {
        var place = storeVarint(zigZag(Int64(headers.count)), at: place)
        for header in headers {
            var name = header.name
            place = name.withUTF8 { store(UnsafeRawBufferPointer($0), length: zigZag(Int64($0.count)), at: place) }
            if let value = header.value {
                place = value.withUnsafeBytes { store($0, length: zigZag(Int64($0.count)), at: place) }
            } else {
                place = store(nil, length: zigZag(-1), at: place)
            }
        }
        return place
    }

    @usableFromInline @inline(never) mutating func grow(by extra: Int) {
        capacity = max(capacity * 2, storedByteCount + extra)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: storedByteCount)
        base.deallocate()
        base = larger
    }
}
