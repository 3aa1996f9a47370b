internal import MoldauLog
internal import MoldauRecords
internal import NIOCore

/// What a client gets for a request.
enum Answer: Sendable {
    /// A frame, in the order of its parts.
    case frame([Part])
    /// A frame, after which the connection is closed.
    case last([Part], reason: String)
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
        switch self {
        case .frame(let parts), .last(let parts, _):
            parts.reduce(0) { sum, part in
                if case .bytes(let bytes) = part { sum + bytes.readableBytes } else { sum }
            }
        case .nothing, .close: 0
        }
    }
}
