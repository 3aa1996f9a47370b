import Foundation
import MoldauRecords

/// A request over a plain socket: tests determine every byte of it.
struct HTTPExchange: Sendable {
    let port: Int

    struct Reply: Sendable {
        let status: Int
        /// By lower-case names.
        let headers: [String: String]
        let body: Data
    }

    struct Failure: Error { let text: String }

    /// - Parameter headers: without `Host` unless it is among them.
    func send(
        _ target: String, method: String = "GET", headers: [String: String] = ["Host": "localhost"]
    ) async throws -> Reply {
        let lines = headers.map { "\($0.key): \($0.value)" }.sorted()
        let head =
            (["\(method) \(target) HTTP/1.1", "Connection: close"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return try await onThread {
            let socket = try open(head)
            defer { close(socket) }
            var reply = Data()
            while let bytes = try Self.read(socket) { reply += bytes }
            return try Self.parsed(reply)
        }
    }

    /// Reads a stream of events until there are `count` of them.
    func events(_ target: String, count: Int) async throws -> [(name: String, data: Data)] {
        try await onThread {
            let socket = try open("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            defer { close(socket) }
            var text = Data()
            while true {
                let events = Self.events(in: text)
                if events.count >= count { return Array(events.prefix(count)) }
                guard let bytes = try Self.read(socket) else { return events }
                text += bytes
            }
        }
    }

    /// Opens a stream of events, reads its head and leaves the rest.
    func openStream(_ target: String) async throws -> Int32 {
        try await onThread {
            let socket = try open("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = try Self.read(socket)
            return socket
        }
    }

    /// Reads until the other end closes.
    static func drain(_ socket: Int32) async throws -> Data {
        try await onThread {
            defer { close(socket) }
            var all = Data()
            while let bytes = try read(socket) { all += bytes }
            return all
        }
    }

    // MARK: Bytes

    private func open(_ request: String) throws -> Int32 {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(text: "connect: \(errno)") }
        let bytes = Array(request.utf8)
        guard Foundation.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure(text: "send: \(errno)")
        }
        return socket
    }

    /// nil at the end.
    private static func read(_ socket: Int32) throws -> Data? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = -1
        repeat { count = recv(socket, &buffer, buffer.count, 0) } while count < 0 && errno == EINTR
        guard count >= 0 else { throw Failure(text: "recv: \(errno)") }
        return count == 0 ? nil : Data(buffer[..<count])
    }

    private static func parsed(_ reply: Data) throws -> Reply {
        guard let end = reply.firstRange(of: Data("\r\n\r\n".utf8)) else { throw Failure(text: "no head in \(reply)") }
        let lines = String(decoding: reply[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) }
        guard let status else { throw Failure(text: "no status in \(lines[0])") }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        return Reply(status: status, headers: headers, body: Data(reply[end.upperBound...]))
    }

    /// The whole events in a chunked stream.
    private static func events(in text: Data) -> [(name: String, data: Data)] {
        // The data has no line breaks, so what is not a field of an event is chunk framing.
        var (events, name) = ([(name: String, data: Data)](), "")
        let lines = String(decoding: text, as: UTF8.self).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for line in lines.dropLast() {
            if line.hasPrefix("event: ") { name = String(line.dropFirst(7)) }
            if line.hasPrefix("data: ") { events.append((name, Data(line.dropFirst(6).utf8))) }
        }
        return events
    }
}
