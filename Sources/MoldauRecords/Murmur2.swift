/// Kafka's hash of a key: MurmurHash2, 32 bits, with the seed that Kafka uses.
///
/// A key's partition is `(murmur2(key) & 0x7fffffff) % partitionCount`; all Kafka clients agree on this.
@inlinable
package func murmur2(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    let multiplier: UInt32 = 0x5bd1_e995
    var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
    var position = 0
    while position + 4 <= bytes.count {
        var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        word = word &* multiplier
        word ^= word >> 24
        hash = (hash &* multiplier) ^ (word &* multiplier)
        position += 4
    }
    let left = bytes.count - position
    if left > 0 {
        if left > 2 { hash ^= UInt32(bytes[position + 2]) << 16 }
        if left > 1 { hash ^= UInt32(bytes[position + 1]) << 8 }
        hash = (hash ^ UInt32(bytes[position])) &* multiplier
    }
    hash ^= hash >> 13
    hash = hash &* multiplier
    hash ^= hash >> 15
    return Int32(bitPattern: hash)
}
