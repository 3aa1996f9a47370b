#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// Compares byte strings like RocksDB: byte by byte, unsigned; a prefix sorts before the longer string.
/// - Returns: negative, 0 or positive.
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let shared = min(left.count, right.count)
    if shared > 0 {
        let order = memcmp(left.baseAddress!, right.baseAddress!, shared)  // Neither is empty.
        if order != 0 { return Int(order) }
    }
    return left.count - right.count
}

extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes. Short keys are compared without a call.
    @inline(__always)
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard count >= 8, count <= 16 else {
            guard count >= 4, count < 8 else {
                return count == 0 || memcmp(baseAddress!, other.baseAddress!, count) == 0  // Neither is empty.
            }
            return loadUnaligned(as: UInt32.self) == other.loadUnaligned(as: UInt32.self)
                && loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
                    == other.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
        }
        return loadUnaligned(as: UInt64.self) == other.loadUnaligned(as: UInt64.self)
            && loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
                == other.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    }
}

/// The first eight bytes as a number with the same order; shorter keys are padded with zeros.
func orderingPrefix(_ key: UnsafeRawBufferPointer) -> UInt64 {
    if key.count >= 8 { return UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)) }
    var prefix: UInt64 = 0
    for byte in key { prefix = prefix << 8 | UInt64(byte) }
    return key.isEmpty ? 0 : prefix << UInt64(8 * (8 - key.count))
}

/// A hash of all bytes by folded 64-bit multiplication (after wyhash). Nothing may depend on its order, but it is the
/// same in every run, so that a run can be replayed.
func hashBytes(_ key: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = key.baseAddress else { return 0x9e37_79b9 }
    let count = key.count
    var state: UInt64 = 0xa076_1d64_78bd_642f ^ UInt64(truncatingIfNeeded: count)
    var low: UInt64
    var high: UInt64
    if count >= 8 {
        var offset = 0
        while count - offset > 16 {
            state = fold(
                start.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ 0xe703_7ed1_a0b4_28db,
                start.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self) ^ state)
            offset += 16
        }
        // The last 8…16 bytes; the two words overlap if there are fewer than 16.
        low = start.loadUnaligned(fromByteOffset: max(0, count - 16), as: UInt64.self)
        high = start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    } else if count >= 4 {
        low = UInt64(start.loadUnaligned(as: UInt32.self))
        high = UInt64(start.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
    } else if count > 0 {
        low =
            UInt64(start.load(as: UInt8.self)) << 16
            | UInt64(start.load(fromByteOffset: count >> 1, as: UInt8.self)) << 8
            | UInt64(start.load(fromByteOffset: count - 1, as: UInt8.self))
        high = 0
    } else {
        (low, high) = (0, 0)
    }
    low ^= 0x8ebc_6af0_9c88_c6e3
    let hash = fold(low ^ 0x5899_65cc_7537_4cc3, high ^ state)
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
}

@inline(__always)
private func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
}
