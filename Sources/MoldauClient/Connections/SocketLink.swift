// How a connection is established:
//
//     connecting ──▶ ApiVersions ──▶ SaslHandshake ──▶ SaslAuthenticate ──▶ ready ──▶ ended
//                         └───────────────── without a log-in ──────────────▲
//
// Every state leads to `ended`, which is final: a new connection is another link.

internal import MoldauNetwork
internal import MoldauRecords
internal import MoldauWire
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A connection to a broker, over a socket or another frame carrier. Everything runs on its event loop.
final class SocketLink: BrokerLink, FrameReceiver {
    typealias Answer = @Sendable (Result<WireBytes, ClientError>, _ version: Int16) -> Void

    private enum Phase {
        case connecting
        case preparing(any FrameCarrier)
        case ready(any FrameCarrier, VersionTable)
        case ended(ClientError)
    }

    /// How to send a request.
    private enum Sending {
        case hold
        case fail(ClientError)
        case go(any FrameCarrier, VersionTable)
    }

    private struct State {
        var phase = Phase.connecting
        var line = RequestLine<Answer>()
        /// Requests held back until the connection is ready, or fails.
        var held: [@Sendable (ClientError?) -> Void] = []
        var isWatching = false
        var wasReady = false
        /// The last frame, whose memory is reused once it is sent.
        var frame = ByteBuffer()
    }

    /// The memory of longer frames is freed.
    private static var mostKeptBytes: Int { 4 << 20 }

    let address: BrokerAddress
    private let options: ClientOptions
    private let loop: any EventLoop
    private let state = Mutex(State())
    private let memory = EncodingMemory(mostBytes: mostKeptBytes)

    init(_ address: BrokerAddress, _ options: ClientOptions, _ loop: any EventLoop) {
        (self.address, self.options, self.loop) = (address, options, loop)
    }

    var isOpen: Bool {
        state.withLock { state in
            if case .ended = state.phase { return false }
            return true
        }
    }

    var wasReady: Bool { state.withLock(\.wasReady) }

    // MARK: Requests

    func send<Request: WireRequest>(
        _ request: Request, maxVersion: Int16, timeout: Duration,
        then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
    ) {
        let now = state.withLock { state -> Sending in
            switch state.phase {
            case .connecting, .preparing:
                state.held.append { error in
                    if let error { return answer(.failure(error)) }
                    self.send(request, maxVersion: maxVersion, timeout: timeout, then: answer)
                }
                return .hold
            case .ended(let error): return .fail(error)
            case .ready(let carrier, let versions): return .go(carrier, versions)
            }
        }
        switch now {
        case .hold: break
        case .fail(let error): loop.execute { answer(.failure(error)) }
        case .go(let carrier, let versions):
            let least = request.leastVersion
            guard let version = versions.version(of: Request.api, atMost: maxVersion), version >= least else {
                let api = least == 0 ? Request.api.name : "\(Request.api.name) from \(least) on"
                let error = ClientError.unsupportedAPI(api, address)
                return loop.execute { answer(.failure(error)) }
            }
            write(request, version, carrier, timeout, answer)
        }
    }

    private func write<Request: WireRequest>(
        _ request: Request, _ version: Int16, _ carrier: any FrameCarrier, _ timeout: Duration,
        _ answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
    ) {
        let isAnswered = (request as? ProduceRequest)?.acks != 0
        let address = address
        let correlationID = state.withLock { state in
            guard isAnswered else { return state.line.addUnanswered() }
            return state.line.add(Request.api, version: version, deadline: SocketWorld.clock() + timeout) {
                result, version in
                answer(
                    result.flatMap { body in
                        do throws(SerdeError) {
                            return .success(try Request.Response(decoding: body, version: version))
                        } catch {
                            return .failure(.disconnected(address, reason: "\(error)"))
                        }
                    })
            }
        }
        let frame: ByteBuffer
        do {
            frame = try encode(request, version, correlationID)
        } catch {
            // Only a string or list that is too long for its field gets here: the request's place would never be
            // answered.
            return end("\(error)")
        }
        if isAnswered {
            carrier.send(frame, then: nil)
            return watch()
        }
        carrier.send(frame) { error in
            answer(error.map { .failure(.disconnected(address, reason: "\($0)")) } ?? .success(Request.Response()))
        }
    }

    private func encode<Request: WireRequest>(
        _ request: Request, _ version: Int16, _ correlationID: Int32
    ) throws(SerdeError) -> ByteBuffer {
        var writer = memory.take()
        writer.append(bigEndian: Int32(0))
        try RequestHeader(
            Request.api, version: version, correlationID: correlationID, clientID: options.clientID
        ).encode(into: &writer)
        _ = try request.encode(into: &writer, version: version)
        var frame = state.withLock { Swift.exchange(&$0.frame, with: ByteBuffer()) }
        frame.clear(minimumCapacity: writer.count)
        frame.writeBytes(writer.bytes)
        frame.setInteger(Int32(writer.count - 4), at: 0)
        memory.give(writer)
        if frame.readableBytes <= Self.mostKeptBytes { state.withLock { $0.frame = frame } }
        return frame
    }

    // MARK: Answers

    func receive(_ frame: ByteBuffer) {
        guard let correlationID = frame.getInteger(at: frame.readerIndex, as: Int32.self) else {
            return end("an answer has only \(frame.readableBytes) bytes")
        }
        do {
            let waiting = try state.withLock { state throws in try state.line.take(correlationID) }
            var body = WireBytes()
            let whole = WireBytes(frame)
            do throws(SerdeError) {
                _ = try ResponseHeader(of: whole, waiting.api, version: waiting.version, body: &body)
                waiting.answer(.success(body), waiting.version)
            } catch {
                waiting.answer(.failure(.disconnected(address, reason: "\(error)")), waiting.version)
                end("\(error)")
            }
        } catch {
            end("an answer is not the one that was expected: \(error)")
        }
    }

    /// Closes the connection when a response is overdue, since all later responses wait behind it.
    private func watch() {
        let deadline = state.withLock { state -> Duration? in
            guard !state.isWatching, let deadline = state.line.nextDeadline else { return nil }
            state.isWatching = true
            return deadline
        }
        guard let deadline else { return }
        let left = max(deadline - SocketWorld.clock(), .milliseconds(1))
        loop.scheduleTask(in: .init(left)) { [weak self] in self?.checkDeadlines() }
    }

    private func checkDeadlines() {
        let late = state.withLock { state in
            state.isWatching = false
            return state.line.late(at: SocketWorld.clock())
        }
        if let late { return end("\(late.api.name) was not answered in time") }
        watch()
    }

    // MARK: Opening and closing

    /// Called when the socket, or another carrier, is connected.
    func begin(_ carrier: any FrameCarrier) {
        let isWanted = state.withLock { state in
            guard case .connecting = state.phase else { return false }
            state.phase = .preparing(carrier)
            return true
        }
        guard isWanted else { return carrier.close() }
        negotiate(carrier, version: 3)
    }

    private func negotiate(_ carrier: any FrameCarrier, version: Int16) {
        let request = ApiVersionsRequest {
            $0.clientSoftwareName = "moldau"
            $0.clientSoftwareVersion = "1.0"
        }
        write(request, version, carrier, options.requestTimeout) { result in
            switch result {
            case .success(let response) where response.errorCode == .none:
                self.logIn(carrier, VersionTable(response))
            // Older brokers answer in version 0, with this error.
            case .success(let response) where response.errorCode == .unsupportedVersion && version > 0:
                self.negotiate(carrier, version: 0)
            case .success(let response): self.end("the broker refuses ApiVersions: \(response.errorCode)")
            case .failure(let error): self.end("\(error)")
            }
        }
    }

    private func logIn(_ carrier: any FrameCarrier, _ versions: VersionTable) {
        guard let logIn = options.logIn else { return becomeReady(carrier, versions) }
        guard versions.version(of: .saslHandshake, atMost: 1) == 1,
            let version = versions.version(of: .saslAuthenticate, atMost: .max)
        else { return end(with: .unsupportedAPI(ApiKey.saslAuthenticate.name, address)) }
        let handshake = SaslHandshakeRequest { $0.mechanism = logIn.mechanism.rawValue }
        write(handshake, 1, carrier, options.requestTimeout) { result in
            guard case .success(let response) = result else { return self.end("the log-in was not answered") }
            guard response.errorCode == .none else {
                let offered = response.mechanisms.joined(separator: ", ")
                let reason = "the broker does not offer \(logIn.mechanism.rawValue) here; it offers \(offered)"
                return self.end(with: .logInFailed(reason: reason))
            }
            switch logIn.mechanism {
            case .plain:
                self.authenticate(logIn.plainMessage, carrier, version) { _ in self.becomeReady(carrier, versions) }
            case .scramSHA256, .scramSHA512:
                self.exchange(logIn.scram(), carrier, version) { self.becomeReady(carrier, versions) }
            }
        }
    }

    private func exchange(
        _ scram: ScramLogIn, _ carrier: any FrameCarrier, _ version: Int16, then done: @escaping @Sendable () -> Void
    ) {
        authenticate(scram.first, carrier, version) { challenge in
            // Hashing takes milliseconds, too long for the event loop.
            NIOThreadPool.singleton.runIfActive(eventLoop: self.loop) { try scram.answer(challenge) }
                .whenComplete { result in
                    switch result {
                    case .failure(let error): self.end(with: .logInFailed(reason: "\(error)"))
                    case .success(let (message, wanted)):
                        self.authenticate(message, carrier, version) { last in
                            if last == wanted { return done() }
                            self.end(with: .logInFailed(reason: "the broker did not prove that it knows the password"))
                        }
                    }
                }
        }
    }

    private func authenticate(
        _ token: [UInt8], _ carrier: any FrameCarrier, _ version: Int16,
        then next: @escaping @Sendable ([UInt8]) -> Void
    ) {
        let request = SaslAuthenticateRequest { $0.authBytes = WireBytes(copying: token) }
        write(request, version, carrier, options.requestTimeout) { result in
            guard case .success(let response) = result else { return self.end("the log-in was not answered") }
            guard response.errorCode == .none else {
                return self.end(with: .logInFailed(reason: response.errorMessage ?? response.errorCode.name))
            }
            next(Array(response.authBytes.bytes))
        }
    }

    private func becomeReady(_ carrier: any FrameCarrier, _ versions: VersionTable) {
        let held = state.withLock { state -> [@Sendable (ClientError?) -> Void] in
            guard case .preparing = state.phase else { return [] }
            state.phase = .ready(carrier, versions)
            state.wasReady = true
            defer { state.held = [] }
            return state.held
        }
        for send in held { send(nil) }
    }

    /// Called when connecting failed.
    func fail(_ reason: String) { end(with: .notReachable(address, reason: reason)) }

    /// Called when the connection can no longer be used.
    func end(_ reason: String) { end(with: .disconnected(address, reason: reason)) }

    func close() { loop.execute { self.end(with: .disconnected(self.address, reason: "the client closed it")) } }

    private func end(with error: ClientError) {
        struct Ending {
            var carrier: (any FrameCarrier)?
            var waiting: [RequestLine<Answer>.Waiting]
            var held: [@Sendable (ClientError?) -> Void]
        }
        let ending = state.withLock { state -> Ending in
            var ending = Ending(carrier: nil, waiting: state.line.removeAll(), held: state.held)
            switch state.phase {
            case .preparing(let carrier), .ready(let carrier, _): ending.carrier = carrier
            case .connecting: break
            case .ended: return ending
            }
            state.phase = .ended(error)
            state.held = []
            return ending
        }
        ending.carrier?.close()
        for waiting in ending.waiting { waiting.answer(.failure(error), waiting.version) }
        for send in ending.held { send(error) }
    }
}
