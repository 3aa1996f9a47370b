import Foundation
import MoldauBroker
import Testing

@testable import MoldauServer

@Suite struct AuthenticationTests {
    private static let mechanisms: [LogInMechanism] = [.plain, .scram(.sha256), .scram(.sha512)]

    /// `ada` with the password `secret` for each mechanism.
    private static let ada: User = {
        var generator = SystemRandomNumberGenerator()
        let credentials = try? ScramCredential.make(password: "secret", iterations: 4_096, using: &generator)
        return User("ada", credentials ?? [])
    }()

    private static let known = Authentication.Knowledge(
        user: { $0 == "ada" ? ada : nil }, decoySeed: [1, 2, 3], nonce: "servernonce")

    private static func plain(_ user: String, _ password: String, as actor: String = "") -> [UInt8] {
        Array("\(actor)\0\(user)\0\(password)".utf8)
    }

    private static func begun(_ mechanism: String, lifetime: Duration? = nil) -> Authentication {
        var log = Authentication(mechanisms, lifetime: lifetime)
        #expect(log.choose(mechanism, tokensAreFrames: false) == 0)
        return log
    }

    @Test func `a password logs in, and no request is valid before`() {
        var log = Authentication(Self.mechanisms, lifetime: nil)
        #expect(!log.isValid(at: .zero))
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .zero) == .unexpected)
        #expect(log.choose("PLAIN", tokensAreFrames: false) == 0)
        #expect(!log.isValid(at: .zero))
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .zero) == .done([]))
        #expect(log.isValid(at: .seconds(1_000_000)))
        #expect(log.principal?.description == "User:ada")
    }

    @Test(arguments: ScramMechanism.allCases)
    func `each SCRAM mechanism logs in`(mechanism: ScramMechanism) throws {
        let client = ScramClient(mechanism: mechanism, user: "ada", password: "secret")
        var log = Self.begun(mechanism.name)
        guard case .challenge(let challenge) = log.take(client.first, Self.known, now: .zero) else {
            Issue.record("no challenge")
            return
        }
        #expect(!log.isValid(at: .zero))
        guard case .done(let last) = log.take(try client.last(challenge), Self.known, now: .zero) else {
            Issue.record("not logged in")
            return
        }
        #expect(String(decoding: last, as: UTF8.self).hasPrefix("v="))
        #expect(log.isValid(at: .zero) && log.principal == Principal("ada"))
    }

    @Test(arguments: [("ada", "wrong"), ("bob", "secret"), ("", "secret"), ("ada", "")])
    func `a wrong password or an unknown user is refused permanently`(user: String, password: String) {
        var log = Self.begun("PLAIN")
        guard case .failed = log.take(Self.plain(user, password), Self.known, now: .zero) else {
            Issue.record("not refused")
            return
        }
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .zero) == .unexpected)
        #expect(log.choose("PLAIN", tokensAreFrames: false) == 34)
        #expect(!log.isValid(at: .zero) && log.principal == nil)
    }

    @Test func `an unknown user and a wrong password get the same answer`() {
        var (one, other) = (Self.begun("PLAIN"), Self.begun("PLAIN"))
        guard case .failed(_, let first) = one.take(Self.plain("bob", "x"), Self.known, now: .zero),
            case .failed(_, let second) = other.take(Self.plain("ada", "x"), Self.known, now: .zero)
        else {
            Issue.record("not refused")
            return
        }
        #expect(first == second)
    }

    @Test func `a client cannot use another client's identity`() {
        var log = Self.begun("PLAIN")
        guard case .failed = log.take(Self.plain("ada", "secret", as: "root"), Self.known, now: .zero) else {
            Issue.record("not refused")
            return
        }
    }

    @Test(arguments: [[], [0], [0, 0], [0, 97, 0], [0, 97, 0, 98, 0], [0, 0xff, 0, 98]] as [[UInt8]])
    func `malformed PLAIN tokens are refused`(token: [UInt8]) {
        var log = Self.begun("PLAIN")
        guard case .failed(let user, _) = log.take(token, Self.known, now: .zero) else {
            Issue.record("not refused")
            return
        }
        #expect(user == nil)
    }

    @Test func `a mechanism that is not offered is refused with Kafka's code`() {
        var log = Authentication([.scram(.sha256)], lifetime: nil)
        #expect(log.choose("PLAIN", tokensAreFrames: false) == 33)
        #expect(log.choose("SCRAM-SHA-256", tokensAreFrames: false) == 34)
    }

    @Test func `a login with a lifetime expires, and can be renewed by the same user only`() {
        var log = Self.begun("PLAIN", lifetime: .seconds(10))
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .seconds(5)) == .done([]))
        #expect(log.isValid(at: .milliseconds(14_999)) && !log.isValid(at: .seconds(15)))
        #expect(log.choose("SCRAM-SHA-256", tokensAreFrames: false) == 34)
        #expect(log.choose("PLAIN", tokensAreFrames: false) == 0)
        #expect(!log.isValid(at: .seconds(6)))
        var other = log
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .seconds(20)) == .done([]))
        #expect(log.isValid(at: .seconds(29)))
        let both = Authentication.Knowledge(
            user: { User($0, Self.ada.credentials) }, decoySeed: [1], nonce: "n")
        guard case .failed = other.take(Self.plain("bob", "secret"), both, now: .seconds(20)) else {
            Issue.record("another user took over the connection")
            return
        }
        #expect(other.principal == Principal("ada") && !other.isValid(at: .seconds(20)))
    }

    @Test func `a login without a lifetime is not renewed`() {
        var log = Self.begun("PLAIN")
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .zero) == .done([]))
        #expect(log.choose("PLAIN", tokensAreFrames: false) == 34)
        #expect(log.isValid(at: .zero))
    }

    @Test func `without authentication every client is anonymous from the beginning`() {
        var log = Authentication(of: .anonymous)
        #expect(log.isValid(at: .seconds(1)) && log.principal == .anonymous)
        #expect(log.choose("PLAIN", tokensAreFrames: false) == 34)
        #expect(log.take([], Self.known, now: .zero) == .unexpected)
    }

    @Test func `tokens are raw frames only after version 0 of SaslHandshake`() {
        var log = Authentication(Self.mechanisms, lifetime: nil)
        #expect(!log.expectsFrame)
        #expect(log.choose("PLAIN", tokensAreFrames: true) == 0)
        #expect(log.expectsFrame)
        #expect(log.take(Self.plain("ada", "secret"), Self.known, now: .zero) == .done([]))
        #expect(!log.expectsFrame && !Self.begun("PLAIN").expectsFrame)
    }
}
