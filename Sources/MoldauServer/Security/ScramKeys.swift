// The arithmetic of SCRAM (RFC 5802, section 3):
//
//     SaltedPassword   PBKDF2(password, salt, iterations)
//     ClientKey        HMAC(SaltedPassword, "Client Key")
//     StoredKey        H(ClientKey)
//     ServerKey        HMAC(SaltedPassword, "Server Key")
//     ClientProof      ClientKey XOR HMAC(StoredKey, AuthMessage)
//     ServerSignature  HMAC(ServerKey, AuthMessage)

internal import Crypto
internal import CryptoExtras
internal import Foundation
package import MoldauBroker

extension ScramMechanism {
    func hash(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }

    func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
        }
    }

    /// Takes milliseconds: as many hashes as there are iterations, twice.
    func saltedPassword(_ password: String, salt: [UInt8], iterations: Int) throws -> [UInt8] {
        try KDF.Insecure.PBKDF2.deriveKey(
            from: Array(password.utf8), salt: salt, using: self == .sha256 ? .sha256 : .sha512,
            outputByteCount: hashBytes, unsafeUncheckedRounds: iterations
        ).withUnsafeBytes { Array($0) }
    }
}

extension ScramCredential {
    /// How many iterations new credentials have. Every client has to do as many at each log-in by SCRAM.
    package static let defaultIterations = 8_192

    /// From a salted password, which a client may send instead of the password.
    init(_ mechanism: ScramMechanism, salt: [UInt8], iterations: Int, saltedPassword: [UInt8]) {
        let clientKey = mechanism.authenticate(Array("Client Key".utf8), key: saltedPassword)
        self.init(
            mechanism, salt: salt, iterations: iterations, storedKey: mechanism.hash(clientKey),
            serverKey: mechanism.authenticate(Array("Server Key".utf8), key: saltedPassword))
    }

    /// From a password, one of each mechanism, with new salts. Takes milliseconds.
    package static func make(
        password: String, iterations: Int = defaultIterations, using randomness: inout some RandomNumberGenerator
    ) throws -> [ScramCredential] {
        try ScramMechanism.allCases.map { mechanism in
            let salt = (0..<24).map { _ in UInt8.random(in: 0...255, using: &randomness) }
            return ScramCredential(
                mechanism, salt: salt, iterations: iterations,
                saltedPassword: try mechanism.saltedPassword(password, salt: salt, iterations: iterations))
        }
    }

    /// A credential that no password fits, for a user that does not exist: whoever asks for one sees the same salt each
    /// time, and cannot tell that from a user's.
    static func decoy(_ mechanism: ScramMechanism, user: String, seed: [UInt8]) -> ScramCredential {
        let salt = mechanism.authenticate(Array("salt \(user)".utf8), key: seed)
        return ScramCredential(
            mechanism, salt: Array(salt.prefix(24)), iterations: defaultIterations,
            storedKey: mechanism.authenticate(Array("stored \(user)".utf8), key: seed),
            serverKey: mechanism.authenticate(Array("server \(user)".utf8), key: seed))
    }

    /// Whether it was made from this password. Takes milliseconds.
    func fits(password: String) throws -> Bool {
        let salted = try mechanism.saltedPassword(password, salt: salt, iterations: iterations)
        let clientKey = mechanism.authenticate(Array("Client Key".utf8), key: salted)
        return mechanism.hash(clientKey).isEqualInConstantTime(to: storedKey)
    }
}

extension [UInt8] {
    /// Takes as long wherever the first difference is.
    func isEqualInConstantTime(to other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
