import Foundation
import MoldauLog

/// Reads the lines of a file or a pipe as bytes: everything before a newline (0x0a) or the end. The bytes are
/// unchanged: a carriage return before the newline belongs to the line, and bytes that are not UTF-8 are kept.
struct InputLines {
    private static let chunkBytes = 64 * 1024

    private let descriptor: Int32
    private let longestBytes: Int
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line begins, and up to where it was searched for a newline.
    private var (start, searched) = (0, 0)
    private var isAtEnd = false

    /// - Parameter longestBytes: a longer line is an error, so that input that is not text cannot take unbounded
    ///   memory.
    init(_ descriptor: Int32 = STDIN_FILENO, longestBytes: Int) {
        self.descriptor = descriptor
        self.longestBytes = longestBytes
    }

    /// The next line; nil at the end. Blocks.
    mutating func next() throws -> ArraySlice<UInt8>? {
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { (start, searched) = (end + 1, end + 1) }
                return try checked(buffer[start..<end])
            }
            searched = buffer.count
            if isAtEnd {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return try checked(buffer[start...])
            }
            _ = try checked(buffer[start...])
            try readMore()
        }
    }

    private func checked(_ line: ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
        guard line.count <= longestBytes else { throw TooLong() }
        return line
    }

    private mutating func readMore() throws {
        buffer.removeSubrange(..<start)
        searched -= start
        start = 0
        let (held, descriptor) = (buffer.count, descriptor)
        buffer.append(contentsOf: repeatElement(0, count: Self.chunkBytes))
        let count = buffer.withUnsafeMutableBytes { bytes in
            // Not nil: a chunk was appended, so the buffer is not empty.
            uninterrupted { read(descriptor, bytes.baseAddress! + held, Self.chunkBytes) }
        }
        let code = errno
        buffer.removeLast(Self.chunkBytes - max(count, 0))
        if count < 0 { throw CommandFailure("standard input cannot be read: \(String(cString: strerror(code)))") }
        isAtEnd = count == 0
    }

    /// Thrown if a line is longer than `longestBytes`.
    struct TooLong: Error {}
}
