internal import Logging
internal import MoldauBroker
internal import MoldauLog
internal import MoldauNetwork
internal import MoldauRecords
internal import MoldauWire
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Answers requests with a broker. Each API has its own file.
final class RequestService<Files: FileSystem>: Sendable {
    let broker: Broker<Files>
    let options: ServerOptions
    let logger: Logger
    let sessions: FetchSessions
    let logIns: LogIns<Files>
    /// The users that may do everything; nil while access lists are off.
    private let superUsers: Set<String>?
    private let pool: NIOThreadPool
    private let topicNames = Mutex<[TopicID: String]>([:])

    /// The broker's id: it is the only one of its cluster.
    static var nodeID: Int32 { 1 }

    init(_ broker: Broker<Files>, _ options: ServerOptions, _ pools: ServerPools, _ logger: Logger) {
        self.broker = broker
        self.options = options
        pool = pools.work
        self.logger = logger
        superUsers =
            options.accessListsAreOn
            ? Set(options.superUsers.map { Principal(text: $0)?.name ?? $0 }) : nil
        logIns = LogIns(broker.security, options, pools.logIns, logger)
        sessions = FetchSessions(limit: options.maxFetchSessions)
    }

    /// Handles the request in a frame: see `Connection.Worker`.
    func work(
        _ frame: ByteBuffer, of connection: Connection, then reply: @escaping @Sendable (Answer) -> Void
    ) -> Connection.RequestKind {
        if connection.localAddress.security.requiresLogIn, connection.authentication.withLock({ $0.expectsFrame }) {
            takeToken(frame, of: connection, then: reply)
            return .waiting
        }
        var body = WireBytes()
        let header: RequestHeader
        do throws(SerdeError) {
            header = try RequestHeader(of: WireBytes(frame), body: &body)
        } catch {
            reply(.close(reason: "a request cannot be read: \(error)"))
            return .pipelined
        }
        guard let type = ServedRequests[header.key] else {
            reply(.close(reason: "a request of an API that is not served: \(header.key)"))
            return .pipelined
        }
        guard type.servedVersions.contains(header.version) else {
            refuseVersion(header, of: connection, reply)
            return .pipelined
        }
        guard mayAsk(header.api, connection) else {
            reply(.close(reason: "a request without a log-in, or after the log-in has expired: \(type.api.name)"))
            return .pipelined
        }
        type.serve(header, body, of: connection, by: self, then: reply)
        return type.mayWait ? .waiting : .pipelined
    }

    /// The client's current permissions.
    func access(of connection: Connection) -> Access {
        guard let superUsers else { return Access(.anonymous, at: connection.clientAddress, by: nil) }
        let principal = connection.authentication.withLock { $0.principal } ?? .anonymous
        let isSuper = superUsers.contains(principal.name)
        return Access(
            principal, at: connection.clientAddress, by: isSuper ? nil : broker.security.accessList)
    }

    /// Whether access lists are on.
    var checksAccess: Bool { superUsers != nil }

    /// Whether the client's log-in is far enough for this request.
    private func mayAsk(_ api: ApiKey?, _ connection: Connection) -> Bool {
        if !connection.localAddress.security.requiresLogIn { return true }
        return switch api {
        case .apiVersions, .saslHandshake, .saslAuthenticate: true
        default: connection.authentication.withLock { $0.isValid(at: LogIns<Files>.now) }
        }
    }

    /// Handles a token that is a frame of its own, after version 0 of SaslHandshake; the answer is a frame of its own
    /// too. A failure has no answer.
    private func takeToken(
        _ frame: ByteBuffer, of connection: Connection, then reply: @escaping @Sendable (Answer) -> Void
    ) {
        logIns.take(Array(frame.readableBytesView), of: connection) { step in
            switch step {
            case .challenge(let bytes), .done(let bytes):
                var answer = ByteBuffer()
                answer.writeInteger(Int32(bytes.count))
                answer.writeBytes(bytes)
                reply(.frame([.bytes(answer)]))
            case .failed, .unexpected: reply(.close(reason: "its log-in failed"))
            }
        }
    }

    /// Refuses an unsupported version. For ApiVersions the answer lists the supported versions, in version 0;
    /// others close the connection: clients should have requested those first.
    private func refuseVersion(
        _ header: RequestHeader, of connection: Connection, _ reply: @escaping @Sendable (Answer) -> Void
    ) {
        guard header.api == .apiVersions else {
            return reply(
                .close(reason: "a request in a version that is not served: \(header.key), version \(header.version)"))
        }
        let call = Call<ApiVersionsResponse>(header: header, connection: connection, reply: reply)
        call.answer(.refusingVersion, version: 0)
    }

    /// Continues on a worker's thread: for work that a callback of the broker starts.
    func onWorker(_ body: @escaping @Sendable () -> Void) { pool.submit { _ in body() } }

    // MARK: Topics

    /// The topic of an id; nil if there is none.
    func topic(_ id: TopicID) -> TopicMetadata? {
        if let name = topicNames.withLock({ $0[id] }), let topic = broker.topic(name), topic.id == id { return topic }
        guard id != .zero, let topic = broker.topics().first(where: { $0.id == id }) else { return nil }
        topicNames.withLock { names in
            // Ids of deleted topics are removed when there are too many.
            if names.count > 10_000 { names = [:] }
            names[id] = topic.name
        }
        return topic
    }
}
