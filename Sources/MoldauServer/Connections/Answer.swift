internal import MoldauLog
internal import MoldauRecords
internal import NIOCore

/// What a client gets for a request.
enum Answer: Sendable {
    /// A frame, in the order of its parts.
    case frame([Part])
    /// The request has no answer (Produce with `acks` 0).
    case nothing
    /// The connection is closed: the request cannot be answered.
    case close(reason: String)

    enum Part: Sendable {
        case bytes(ByteBuffer)
        /// Bytes of a file, which go to the socket without passing through our memory.
        case file(FileBytes)
    }

    /// How much memory it takes until it is sent.
    var heldBytes: Int {
        guard case .frame(let parts) = self else { return 0 }
        return parts.reduce(0) { sum, part in
            if case .bytes(let bytes) = part { sum + bytes.readableBytes } else { sum }
        }
    }
}
