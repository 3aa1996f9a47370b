/// Bytes that never change once they are filled; freed with the last reference.
///
/// Fetched batches are kept in these: records are views into them until a serde decodes them.
public final class SharedBytes: @unchecked Sendable {  // Unchecked: the memory is written only inside `init`.
    @usableFromInline let base: UnsafeMutableRawPointer
    /// The owner of the memory; nil if this object owns it.
    private let owner: AnyObject?

    /// How many bytes there are.
    public let count: Int

    /// Reserves `capacity` bytes and lets `fill` write the first ones; `fill` returns how many it wrote.
    /// - Throws: what `fill` throws.
    public init<Failure: Error>(
        capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(capacity, 1), alignment: 16)
        do {
            count = try fill(UnsafeMutableRawBufferPointer(start: memory, count: capacity))
        } catch {
            memory.deallocate()
            throw error
        }
        precondition(count >= 0 && count <= capacity, "filled beyond the reserved bytes")
        base = memory
        owner = nil
    }

    /// A copy of these bytes.
    public convenience init(copying source: UnsafeRawBufferPointer) {
        self.init(capacity: source.count) { memory in
            memory.copyMemory(from: source)
            return source.count
        }
    }

    package convenience init(copying bytes: [UInt8]) {
        self.init(capacity: bytes.count) { memory in
            memory.copyBytes(from: bytes)
            return bytes.count
        }
    }

    /// Takes over the writer's memory without copying it.
    package init(taking writer: consuming ByteWriter) {
        count = writer.count
        base = writer.takeMemory()
        owner = nil
    }

    /// A view of bytes that do not change while `owner` lives; copies nothing. nil if `bytes` has no address.
    package init?(viewing bytes: UnsafeRawBufferPointer, of owner: AnyObject) {
        guard let start = bytes.baseAddress else { return nil }
        (base, count, self.owner) = (UnsafeMutableRawPointer(mutating: start), bytes.count, owner)
    }

    deinit { if owner == nil { base.deallocate() } }

    /// The bytes. Valid while this object lives.
    @inlinable public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}
