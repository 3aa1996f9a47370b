// A frame on the wire: its length i32, then that many bytes.

internal import NIOCore

/// Cuts what a connection receives into frames.
///
/// A frame that came whole is a slice of what was received. The beginning of one is copied, so that a few bytes do not
/// keep a large buffer alive; its memory grows with what has come, never with what was only announced.
struct FrameCutter {
    /// Why a connection cannot be read any further.
    enum Refusal: Error, Equatable {
        case negativeLength(Int32)
        case tooLarge(bytes: Int32, limit: Int)
    }

    /// The largest frame that is taken.
    var maxFrameBytes: Int
    private let allocator: ByteBufferAllocator
    /// A frame that has begun, with its length in front.
    private var begun: ByteBuffer?

    init(maxFrameBytes: Int, allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.maxFrameBytes = maxFrameBytes
        self.allocator = allocator
    }

    /// How much memory a frame that has begun takes.
    var heldBytes: Int { begun?.capacity ?? 0 }

    /// How many bytes the frame that has begun will have, its length included; nil if none has, or too little is known.
    private var announcedBytes: Int? {
        begun.flatMap { $0.getInteger(at: $0.readerIndex, as: Int32.self) }.map { Int($0) + 4 }
    }

    /// Calls `body` with each frame that is whole now, without its length.
    mutating func cut(_ received: ByteBuffer, _ body: (ByteBuffer) -> Void) throws(Refusal) {
        var received = received
        if begun != nil {
            guard let frame = try complete(with: &received) else { return }
            body(frame)
        }
        while let length = received.getInteger(at: received.readerIndex, as: Int32.self) {
            try check(length)
            guard received.readableBytes - 4 >= Int(length) else { break }
            received.moveReaderIndex(forwardBy: 4)
            guard let frame = received.readSlice(length: Int(length)) else { break }
            body(frame)
        }
        guard received.readableBytes > 0 else { return }
        var rest = allocator.buffer(capacity: received.readableBytes)
        rest.writeBuffer(&received)
        begun = rest
    }

    /// Moves bytes to the frame that has begun.
    /// - Returns: the frame, if it is whole now.
    private mutating func complete(with received: inout ByteBuffer) throws(Refusal) -> ByteBuffer? {
        if announcedBytes == nil { take(4, &received) }
        guard let announced = announcedBytes else { return nil }
        try check(Int32(announced - 4))
        take(announced, &received)
        guard begun?.readableBytes == announced else { return nil }
        begun?.moveReaderIndex(forwardBy: 4)
        defer { begun = nil }
        return begun
    }

    /// Moves what is missing to `count` bytes of the frame that has begun, as far as it has come.
    private mutating func take(_ count: Int, _ received: inout ByteBuffer) {
        let missing = count - (begun?.readableBytes ?? 0)
        guard missing > 0, var part = received.readSlice(length: min(missing, received.readableBytes)) else { return }
        begun?.writeBuffer(&part)
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
        }
    }
}
