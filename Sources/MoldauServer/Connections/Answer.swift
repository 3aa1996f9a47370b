internal import MoldauLog
internal import MoldauRecords
internal import NIOCore

/// The answer to a client's request.
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
        /// Bytes of a file, which go to the socket without being copied to memory.
        case file(FileBytes)
    }

    /// Its size until it is sent.
    var size: UnsentBytes {
        switch self {
        case .frame(let parts), .last(let parts, _):
            parts.reduce(into: UnsentBytes()) { size, part in
                switch part {
                case .bytes(let bytes): size.inMemory += bytes.readableBytes
                case .file(let bytes): size.inFiles += bytes.range.count
                }
            }
        case .nothing, .close: UnsentBytes()
        }
    }
}

/// The amount of a connection's answers that has not reached the socket.
struct UnsentBytes: Equatable {
    var inMemory = 0
    var inFiles = 0

    /// Whether no further request is started before the client has read more. Answers in files take no memory, but each
    /// request costs work for which other connections wait.
    var isTooMuch: Bool { inMemory > 1 << 20 || inFiles > 8 << 20 }

    static func += (left: inout UnsentBytes, right: UnsentBytes) {
        left.inMemory += right.inMemory
        left.inFiles += right.inFiles
    }

    static func -= (left: inout UnsentBytes, right: UnsentBytes) {
        left.inMemory -= right.inMemory
        left.inFiles -= right.inFiles
    }
}
