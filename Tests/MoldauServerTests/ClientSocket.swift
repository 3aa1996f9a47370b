import Foundation

/// A client's socket, whose calls block.
final class ClientSocket {
    enum Failure: Error { case refused(Int32), closed, late }

    private let descriptor: Int32

    /// A socket that is connected already.
    init(descriptor: Int32) { self.descriptor = descriptor }

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure.refused(errno) }
    }

    deinit { Foundation.close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Foundation.send(
                    descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure.closed }
            done += count
        }
    }

    /// Sends a frame.
    func send(frame: [UInt8]) throws { try send(Self.framed(frame)) }

    /// A frame with its length in front.
    static func framed(_ frame: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(frame.count).bigEndian) { Array($0) } + frame
    }

    /// The next frame, without its length.
    func receive(timeout: Duration) throws -> [UInt8] {
        let end = ContinuousClock.now + timeout
        let length = try receive(4, until: end).reduce(0) { $0 << 8 | Int($1) }
        return try receive(length, until: end)
    }

    private func receive(_ count: Int, until end: ContinuousClock.Instant) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let (seconds, attoseconds) = (end - ContinuousClock.now).components
            let left = max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
            guard Foundation.poll(&poll, 1, Int32(left)) > 0 else { throw Failure.late }
            let got = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress.map { $0 + done }, count - done, 0)
            }
            guard got > 0 else { throw Failure.closed }
            done += got
        }
        return bytes
    }
}
