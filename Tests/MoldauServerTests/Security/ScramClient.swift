import Foundation
import MoldauBroker
import MoldauNetwork

@testable import MoldauServer

/// The client's side of SCRAM.
struct ScramClient {
    let mechanism: ScramMechanism
    let user: String
    let password: String
    let nonce = "clientnonce"

    private var firstBare: String { "n=\(user),r=\(nonce)" }
    var first: [UInt8] { Array("n,,\(firstBare)".utf8) }

    /// The last message, after the server's challenge.
    func last(_ challenge: [UInt8]) throws -> [UInt8] {
        let text = String(decoding: challenge, as: UTF8.self)
        let fields = Dictionary(
            uniqueKeysWithValues: text.split(separator: ",").map { ($0.prefix(1), String($0.dropFirst(2))) })
        let salted = try mechanism.arithmetic.saltedPassword(
            password, salt: Array(Data(base64Encoded: fields["s"] ?? "") ?? Data()),
            iterations: Int(fields["i"] ?? "") ?? 0)
        let clientKey = mechanism.arithmetic.authenticate(Array("Client Key".utf8), key: salted)
        let withoutProof = "c=biws,r=\(fields["r"] ?? "")"
        let signature = mechanism.arithmetic.authenticate(
            Array("\(firstBare),\(text),\(withoutProof)".utf8), key: mechanism.arithmetic.hash(clientKey))
        let proof = Data(zip(clientKey, signature).map { $0 ^ $1 }).base64EncodedString()
        return Array("\(withoutProof),p=\(proof)".utf8)
    }
}
