import MoldauRecords

/// Bytes of a message: a view that keeps the memory it points into alive, so that nothing is copied.
package struct WireBytes: @unchecked Sendable, Equatable {  // Unchecked: memory that is shared never changes.
    /// The bytes. Valid while this value lives.
    package let bytes: UnsafeRawBufferPointer
    let owner: AnyObject?

    /// A view of bytes that stay as they are while `owner` lives.
    package init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        self.bytes = bytes
        self.owner = owner
    }

    /// All of these bytes.
    package init(_ shared: SharedBytes) { self.init(shared.bytes, owner: shared) }

    /// A copy of these bytes.
    package init(copying bytes: [UInt8]) { self.init(SharedBytes(copying: bytes)) }

    /// No bytes.
    package init() {
        bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        owner = nil
    }

    /// How many there are.
    package var count: Int { bytes.count }

    /// The same bytes, for code that does not use messages. Copies nothing.
    package var shared: SharedBytes {
        owner.flatMap { SharedBytes(viewing: bytes, of: $0) } ?? SharedBytes(copying: bytes)
    }

    /// A view of some of the bytes.
    package func view(of part: UnsafeRawBufferPointer) -> WireBytes { WireBytes(part, sharing: self) }

    private init(_ bytes: UnsafeRawBufferPointer, sharing other: WireBytes) {
        self.bytes = bytes
        owner = other.owner
    }

    package static func == (left: WireBytes, right: WireBytes) -> Bool {
        left.count == right.count && left.bytes.elementsEqual(right.bytes)
    }
}

/// The record batches of one partition in a message.
package enum RecordData: Equatable, Sendable {
    /// Null.
    case none
    /// Batches in memory.
    case bytes(WireBytes)
    /// Batches that the encoder leaves out: it writes their length and returns a gap, into which the sender puts that
    /// many bytes, from a file for example.
    case elsewhere(byteCount: Int)

    /// How many bytes the batches take.
    package var byteCount: Int {
        switch self {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .elsewhere(let byteCount): byteCount
        }
    }
}

/// A place in an encoded message where record data belongs that the encoder did not write.
package struct RecordGap: Equatable, Sendable {
    /// How many of the encoded bytes come before it.
    package let position: Int
    /// How many bytes belong there.
    package let byteCount: Int
}
