/// A growing buffer that encoders append to. Meant to be reused: `removeAll` keeps the memory.
public struct ByteWriter: ~Copyable, @unchecked Sendable {  // Unchecked: its memory belongs to it alone.
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int

    /// The bytes written since the last `removeAll`.
    @inlinable public var count: Int { storedCount }
    @usableFromInline var storedCount = 0

    /// - Parameter capacity: how many bytes to reserve at the start.
    public init(capacity: Int = 256) {
        self.capacity = max(capacity, 16)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Returns the memory, which the caller must deallocate.
    consuming func takeMemory() -> UnsafeMutableRawPointer {
        let memory = base
        discard self
        return memory
    }

    /// The bytes written so far. Valid until the next write.
    @inlinable public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: storedCount) }

    /// Removes everything written and keeps the memory.
    @inlinable package mutating func removeAll() { storedCount = 0 }

    /// Removes everything after the first `length` bytes.
    @inlinable package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= storedCount, "a writer cannot be cut to more bytes than it holds")
        storedCount = length
    }

    // The additions below are unchecked: memory runs out long before a count could overflow.

    /// Makes room for `extra` more bytes and returns where to write them. Call `advance(by:)` afterwards with the
    /// number written.
    @inlinable package mutating func reserve(_ extra: Int) -> UnsafeMutableRawPointer {
        if storedCount &+ extra > capacity { grow(by: extra) }
        return base + storedCount
    }

    /// Counts `length` bytes, written after `reserve`, as part of the content.
    @inlinable package mutating func advance(by length: Int) {
        assert(storedCount + length <= capacity)
        storedCount &+= length
    }

    /// Appends one byte.
    @inlinable public mutating func append(byte: UInt8) {
        reserve(1).storeBytes(of: byte, as: UInt8.self)
        storedCount &+= 1
    }

    /// Appends these bytes.
    @inlinable public mutating func append(contentsOf source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        reserve(source.count).copyShort(from: start, count: source.count)
        storedCount &+= source.count
    }

    /// Appends these bytes.
    @inlinable public mutating func append(contentsOf source: [UInt8]) {
        source.withUnsafeBytes { append(contentsOf: $0) }
    }

    /// Writes an integer with its most significant byte first, as Kafka does.
    @inlinable public mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
        reserve(MemoryLayout<Number>.size).storeBytes(of: number.bigEndian, as: Number.self)
        storedCount &+= MemoryLayout<Number>.size
    }

    /// Overwrites a byte that has been written.
    package mutating func set(_ byte: UInt8, at position: Int) {
        precondition(position >= 0 && position < storedCount, "only a written byte can be overwritten")
        base.storeBytes(of: byte, toByteOffset: position, as: UInt8.self)
    }

    /// Inserts an unsigned varint at `position`, before bytes that are already written: their size, for example.
    package mutating func insert(unsignedVarint number: UInt64, at position: Int) {
        precondition(position >= 0 && position <= storedCount, "a number can only be inserted among written bytes")
        let size = varintSize(number)
        _ = reserve(size)
        (base + position + size).copyMemory(from: base + position, byteCount: storedCount - position)
        _ = storeVarint(number, at: base + position)
        storedCount &+= size
    }

    @usableFromInline @inline(never) mutating func grow(by extra: Int) {
        capacity = max(capacity * 2, storedCount + extra)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: storedCount)
        base.deallocate()
        base = larger
    }
}
