// Numbers in as few bytes as they need: 7 bits a byte, the lowest first, the top bit set on every byte but the last.
// Signed ones are zig-zagged first (0, -1, 1, -2, … become 0, 1, 2, 3, …), so that small negatives are short too.

/// Why bytes are not a varint.
@usableFromInline
package enum VarintError: Error, Equatable {
    /// The bytes ended before the number did.
    case truncated
    /// The number does not fit its type.
    case tooLong
}

/// Reads numbers from the front of some bytes, and never past their end.
@usableFromInline
package struct ByteCursor {
    @usableFromInline var position: UnsafeRawPointer
    @usableFromInline let end: UnsafeRawPointer

    /// The bytes must outlive the cursor.
    @inlinable package init(_ bytes: UnsafeRawBufferPointer) {
        self.init(from: bytes.start, count: bytes.count)
    }

    @inlinable init(from start: UnsafeRawPointer, count: Int) {
        position = start
        end = start + count
    }

    /// The number of unread bytes.
    @inlinable package var remaining: Int { end - position }

    /// Reads a zig-zag varint of at most 32 bits.
    @inlinable @inline(__always)
    package mutating func readVarint() throws(VarintError) -> Int32 {
        let raw = try readUnsignedVarlong()
        guard raw <= UInt64(UInt32.max) else { throw .tooLong }
        let bits = UInt32(truncatingIfNeeded: raw)
        return Int32(bitPattern: (bits >> 1) ^ (0 &- (bits & 1)))
    }

    /// Reads a zig-zag varint of at most 64 bits.
    @inlinable @inline(__always)
    package mutating func readVarlong() throws(VarintError) -> Int64 {
        let bits = try readUnsignedVarlong()
        return Int64(bitPattern: (bits >> 1) ^ (0 &- (bits & 1)))
    }

    /// Reads an unsigned varint of at most 32 bits: lengths and counts of Kafka's newer messages.
    @inlinable
    package mutating func readUnsignedVarint() throws(VarintError) -> UInt32 {
        let raw = try readUnsignedVarlong()
        guard raw <= UInt64(UInt32.max) else { throw .tooLong }
        return UInt32(truncatingIfNeeded: raw)
    }

    @inlinable @inline(__always)
    mutating func readUnsignedVarlong() throws(VarintError) -> UInt64 {
        guard position < end else { throw .truncated }
        let byte = position.load(as: UInt8.self)
        position += 1
        if byte < 0x80 { return UInt64(byte) }
        guard position < end else { throw .truncated }
        let second = position.load(as: UInt8.self)
        let bits = UInt64(byte & 0x7f) | UInt64(second & 0x7f) << 7
        position += 1
        if second < 0x80 { return bits }
        return try readLongVarlong(begun: bits)
    }

    @inlinable
    mutating func readLongVarlong(begun: UInt64) throws(VarintError) -> UInt64 {
        var bits = begun
        var shift: UInt64 = 14
        while true {
            guard position < end else { throw .truncated }
            let byte = position.load(as: UInt8.self)
            position += 1
            // The tenth byte holds only the 64th bit.
            if shift == 63 && byte > 1 { throw .tooLong }
            bits |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return bits }
            shift += 7
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The address of the first byte; any address if there are none.
    @inlinable var start: UnsafeRawPointer {
        baseAddress ?? UnsafeRawPointer(bitPattern: 8)!  // No address but 0 is nil.
    }
}

/// The zig-zag form of a signed number.
@inlinable @inline(__always) func zigZag(_ number: Int64) -> UInt64 {
    UInt64(bitPattern: (number << 1) ^ (number >> 63))
}

/// How many bytes `bits` takes as a varint: 1 to 10.
@inlinable @inline(__always) func varintSize(_ bits: UInt64) -> Int {
    // The bits ÷ 7, rounded up, as a multiplication: exact for 1 to 64 bits.
    Int(truncatingIfNeeded: (UInt(truncatingIfNeeded: 70 &- (bits | 1).leadingZeroBitCount) &* 37) >> 8)
}

/// Writes `bits` as a varint at `place` and returns the address after it. Writes at most 10 bytes.
@inlinable @inline(__always) func storeVarint(_ bits: UInt64, at place: UnsafeMutableRawPointer)
    -> UnsafeMutableRawPointer
{
    var (bits, place) = (bits, place)
    while bits >= 0x80 {
        place.storeBytes(of: UInt8(truncatingIfNeeded: bits) | 0x80, as: UInt8.self)
        bits >>= 7
        place += 1
    }
    place.storeBytes(of: UInt8(truncatingIfNeeded: bits), as: UInt8.self)
    return place + 1
}

/// Like `storeVarint`, for a number that mostly takes one or two bytes.
@inlinable @inline(__always) func storeSmallVarint(_ bits: UInt64, at place: UnsafeMutableRawPointer)
    -> UnsafeMutableRawPointer
{
    if bits < 0x80 {
        place.storeBytes(of: UInt8(truncatingIfNeeded: bits), as: UInt8.self)
        return place + 1
    }
    guard bits < 0x4000 else { return storeVarint(bits, at: place) }
    let both = UInt16(truncatingIfNeeded: (bits & 0x7f) | 0x80 | ((bits >> 7) << 8))
    place.storeBytes(of: both.littleEndian, as: UInt16.self)
    return place + 2
}

extension ByteWriter {
    /// Writes a signed number with zig-zag encoding, in 1 to 10 bytes: Kafka's varint and varlong.
    @inlinable package mutating func append(varint number: Int64) { append(unsignedVarint: zigZag(number)) }

    /// Writes an unsigned number as a varint of 1 to 10 bytes.
    @inlinable package mutating func append(unsignedVarint number: UInt64) {
        let place = reserve(10)
        advance(by: storeVarint(number, at: place) - place)
    }
}
