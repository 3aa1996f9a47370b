import Foundation

/// Reads a file or a pipe line by line, and says where each line is.
///
/// A line of more than `longestLine` bytes is split after a space or a tab. Where depends only on the bytes, so that
/// reading the same bytes again gives the same pieces.
struct LineReader {
    static let longestLine = 512 * 1024

    private let descriptor: Int32
    private let name: String
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line begins.
    private var start = 0
    /// Where in the input the buffer begins.
    private var position = 0
    private var isAtEnd = false

    init(_ source: InputSource) throws {
        name = source.name
        descriptor = source.name == InputSource.standardInput.name ? STDIN_FILENO : open(source.name, O_RDONLY)
        if descriptor < 0 { throw InputError(name, "cannot be opened: \(String(cString: strerror(errno)))") }
    }

    func close() { if descriptor != STDIN_FILENO { _ = Foundation.close(descriptor) } }

    /// Whether `readMore` would return at once.
    func hasMore(within milliseconds: Int32) -> Bool {
        var asked = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&asked, 1, milliseconds) != 0
    }

    /// Passes on the complete lines that have been read, without their newlines.
    mutating func forEachLine(_ body: (_ line: UnsafeRawBufferPointer, _ range: Range<Int>) throws -> Void) throws {
        let (first, place, isAtEnd, name) = (start, position, isAtEnd, name)
        start = try buffer.withUnsafeBytes { bytes in
            var start = first
            while start < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
                guard let (length, end) = try Self.piece(rest, isAtEnd: isAtEnd, name) else { break }
                let line = UnsafeRawBufferPointer(rebasing: rest[..<length])
                try body(line, place + start..<place + start + end)
                start += end
            }
            return start
        }
    }

    /// The length of the first line, and where the next begins; nil if more must be read to find out.
    private static func piece(
        _ rest: UnsafeRawBufferPointer, isAtEnd: Bool, _ name: String
    ) throws -> (length: Int, end: Int)? {
        let window = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, longestLine)])
        if let base = window.baseAddress, let newline = memchr(base, 0x0a, window.count) {
            let length = UnsafeRawPointer(newline) - base
            return (length, length + 1)
        }
        if rest.count >= longestLine {
            guard let space = window.lastIndex(where: { $0 == 0x20 || $0 == 0x09 }) else {
                throw InputError(name, "has a word of more than \(longestLine) bytes")
            }
            return (space + 1, space + 1)
        }
        return isAtEnd ? (rest.count, rest.count) : nil
    }

    /// Reads what is available, and waits for the first byte if nothing is. Blocks.
    /// - Returns: false at the end of the input; `forEachLine` then passes on a last line without a newline.
    mutating func readMore() throws -> Bool {
        buffer.removeSubrange(..<start)
        position += start
        start = 0
        let (held, descriptor) = (buffer.count, descriptor)
        buffer.append(contentsOf: repeatElement(0, count: 1 << 20))
        let count = buffer.withUnsafeMutableBytes { bytes in
            while true {
                // Not empty: a mebibyte was appended.
                let count = read(descriptor, bytes.baseAddress! + held, bytes.count - held)
                if count >= 0 || errno != EINTR { return count }
            }
        }
        buffer.removeLast(buffer.count - held - max(count, 0))
        if count < 0 { throw InputError(name, "cannot be read: \(String(cString: strerror(errno)))") }
        isAtEnd = count == 0
        return count > 0
    }
}

/// Why an input cannot be counted.
struct InputError: Error, CustomStringConvertible {
    let description: String

    init(_ name: String, _ reason: String) { description = "'\(name)' \(reason)" }
}
