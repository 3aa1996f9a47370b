import Foundation
import MoldauBroker
import MoldauRecords
import MoldauServer
import MoldauWire
import Testing

extension WireClient {
    /// Logs in by PLAIN.
    func logIn(_ user: String, _ password: String, version: Int16 = 2) throws -> SaslAuthenticateResponse {
        let chosen = try call(SaslHandshakeRequest { $0.mechanism = "PLAIN" }, version: 1)
        #expect(chosen.errorCode == .none)
        return try call(
            SaslAuthenticateRequest { $0.authBytes = WireBytes(copying: Array("\0\(user)\0\(password)".utf8)) },
            version: version)
    }

    /// Logs in by SCRAM.
    func logIn(_ mechanism: ScramMechanism, _ user: String, _ password: String) throws -> SaslAuthenticateResponse {
        let chosen = try call(SaslHandshakeRequest { $0.mechanism = mechanism.name }, version: 1)
        #expect(chosen.errorCode == .none)
        let client = ScramClient(mechanism: mechanism, user: user, password: password)
        let challenge = try call(
            SaslAuthenticateRequest { $0.authBytes = WireBytes(copying: client.first) }, version: 2)
        #expect(challenge.errorCode == .none)
        let last = try client.last(Array(challenge.authBytes.bytes))
        return try call(SaslAuthenticateRequest { $0.authBytes = WireBytes(copying: last) }, version: 2)
    }

    func topics() throws -> [String?] {
        try call(MetadataRequest { $0.topics = nil }, version: 12).topics.map(\.name)
    }

    /// Whether the server has closed the connection, or does so within the time.
    func isClosed(within time: Duration = .seconds(10)) -> Bool {
        do {
            while true { _ = try socket.receive(timeout: time) }
        } catch ClientSocket.Failure.closed {
            return true
        } catch {
            return false
        }
    }
}

/// How clients log in.
@Suite struct LogInTests {
    private static let sasl = ListenAddress(host: "127.0.0.1", port: 0, security: .saslPlaintext)
    private static let users = ["ada": "secret"]

    private static var options: ServerOptions {
        var options = ServerOptions()
        options.failedLogInDelay = .milliseconds(300)
        return options
    }

    private static var insecure: ServerOptions {
        var options = options
        options.isInsecure = true
        return options
    }

    @Test(arguments: ScramMechanism.allCases)
    func `a user logs in with SCRAM`(mechanism: ScramMechanism) async throws {
        try await withServer(Self.options, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            #expect(try client.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            let answer = try client.logIn(mechanism, "ada", "secret")
            #expect(answer.errorCode == .none && answer.authBytes.count > 40)
            #expect(try client.topics() == ["t"])
        }
    }

    @Test func `a request before login closes the connection`() async throws {
        try await withServer(Self.options, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            try client.send(MetadataRequest { $0.topics = nil }, version: 12)
            #expect(throws: (any Error).self) { try client.receive(MetadataResponse.self) }
            let pipelined = try WireClient(address)
            try pipelined.send(SaslHandshakeRequest { $0.mechanism = "SCRAM-SHA-256" }, version: 1)
            try pipelined.send(MetadataRequest { $0.topics = nil }, version: 12)
            #expect(try pipelined.receive(SaslHandshakeResponse.self).errorCode == .none)
            #expect(pipelined.isClosed())
        }
    }

    @Test func `passwords are not accepted unencrypted, unless that is allowed`() async throws {
        try await withServer(Self.options, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            let answer = try client.call(SaslHandshakeRequest { $0.mechanism = "PLAIN" }, version: 1)
            #expect(answer.errorCode == .unsupportedSaslMechanism)
            #expect(answer.mechanisms == ["SCRAM-SHA-256", "SCRAM-SHA-512"])
            #expect(client.isClosed())
        }
        try await withServer(Self.insecure, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            #expect(try client.logIn("ada", "secret").errorCode == .none)
            #expect(try client.topics() == ["t"])
        }
    }

    @Test(arguments: ["ada", "nobody"])
    func `a failed login is answered after a delay, and closes the connection`(user: String) async throws {
        try await withServer(Self.insecure, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            let begun = ContinuousClock.now
            let answer = try client.logIn(user, "wrong")
            #expect(answer.errorCode == .saslAuthenticationFailed && answer.authBytes.count == 0)
            #expect(ContinuousClock.now - begun >= .milliseconds(300))
            #expect(client.isClosed())
            let other = try WireClient(address)
            #expect(try other.logIn(.sha512, user, "wrong").errorCode == .saslAuthenticationFailed)
            #expect(other.isClosed())
        }
    }

    @Test func `other clients can log in while failed logins are delayed`() async throws {
        var options = Self.insecure
        options.failedLogInDelay = .seconds(30)
        options.stopTimeout = .milliseconds(100)
        try await withServer(options, listening: Self.sasl, users: Self.users) { address in
            let guessing = try (0..<20).map { _ in try WireClient(address) }
            for client in guessing {
                _ = try client.call(SaslHandshakeRequest { $0.mechanism = "PLAIN" }, version: 1)
                try client.send(
                    SaslAuthenticateRequest { $0.authBytes = WireBytes(copying: Array("\0ada\0guess".utf8)) },
                    version: 2)
            }
            let client = try WireClient(address)
            #expect(try client.logIn("ada", "secret").errorCode == .none)
            withExtendedLifetime(guessing) {}
        }
    }

    @Test func `a large frame closes the connection before login, and is accepted after it`() async throws {
        try await withServer(Self.insecure, listening: Self.sasl, users: Self.users) { address in
            let stranger = try WireClient(address)
            try stranger.socket.send([0, 2, 0, 0] + [UInt8](repeating: 0, count: 100))
            #expect(stranger.isClosed())
            let client = try WireClient(address)
            #expect(try client.logIn("ada", "secret").errorCode == .none)
            #expect(try client.produce([UInt8](repeating: 7, count: 1 << 20), to: "t").errorCode == .none)
        }
    }

    @Test func `a client that does not log in in time is closed`() async throws {
        var options = Self.options
        options.logInTimeout = .seconds(4)
        try await withServer(options, listening: Self.sasl, users: Self.users) { address in
            let idle = try WireClient(address)
            #expect(idle.isClosed())
            let client = try WireClient(address)
            #expect(try client.logIn(.sha256, "ada", "secret").errorCode == .none)
            sleep(5)
            #expect(try client.topics() == ["t"])
        }
    }

    @Test func `after version 0 of SaslHandshake tokens are raw frames`() async throws {
        try await withServer(Self.insecure, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            let chosen = try client.call(SaslHandshakeRequest { $0.mechanism = "PLAIN" }, version: 0)
            #expect(chosen.errorCode == .none)
            try client.socket.send(frame: Array("\0ada\0secret".utf8))
            #expect(try client.socket.receive(timeout: .seconds(10)) == [])
            #expect(try client.topics() == ["t"])
            let other = try WireClient(address)
            _ = try other.call(SaslHandshakeRequest { $0.mechanism = "PLAIN" }, version: 0)
            try other.socket.send(frame: Array("\0ada\0wrong".utf8))
            #expect(other.isClosed())
        }
    }

    @Test func `a login with a lifetime must be renewed`() async throws {
        var options = Self.insecure
        options.logInLifetime = .seconds(4)
        try await withServer(options, listening: Self.sasl, users: Self.users) { address in
            let client = try WireClient(address)
            #expect(try client.logIn("ada", "secret").sessionLifetimeMs == 4_000)
            #expect(try client.topics() == ["t"])
            #expect(try client.logIn("ada", "secret").errorCode == .none)
            #expect(try client.topics() == ["t"])
            sleep(5)
            try client.send(MetadataRequest { $0.topics = nil }, version: 12)
            #expect(client.isClosed())
        }
    }

    @Test func `without authentication SaslHandshake is refused with Kafka's code`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            let answer = try client.call(SaslHandshakeRequest { $0.mechanism = "PLAIN" }, version: 1)
            #expect(answer.errorCode == .illegalSaslState && answer.mechanisms == [])
            #expect(try client.topics() == ["t"])
        }
    }
}
