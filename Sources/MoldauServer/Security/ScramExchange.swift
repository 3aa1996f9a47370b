// The server's side of SCRAM (RFC 5802, RFC 7677), without channel binding:
//
//     client   n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL
//     server   r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096
//     client   c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=
//     server   v=rmF9pqV8S7suAoZWja4dJRkFsKQ=

internal import Foundation
internal import MoldauBroker
internal import MoldauNetwork

/// A log-in by SCRAM, after the client's first message.
struct ScramExchange: Sendable {
    /// The user that logs in.
    let user: String
    /// The answer to the client's first message.
    let challenge: [UInt8]
    private let mechanism: ScramMechanism
    private let credential: ScramCredential
    /// Whether the user exists, and has a credential of this mechanism.
    private let isKnown: Bool
    private let gs2Header: String
    private let clientFirst: String
    private let nonce: String

    /// A message that does not follow SCRAM.
    struct Malformed: Error { let reason: String }

    /// Processes the client's first message.
    /// - Parameter serverNonce: printable, without commas, and unique.
    init(
        _ mechanism: ScramMechanism, clientFirst bytes: [UInt8], serverNonce: String,
        credential: (String) -> ScramCredential?, decoySeed: [UInt8]
    ) throws(Malformed) {
        guard let message = String(validating: bytes, as: UTF8.self) else { throw Malformed(reason: "it is not UTF-8") }
        // gs2-header: the channel binding flag, then the authorisation id.
        let parts = message.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw Malformed(reason: "it has no header") }
        guard parts[0] == "n" || parts[0] == "y" else {
            throw Malformed(reason: "channel bindings are not supported")
        }
        let fields = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 2, let name = fields[0].value(of: "n"), let clientNonce = fields[1].value(of: "r"),
            let user = Self.unescape(name), !user.isEmpty, !clientNonce.isEmpty
        else { throw Malformed(reason: "it lacks a name or a nonce") }
        if !parts[1].isEmpty {
            guard let other = parts[1].value(of: "a").flatMap(Self.unescape), other == user else {
                throw Malformed(reason: "logging in as one user to act as another is not supported")
            }
        }
        let found = credential(user)
        isKnown = found != nil
        self.credential = found ?? .decoy(mechanism, user: user, seed: decoySeed)
        self.mechanism = mechanism
        self.user = user
        gs2Header = "\(parts[0]),\(parts[1]),"
        self.clientFirst = String(parts[2])
        nonce = clientNonce + serverNonce
        let salt = Data(self.credential.salt).base64EncodedString()
        challenge = Array("r=\(nonce),s=\(salt),i=\(self.credential.iterations)".utf8)
    }

    /// Processes the client's last message.
    /// - Returns: the last message to the client, which proves that the server knows the user; nil if the client did
    ///   not prove that it knows the password.
    func finish(clientLast bytes: [UInt8]) throws(Malformed) -> [UInt8]? {
        guard let message = String(validating: bytes, as: UTF8.self),
            let proofStart = message.range(of: ",p=", options: .backwards)
        else { throw Malformed(reason: "the last message has no proof") }
        let withoutProof = String(message[..<proofStart.lowerBound])
        let fields = withoutProof.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 2, let binding = fields[0].value(of: "c"), let nonce = fields[1].value(of: "r"),
            let proof = Data(base64Encoded: String(message[proofStart.upperBound...])).map(Array.init)
        else { throw Malformed(reason: "the last message lacks a binding, a nonce or a proof") }
        // Older librdkafka (2.0.2, for example) repeats its own nonce in front. Kafka also compares only the end.
        guard nonce.hasSuffix(self.nonce), Data(base64Encoded: String(binding)) == Data(gs2Header.utf8) else {
            throw Malformed(reason: "the last message belongs to another log-in")
        }
        let authMessage = Array(
            "\(clientFirst),\(String(decoding: challenge, as: UTF8.self)),\(withoutProof)".utf8)
        let signature = mechanism.arithmetic.authenticate(authMessage, key: credential.storedKey)
        guard proof.count == signature.count else { return nil }
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        guard mechanism.arithmetic.hash(clientKey).isEqualInConstantTime(to: credential.storedKey), isKnown else {
            return nil
        }
        let verifier = Data(mechanism.arithmetic.authenticate(authMessage, key: credential.serverKey))
            .base64EncodedString()
        return Array("v=\(verifier)".utf8)
    }

    /// Decodes `=2C` to `,` and `=3D` to `=` in a name; nil if it contains another `=`.
    private static func unescape(_ name: Substring) -> String? {
        var parts = name.split(separator: "=", omittingEmptySubsequences: false)
        var plain = String(parts.removeFirst())
        for part in parts {
            switch part.prefix(2) {
            case "2C": plain += ","
            case "3D": plain += "="
            default: return nil
            }
            plain += part.dropFirst(2)
        }
        return plain
    }
}

extension Substring {
    /// The text after `key=`; nil if it does not begin with that.
    fileprivate func value(of key: String) -> Substring? { hasPrefix(key + "=") ? dropFirst(key.count + 1) : nil }
}
