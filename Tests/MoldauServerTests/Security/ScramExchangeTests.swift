import Foundation
import MoldauBroker
import MoldauNetwork
import Testing

@testable import MoldauServer

@Suite struct ScramExchangeTests {
    private static let user = "user"
    private static let password = "pencil"

    private static func credential(_ mechanism: ScramMechanism, salt: String) throws -> ScramCredential {
        let salt = try #require(Data(base64Encoded: salt).map(Array.init))
        return ScramCredential(
            mechanism, salt: salt, iterations: 4_096,
            saltedPassword: try mechanism.arithmetic.saltedPassword(password, salt: salt, iterations: 4_096))
    }

    private static func begin(
        _ mechanism: ScramMechanism, first: String, nonce: String, _ known: ScramCredential?
    ) throws -> ScramExchange {
        try ScramExchange(
            mechanism, clientFirst: Array(first.utf8), serverNonce: nonce,
            credential: { $0 == user ? known : nil }, decoySeed: Array(repeating: 7, count: 32))
    }

    /// The example of RFC 7677, section 3.
    private static func example() throws -> ScramExchange {
        try begin(
            .sha256, first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            try credential(.sha256, salt: "W22ZaJ0SNY7soEsUEjb6gQ=="))
    }

    private static let exampleLast =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    @Test func `the exchange is that of the example in RFC 7677`() throws {
        let exchange = try Self.example()
        #expect(exchange.user == "user")
        #expect(
            String(decoding: exchange.challenge, as: UTF8.self)
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        let last = try #require(try exchange.finish(clientLast: Array(Self.exampleLast.utf8)))
        #expect(String(decoding: last, as: UTF8.self) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    }

    @Test func `a client nonce that repeats its beginning is accepted, as by Kafka`() throws {
        let exchange = try Self.begin(
            .sha256, first: "n,,n=user,r=abc", nonce: "def",
            try Self.credential(.sha256, salt: "W22ZaJ0SNY7soEsUEjb6gQ=="))
        let known = try Self.credential(.sha256, salt: "W22ZaJ0SNY7soEsUEjb6gQ==")
        let salted = try ScramMechanism.sha256.arithmetic.saltedPassword(
            Self.password, salt: known.salt, iterations: 4_096)
        let clientKey = ScramMechanism.sha256.arithmetic.authenticate(Array("Client Key".utf8), key: salted)
        let last = "c=biws,r=abcabcdef"
        let message = "n=user,r=abc,\(String(decoding: exchange.challenge, as: UTF8.self)),\(last)"
        let signature = ScramMechanism.sha256.arithmetic.authenticate(Array(message.utf8), key: known.storedKey)
        let proof = Data(zip(clientKey, signature).map { $0 ^ $1 }).base64EncodedString()
        #expect(try exchange.finish(clientLast: Array("\(last),p=\(proof)".utf8)) != nil)
    }

    @Test func `a changed proof is refused`() throws {
        let last = Self.exampleLast.replacing("p=dHzb", with: "p=dHzc")
        #expect(try Self.example().finish(clientLast: Array(last.utf8)) == nil)
    }

    @Test(
        arguments: [
            "c=biws,r=rOprNGfwEbeRWgbNEkqOother,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "c=biws,p=", ",p=", "",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,c=biws,p=AAAA",
        ])
    func `a final message that is malformed, or of another login, is refused`(last: String) throws {
        let exchange = try Self.example()
        #expect(throws: ScramExchange.Malformed.self) { try exchange.finish(clientLast: Array(last.utf8)) }
    }

    @Test(
        arguments: [
            "", "n,,", "n,,n=user", "p=tls-unique,,n=user,r=a", "n,,r=a,n=user", "n,,n=,r=a", "n,,n=user,r=",
            "n,a=other,n=user,r=a", "n,,n=us=2Eer,r=a", "n,,m=ext,n=user,r=a", "n,,n=user=,r=a",
        ])
    func `a malformed first message is refused`(first: String) throws {
        #expect(throws: ScramExchange.Malformed.self) { try Self.begin(.sha256, first: first, nonce: "n", nil) }
    }

    @Test func `bytes that are not text are refused`() throws {
        #expect(throws: ScramExchange.Malformed.self) {
            try ScramExchange(
                .sha512, clientFirst: [0xff, 0x2c, 0x2c, 0x80], serverNonce: "n", credential: { _ in nil },
                decoySeed: [1])
        }
        let exchange = try Self.example()
        #expect(throws: ScramExchange.Malformed.self) { try exchange.finish(clientLast: [0xff, 0x2c, 0x70, 0x3d]) }
    }

    @Test func `commas and equals signs in a name are escaped`() throws {
        #expect(try Self.begin(.sha256, first: "n,,n=a=2Cb=3Dc,r=x", nonce: "n", nil).user == "a,b=c")
    }

    @Test func `an unknown user gets a challenge with a constant salt, and is never admitted`() throws {
        let first = try Self.begin(.sha512, first: "n,,n=nobody,r=abc", nonce: "def", nil)
        let again = try Self.begin(.sha512, first: "n,,n=nobody,r=abc", nonce: "def", nil)
        let other = try Self.begin(.sha512, first: "n,,n=nobody2,r=abc", nonce: "def", nil)
        #expect(first.challenge == again.challenge)
        #expect(first.challenge != other.challenge)
        let text = String(decoding: first.challenge, as: UTF8.self)
        #expect(text.hasPrefix("r=abcdef,s=") && text.hasSuffix(",i=\(ScramCredential.defaultIterations)"))
        let proof = Data(repeating: 0, count: 64).base64EncodedString()
        #expect(try first.finish(clientLast: Array("c=biws,r=abcdef,p=\(proof)".utf8)) == nil)
    }
}
