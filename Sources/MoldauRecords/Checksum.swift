internal import CChecksum

/// The CRC-32C (Castagnoli) of some bytes, going on from `seed` (0 to begin). Some 0.12 ns a byte where the processor
/// has it.
public func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    moldau_crc32c(seed, bytes.baseAddress, bytes.count)
}

/// The same by tables: for tests, which compare the two.
package func portableCRC32C(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    moldau_crc32c_portable(seed, bytes.baseAddress, bytes.count)
}

/// The CRC-32C of two runs of bytes one after the other, from the sums of both and the size of the second: under a
/// microsecond, whatever the size.
package func crc32c(_ first: UInt32, followedBy second: UInt32, byteCount: Int) -> UInt32 {
    moldau_crc32c_concatenated(first, second, UInt64(byteCount))
}
