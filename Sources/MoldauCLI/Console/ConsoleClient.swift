import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Sends requests to an application's console, over HTTP/1.1 with a connection for each request.
struct ConsoleClient: Sendable {
    let host: String
    let port: Int
    let isSecure: Bool
    /// A PEM file; nil for the system's authorities.
    let authority: String?
    let token: String?

    /// The largest answer that is accepted.
    private static var mostBytes: Int { 64 << 20 }

    var address: String {
        "\(isSecure ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// Returns the answer to a request.
    /// - Throws: `CommandFailure` if the console does not answer, or with the error in its answer.
    func get<Answer: Decodable>(_ path: [String], _ query: [(String, String?)] = []) async throws -> Answer {
        var body = ByteBuffer()
        for try await piece in try await ask(path, query) {
            guard body.readableBytes + piece.readableBytes <= Self.mostBytes else {
                throw CommandFailure("the console's answer is too long; ask for less")
            }
            body.writeImmutableBuffer(piece)
        }
        return try Self.decoded(Data(body.readableBytesView))
    }

    /// Passes the console's events to `body`, until the stream ends or `body` returns false.
    /// - Throws: `CommandFailure`, as `get`; what `body` throws.
    func events(
        _ path: [String], _ query: [(String, String?)] = [], _ body: (_ name: String, _ data: Data) async throws -> Bool
    ) async throws {
        var reader = EventLines()
        for try await piece in try await ask(path, query) {
            for (name, data) in try reader.take(piece.readableBytesView) where try await !body(name, data) { return }
        }
    }

    static func decoded<Answer: Decodable>(_ data: Data) throws -> Answer {
        do { return try JSONDecoder().decode(Answer.self, from: data) } catch {
            throw CommandFailure(
                "the console's answer cannot be read; check that both have the same version (\(error))")
        }
    }

    // MARK: HTTP

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Sends a request.
    /// - Returns: the pieces of the answer's body.
    private func ask(
        _ path: [String], _ query: [(String, String?)]
    ) async throws -> AsyncThrowingStream<ByteBuffer, any Error> {
        let connection = try await connect()
        let uri = Self.uri(path, query)
        let (stream, source) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        let (head, answered) = AsyncThrowingStream<Void, any Error>.makeStream()
        let task = Task {
            do {
                try await connection.executeThenClose { inbound, outbound in
                    try await outbound.write(.head(request(uri)))
                    try await outbound.write(.end(nil))
                    try await take(inbound, source) { answered.finish() }
                }
                source.finish()
                answered.finish(throwing: CommandFailure("the console at \(address) ended the connection"))
            } catch {
                let failure = error as? CommandFailure ?? CommandFailure("the console at \(address) is gone: \(error)")
                source.finish(throwing: failure)
                answered.finish(throwing: failure)
            }
        }
        source.onTermination = { _ in task.cancel() }
        for try await _ in head {}
        return stream
    }

    /// Passes the body of the answer on; a status other than success becomes an error.
    private func take(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>,
        _ source: AsyncThrowingStream<ByteBuffer, any Error>.Continuation, answered: () -> Void
    ) async throws {
        var refusal: ByteBuffer?
        var status = HTTPResponseStatus.ok
        for try await part in inbound {
            switch part {
            case .head(let head):
                status = head.status
                if status == .ok { answered() } else { refusal = ByteBuffer() }
            case .body(let piece):
                if refusal == nil { source.yield(piece) } else { refusal?.writeImmutableBuffer(piece) }
            case .end:
                guard let refusal else { return }
                throw Self.failure(status, Data(refusal.readableBytesView.prefix(65_536)))
            }
        }
    }

    private static func failure(_ status: HTTPResponseStatus, _ body: Data) -> CommandFailure {
        struct Refusal: Decodable { let error: String }
        if let refusal = try? JSONDecoder().decode(Refusal.self, from: body) { return CommandFailure(refusal.error) }
        if status == .unauthorized {
            return CommandFailure("the console requires a token: give --token-file, or set MOLDAU_CONSOLE_TOKEN")
        }
        return CommandFailure("the console answered \(status.code) \(status.reasonPhrase)")
    }

    private func connect() async throws -> Connection {
        do {
            let tls = try isSecure ? NIOSSLContext(configuration: tlsConfiguration) : nil
            let name = host.allSatisfy { $0.isNumber || $0 == "." || $0 == ":" } ? nil : host
            return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(10))
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: name))
                        }
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try Connection(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            throw CommandFailure(
                "no console answers at \(address): start the application with one ('StreamsConsole', or --console PORT in the "
                    + "examples), or give its address with --console (\(error))")
        }
    }

    private var tlsConfiguration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let authority { configuration.trustRoots = .file(authority) }
        return configuration
    }

    private func request(_ uri: String) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: "\(host.contains(":") ? "[\(host)]" : host):\(port)")
        headers.add(name: "Accept", value: "application/json, text/event-stream")
        headers.add(name: "Connection", value: "close")
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: headers)
    }

    /// The path and query, percent-encoded except for letters, digits and `-._~` (RFC 3986).
    static func uri(_ path: [String], _ query: [(String, String?)]) -> String {
        let query = query.compactMap { name, value in value.map { "\(name)=\(escaped($0))" } }
        return "/" + path.map(escaped).joined(separator: "/")
            + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}

/// Splits a body into server-sent events (HTML standard, 9.2); the console uses only names and data of one line.
struct EventLines {
    private static let mostBytes = 1 << 20

    private var line: [UInt8] = []
    private var name = "message"
    private var data: [UInt8] = []

    init() {}

    /// The events that are complete now.
    /// - Throws: `CommandFailure` for a line or an event that is too long.
    mutating func take(_ bytes: some Sequence<UInt8>) throws(CommandFailure) -> [(name: String, data: Data)] {
        var events: [(name: String, data: Data)] = []
        for byte in bytes where byte != UInt8(ascii: "\r") {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                guard line.count + data.count <= Self.mostBytes else {
                    throw CommandFailure("an event from the console is longer than \(Self.mostBytes) bytes")
                }
                continue
            }
            if line.isEmpty {
                if !data.isEmpty { events.append((name, Data(data))) }
                (name, data) = ("message", [])
            } else if let value = value(of: "event: ") {
                name = String(decoding: value, as: UTF8.self)
            } else if let value = value(of: "data: ") {
                data += value
            }
            line.removeAll(keepingCapacity: true)
        }
        return events
    }

    private func value(of field: String) -> ArraySlice<UInt8>? {
        line.starts(with: field.utf8) ? line.dropFirst(field.utf8.count) : nil
    }
}
