import ArgumentParser
import Foundation
import MoldauLog

/// Buffered standard output. The last lines are written only by `flush`.
final class LineOutput {
    private static let pieceBytes = 64 * 1024

    private var buffer: [UInt8] = []

    /// Ignores SIGPIPE: if the reader exits, the write fails but the process survives to close the topics.
    init() { signal(SIGPIPE, SIG_IGN) }

    /// - Throws: the same as `flush`.
    func write(_ line: some Sequence<UInt8>) throws {
        buffer.append(contentsOf: line)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.pieceBytes { try flush() }
    }

    func write(_ line: String) throws { try write(line.utf8) }

    /// - Throws: `CommandFailure`; `ExitCode.success` if the reader has closed the pipe, as with `| head`: that is not
    ///   a failure.
    func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        try buffer.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = uninterrupted {
                    Foundation.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                }
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN {
                    var asked = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&asked, 1, -1)
                } else if errno == EPIPE {
                    throw ExitCode.success
                } else {
                    throw CommandFailure("standard output cannot be written: \(String(cString: strerror(errno)))")
                }
            }
        }
    }

    /// Prints a message on standard error. If it cannot be written, that is not a failure.
    static func tell(_ sentence: String) {
        _ = Array("\(sentence)\n".utf8).withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
