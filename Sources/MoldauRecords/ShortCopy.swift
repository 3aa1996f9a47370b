extension UnsafeMutableRawPointer {
    /// Copies bytes between memory that does not overlap; 4 to 16 bytes without a function call.
    @inlinable @inline(__always)
    package func copyShort(from source: UnsafeRawPointer, count: Int) {
        switch count {
        case 8...16:
            let tail = source.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
            storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
            storeBytes(of: tail, toByteOffset: count - 8, as: UInt64.self)
        case 4...7:
            let tail = source.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            storeBytes(of: source.loadUnaligned(as: UInt32.self), as: UInt32.self)
            storeBytes(of: tail, toByteOffset: count - 4, as: UInt32.self)
        default: copyMemory(from: source, byteCount: count)
        }
    }
}
