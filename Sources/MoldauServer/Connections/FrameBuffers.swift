internal import CMemory
internal import NIOCore
internal import Synchronization

/// The memory of large frames that are done, reused for the next ones: to get memory from the system, page by page,
/// costs more than all other work for such a frame.
///
/// These buffers count towards the limit on the memory of all connections: see `ConnectionTable`.
final class FrameBuffers: Sendable {
    fileprivate struct State {
        /// The most recently used one is last: it is the likeliest to be in the processor's cache.
        var free: [ByteBuffer] = []
        var byteCount = 0
        /// The least that was unused at any time since the last `trim`.
        var unusedBytes = 0
        var trimmed: NIODeadline?
    }

    private let state = Mutex(State())

    /// Smaller ones are left to the allocator, including those into which small frames are received.
    private static var minBytes: Int { 128 << 10 }
    /// The minimum time for which unused memory is kept.
    private static var trimInterval: TimeAmount { .seconds(5) }

    /// The size of all kept buffers.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// An empty buffer with at least that capacity.
    /// - Returns: `isUsed`: whether the system has already provided its memory: exactly the requested capacity of it.
    func take(capacity: Int, _ allocator: ByteBufferAllocator) -> (buffer: ByteBuffer, isUsed: Bool) {
        let found: ByteBuffer? = state.withLock { state in
            let place = state.free.lastIndex { $0.capacity >= capacity && $0.capacity <= 4 * capacity }
            return place.map { state.remove(at: $0) }
        }
        guard let found else { return (allocator.buffer(capacity: capacity), false) }
        // A frame takes no more memory than is counted for it.
        found.withVeryUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > capacity else { return }
            moldau_discard(UnsafeMutableRawPointer(mutating: start) + capacity, bytes.count - capacity)
        }
        return (found, true)
    }

    /// Takes back the buffer of a frame that is done, unless it is still referenced elsewhere; the frame is empty then.
    ///
    /// `inout`, because the caller's own variable would be a second reference.
    /// - Parameter maxBytes: how much may be kept.
    func giveBack(_ frame: inout ByteBuffer, maxBytes: Int) {
        guard frame.storageCapacity >= Self.minBytes, frame.modifyIfUniquelyOwned({ $0.clear() }) != nil else { return }
        state.withLock { state in
            guard state.byteCount + frame.capacity <= maxBytes else { return }
            state.byteCount += frame.capacity
            state.free.append(frame)
            frame = ByteBuffer()
        }
    }

    /// Releases buffers until they take at most `maxBytes`.
    func shrink(to maxBytes: Int) { state.withLock { $0.shrink(to: maxBytes) } }

    /// Returns memory to the system that has been unused for a while. To be called from time to time.
    func trim(_ now: NIODeadline) {
        state.withLock { state in
            if let trimmed = state.trimmed, now - trimmed < Self.trimInterval { return }
            state.shrink(to: state.byteCount - state.unusedBytes)
            state.unusedBytes = state.byteCount
            state.trimmed = now
        }
    }
}

extension FrameBuffers.State {
    fileprivate mutating func remove(at place: Int) -> ByteBuffer {
        let buffer = free.remove(at: place)
        byteCount -= buffer.capacity
        unusedBytes = min(unusedBytes, byteCount)
        return buffer
    }

    fileprivate mutating func shrink(to maxBytes: Int) {
        while byteCount > maxBytes, !free.isEmpty { _ = remove(at: 0) }
    }
}
