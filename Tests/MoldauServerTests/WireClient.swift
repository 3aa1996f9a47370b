import Foundation
import Logging
import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauServer
import MoldauWire
import Testing

/// A client of a server, made of the codec and a socket whose calls block.
final class WireClient {
    let socket: ClientSocket
    private var correlation: Int32 = 0
    private var asked: [(ApiKey, Int16)] = []

    convenience init(_ address: ListenAddress) throws { self.init(try ClientSocket(port: address.port)) }

    init(_ socket: ClientSocket) { self.socket = socket }

    /// Sends a request without waiting for its answer.
    func send<Request: WireRequest>(_ request: Request, version: Int16) throws {
        try socket.send(frame(request, version: version))
    }

    /// A request as it is sent; its answer is then expected.
    func frame<Request: WireRequest>(_ request: Request, version: Int16) throws -> [UInt8] {
        correlation += 1
        var writer = ByteWriter()
        try RequestHeader(Request.api, version: version, correlationID: correlation, clientID: "test").encode(
            into: &writer)
        _ = try request.encode(into: &writer, version: version)
        asked.append((Request.api, version))
        return ClientSocket.framed(Array(writer.bytes))
    }

    /// The answer to the oldest request without one.
    func receive<Response: WireMessage>(_: Response.Type) throws -> Response {
        let (api, version) = asked.removeFirst()
        let frame = try socket.receive(timeout: .seconds(20))
        var body = WireBytes()
        let header = try ResponseHeader(of: WireBytes(copying: frame), api, version: version, body: &body)
        #expect(header.correlationID == correlation - Int32(asked.count))
        return try Response(decoding: body, version: version)
    }

    func call<Request: WireRequest>(_ request: Request, version: Int16) throws -> Request.Response {
        try send(request, version: version)
        return try receive(Request.Response.self)
    }

    /// Appends a batch with one record.
    func produce(_ value: [UInt8], to topic: String, acks: Int16 = -1) throws -> ProduceResponse.PartitionResponse {
        var builder = RecordBatchBuilder(capacity: value.count + 100)
        value.withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 1)) }
        let batch = WireBytes(SharedBytes(copying: builder.finish()))
        let response = try call(
            ProduceRequest {
                $0.acks = acks
                $0.timeoutMs = 10_000
                $0.topicData = [
                    .init {
                        $0.name = topic
                        $0.partitionData = [.init { $0.records = .bytes(batch) }]
                    }
                ]
            }, version: 9)
        return try #require(response.responses.first?.partitionResponses.first)
    }

    /// Reads the first partition of a topic, without a session.
    func fetch(
        _ topic: String, from offset: Int64 = 0, maxBytes: Int32 = 100 << 20, waitMs: Int32 = 0
    ) throws -> FetchResponse.Partition {
        try send(Self.fetch(topic, from: offset, maxBytes: maxBytes, waitMs: waitMs), version: 12)
        return try #require(try receive(FetchResponse.self).responses.first?.partitions.first)
    }

    static func fetch(_ topic: String, from offset: Int64, maxBytes: Int32, waitMs: Int32) -> FetchRequest {
        FetchRequest {
            $0.maxWaitMs = waitMs
            $0.minBytes = 1
            $0.maxBytes = maxBytes
            $0.topics = [
                .init {
                    $0.topic = topic
                    $0.partitions = [
                        .init {
                            $0.fetchOffset = Offset(offset)
                            $0.partitionMaxBytes = maxBytes
                        }
                    ]
                }
            ]
        }
    }
}

/// A server of a broker in a directory of its own, with one topic `t`, and users with their passwords.
func withServer(
    _ options: ServerOptions = ServerOptions(), durability: Durability = .os,
    listening listener: ListenAddress = .localhost(0), users: [String: String] = [:],
    alongside begin: (EmbeddedCluster) throws -> Any = { _ in () },
    _ body: @escaping @Sendable (ListenAddress) throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let cluster = try await EmbeddedCluster(directory: directory, durability: durability, logger: quiet)
    try await cluster.withAdmin {
        try $0.create([NewTopic("t", partitionCount: 1, configuration: ["max.message.bytes": "20000000"])])
    }
    let companion = try begin(cluster)
    defer { withExtendedLifetime(companion) {} }
    for (name, password) in users { try cluster.users.set(password: password, ofUser: name) }
    let server = try BrokerServer(of: cluster, listening: [listener], options: options, logger: quiet)
    let address = try await server.start()[0]
    // Sockets block, which they must not do on Swift's cooperative pool.
    let result = await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: Result { try body(address) }) }.start()
    }
    await server.stop()
    try await cluster.close()
    try result.get()
}
