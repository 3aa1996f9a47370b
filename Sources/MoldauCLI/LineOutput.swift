import ArgumentParser
import Foundation
import MoldauLog

/// Standard output, written in large pieces. What is written last is there after `flush` alone.
final class LineOutput {
    private static let pieceBytes = 64 * 1024

    private var buffer: [UInt8] = []

    /// A reader that goes away shall end a write with an error, not the process: the topics are closed then.
    init() { signal(SIGPIPE, SIG_IGN) }

    /// - Throws: as `flush`.
    func write(_ line: some Sequence<UInt8>) throws {
        buffer.append(contentsOf: line)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.pieceBytes { try flush() }
    }

    func write(_ line: String) throws { try write(line.utf8) }

    /// - Throws: `CommandFailure`; `ExitCode.success` where nobody reads any more, as behind `| head`: that is no failure.
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

    /// Tells people something, on standard error. That nobody reads it, or that it has no room, is no failure.
    static func tell(_ sentence: String) {
        _ = Array("\(sentence)\n".utf8).withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
