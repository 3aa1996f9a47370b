internal import CMemory
internal import NIOCore
internal import Synchronization

/// Memory of large frames that are done, for the next ones: to have the system give memory, page by page, costs more
/// than all else that is done with such a frame.
///
/// What is kept counts within the limit on the memory of all connections: see `ConnectionTable`.
final class FrameBuffers: Sendable {
    fileprivate struct State {
        /// The one that was used last is the last one: it is the likeliest to be in the processor's cache.
        var free: [ByteBuffer] = []
        var byteCount = 0
        /// How much nobody has needed since the last `trim`.
        var unusedBytes = 0
        var trimmed: NIODeadline?
    }

    private let state = Mutex(State())

    /// Smaller ones are left to the allocator: those into which small frames are received, too.
    private static var minBytes: Int { 128 << 10 }
    /// How long what nobody needs is kept at least.
    private static var trimInterval: TimeAmount { .seconds(5) }

    /// How much is kept.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// An empty buffer with that capacity at least.
    /// - Returns: `isUsed`: whether the system has given its memory already: so much of it as was asked for, no more.
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

    /// Takes back the buffer of a frame that is done, unless somebody else still has it; the frame is empty then.
    ///
    /// By reference, because the caller's own variable would be somebody else.
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

    /// Keeps no more than that.
    func shrink(to maxBytes: Int) { state.withLock { $0.shrink(to: maxBytes) } }

    /// Gives what nobody has needed for a while back to the system. To be called now and then.
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
