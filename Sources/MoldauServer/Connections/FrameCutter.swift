// A frame on the wire: its length i32, then that many bytes.

internal import NIOCore

/// Splits what a connection receives into frames, and provides the buffers to receive into, so that little is copied.
///
/// Small frames are slices of the received buffer; an incomplete one is kept as a copy, so that a few bytes do not keep
/// a large buffer alive. A large frame has a buffer of its own size, into which the rest of it is received: only what
/// was received with the frame before it is copied. Its memory grows with what is received, never with what is only
/// announced.
final class FrameCutter {
    /// Why a connection cannot be read any further.
    enum Refusal: Error, Equatable {
        case negativeLength(Int32)
        case tooLarge(bytes: Int32, limit: Int)
        /// The buffer with the beginning of a frame was not returned.
        case lost
    }

    /// The largest frame that is accepted.
    var maxFrameBytes: Int
    private let allocator = ByteBufferAllocator()
    private let buffers: FrameBuffers
    /// An incomplete frame, with its length in front.
    private var begun: ByteBuffer?
    /// Whether its buffer was used for another frame before: then all of it takes memory.
    private var isUsed = false
    /// How many bytes of the incomplete frame precede the new ones in the buffer that is received into.
    private var lentBytes = 0
    /// The sizes of buffers for unknown content: as much as usually arrives at a time.
    private var sizes = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 64 << 10)

    /// From this size on a frame has its own buffer.
    private static var largeBytes: Int { 64 << 10 }
    /// The maximum ratio of such a buffer's size to the bytes received so far.
    private static var growth: Int { 64 }

    init(maxFrameBytes: Int, _ buffers: FrameBuffers = FrameBuffers()) {
        self.maxFrameBytes = maxFrameBytes
        self.buffers = buffers
    }

    /// How much memory an incomplete frame takes. (If a new buffer has room for more, that part was not written yet.)
    var heldBytes: Int { begun.map { isUsed ? $0.capacity : $0.readableBytes } ?? 0 }

    /// The buffer to receive into next: after the bytes that it already contains. To be passed to `cut` with the new
    /// bytes.
    func nextBuffer() -> ByteBuffer {
        guard let begun else {
            lentBytes = 0
            return sizes.buffer(allocator: allocator)
        }
        lentBytes = begun.readableBytes
        if begun.writableBytes > 0 {
            // The buffer must be uniquely referenced while it is written.
            self.begun = nil
            return begun
        }
        if let room = room(ofLarge: begun) { return copy(of: begun, room: room) }
        var buffer = allocator.buffer(capacity: lentBytes + (sizes.nextBufferSize() ?? 0))
        isUsed = false
        buffer.writeImmutableBuffer(begun)
        return buffer
    }

    /// Calls `body` with each complete frame, without its length.
    /// - Parameters:
    ///   - received: the last `nextBuffer`, to which at least a byte was added.
    ///   - isOwn: false if it is another buffer instead, with the new bytes alone: of what was encrypted.
    func cut(_ received: ByteBuffer, isOwn: Bool = true, _ body: (ByteBuffer) -> Void) throws(Refusal) {
        guard isOwn else { return try cut(joined(received), body) }
        guard received.readableBytes > lentBytes else { throw .lost }
        if begun != nil || lentBytes == 0 { _ = sizes.record(actualReadBytes: received.readableBytes - lentBytes) }
        begun = nil
        var rest = received
        while let length = rest.getInteger(at: rest.readerIndex, as: Int32.self) {
            try check(length)
            guard rest.readableBytes - 4 >= Int(length) else { break }
            rest.moveReaderIndex(forwardBy: 4)
            guard let frame = rest.readSlice(length: Int(length)) else { break }
            body(frame)
        }
        if rest.readableBytes > 0 { begun = beginning(rest) }
    }

    private func joined(_ received: ByteBuffer) -> ByteBuffer {
        guard begun != nil else {
            lentBytes = 0
            return received
        }
        var whole = nextBuffer()
        whole.writeImmutableBuffer(received)
        return whole
    }

    /// The beginning of a frame, in its own memory; with room for what follows if the frame is large.
    private func beginning(_ rest: ByteBuffer) -> ByteBuffer {
        guard let room = room(ofLarge: rest) else { return copy(of: rest, room: rest.readableBytes) }
        let isItsOwn = rest.readerIndex == 0 && rest.capacity <= room && rest.writableBytes > 0
        return isItsOwn ? rest : copy(of: rest, room: room)
    }

    /// How large the buffer of an incomplete frame may be; nil if the frame is not large.
    private func room(ofLarge begun: ByteBuffer) -> Int? {
        guard let length = begun.getInteger(at: begun.readerIndex, as: Int32.self), Int(length) + 4 >= Self.largeBytes
        else { return nil }
        return min(Int(length) + 4, max(Self.largeBytes, begun.readableBytes * Self.growth))
    }

    /// A copy in a buffer of exactly that size: reads do not go beyond it.
    private func copy(of bytes: ByteBuffer, room: Int) -> ByteBuffer {
        var buffer: ByteBuffer
        (buffer, isUsed) = buffers.take(capacity: room, allocator)
        buffer.writeImmutableBuffer(bytes)
        // The bytes in between are not initialised and are never read: the writer index is moved back before them.
        buffer.moveWriterIndex(to: room)
        var exact = buffer.slice()
        exact.moveWriterIndex(to: bytes.readableBytes)
        return exact
    }

    private func check(_ length: Int32) throws(Refusal) {
        if length < 0 { throw .negativeLength(length) }
        if Int(length) > maxFrameBytes { throw .tooLarge(bytes: length, limit: maxFrameBytes) }
    }
}

extension FrameCutter.Refusal: CustomStringConvertible {
    var description: String {
        switch self {
        case .negativeLength(let length): "a frame's length is \(length)"
        case .tooLarge(let bytes, let limit): "a frame of \(bytes) bytes is over the limit of \(limit)"
        case .lost: "part of a frame was not received"
        }
    }
}
