internal import NIOCore
internal import Synchronization

/// Memory of large frames that are done, for the next ones: to have the system give memory is a quarter of all that is
/// done with such a frame.
final class FrameBuffers: Sendable {
    private let free = Mutex<[ByteBuffer]>([])

    /// How much is kept at most, in bytes.
    private static var maxBytes: Int { 16 << 20 }
    /// Smaller ones are left to the allocator.
    private static var minBytes: Int { 64 << 10 }

    /// An empty buffer with that capacity at least.
    func take(capacity: Int, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        let found: ByteBuffer? = free.withLock { free in
            free.lastIndex { $0.capacity >= capacity && $0.capacity <= 4 * capacity }.map { free.remove(at: $0) }
        }
        return found ?? allocator.buffer(capacity: capacity)
    }

    /// Takes back the buffer of a frame that is done, unless somebody else still has it.
    func giveBack(_ frame: consuming ByteBuffer) {
        guard frame.storageCapacity >= Self.minBytes else { return }
        var frame = frame
        guard frame.modifyIfUniquelyOwned({ $0.clear() }) != nil else { return }
        free.withLock { free in
            if free.reduce(frame.capacity, { $0 + $1.capacity }) <= Self.maxBytes { free.append(frame) }
        }
    }
}
