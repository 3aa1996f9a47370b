// The client's side of SCRAM (RFC 5802, RFC 7677), without channel binding:
//
//     client   n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL
//     server   r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096
//     client   c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=
//     server   v=rmF9pqV8S7suAoZWja4dJRkFsKQ=

internal import Foundation
internal import MoldauNetwork

/// A log-in by SCRAM: pure, without I/O or randomness of its own.
struct ScramLogIn: Sendable {
    /// Why a message of the server is rejected.
    struct Malformed: Error, CustomStringConvertible { let description: String }

    let hash: ScramHash
    let user: String
    let password: String
    /// Printable, without commas, and unique.
    let nonce: String

    /// The most iterations that a server may request: a hostile one must not keep the client busy.
    private static var maxIterations: Int { 1_000_000 }

    private var firstBare: String {
        let escaped = user.replacing("=", with: "=3D").replacing(",", with: "=2C")
        return "n=\(escaped),r=\(nonce)"
    }

    /// The first message.
    var first: [UInt8] { Array("n,,\(firstBare)".utf8) }

    /// The response to the server's first message, and the last message expected from it. Takes milliseconds.
    func answer(_ challenge: [UInt8]) throws -> (message: [UInt8], wanted: [UInt8]) {
        guard let text = String(validating: challenge, as: UTF8.self) else {
            throw Malformed(description: "the server's challenge is not UTF-8")
        }
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 3, fields[0].hasPrefix("r=\(nonce)"), fields[0].count > nonce.count + 2,
            fields[1].hasPrefix("s="), let salt = Data(base64Encoded: String(fields[1].dropFirst(2))),
            fields[2].hasPrefix("i="), let iterations = Int(fields[2].dropFirst(2)),
            (1...Self.maxIterations).contains(iterations)
        else { throw Malformed(description: "the server's challenge does not have SCRAM's form") }
        let salted = try hash.saltedPassword(password, salt: Array(salt), iterations: iterations)
        let clientKey = hash.clientKey(ofSalted: salted)
        let withoutProof = "c=biws,\(fields[0])"
        let all = Array("\(firstBare),\(text),\(withoutProof)".utf8)
        let signature = hash.authenticate(all, key: hash.hash(clientKey))
        let proof = Data(zip(clientKey, signature).map { $0 ^ $1 }).base64EncodedString()
        let verifier = hash.authenticate(all, key: hash.serverKey(ofSalted: salted))
        return (
            Array("\(withoutProof),p=\(proof)".utf8), Array("v=\(Data(verifier).base64EncodedString())".utf8)
        )
    }
}

extension ClientLogIn {
    /// A new exchange, with a nonce of its own.
    func scram() -> ScramLogIn {
        var randomness = SystemRandomNumberGenerator()
        let nonce = (0..<2).map { _ in String(randomness.next(), radix: 36) }.joined()
        return ScramLogIn(
            hash: mechanism == .scramSHA512 ? .sha512 : .sha256, user: user, password: password, nonce: nonce)
    }
}
