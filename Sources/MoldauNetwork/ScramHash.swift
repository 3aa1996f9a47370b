// The arithmetic of SCRAM (RFC 5802, section 3), the same for both sides:
//
//     SaltedPassword   PBKDF2(password, salt, iterations)
//     ClientKey        HMAC(SaltedPassword, "Client Key")
//     StoredKey        H(ClientKey)
//     ServerKey        HMAC(SaltedPassword, "Server Key")
//     ClientProof      ClientKey XOR HMAC(StoredKey, AuthMessage)
//     ServerSignature  HMAC(ServerKey, AuthMessage)

internal import Crypto
internal import CryptoExtras

/// The hash function of a SCRAM mechanism, and the operations based on it.
package enum ScramHash: Sendable {
    case sha256
    case sha512

    /// H
    package func hash(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }

    /// HMAC
    package func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
        }
    }

    /// SaltedPassword. Takes milliseconds: two hashes per iteration.
    package func saltedPassword(_ password: String, salt: [UInt8], iterations: Int) throws -> [UInt8] {
        try KDF.Insecure.PBKDF2.deriveKey(
            from: Array(password.utf8), salt: salt, using: self == .sha256 ? .sha256 : .sha512,
            outputByteCount: self == .sha256 ? 32 : 64, unsafeUncheckedRounds: iterations
        ).withUnsafeBytes { Array($0) }
    }

    /// ClientKey
    package func clientKey(ofSalted password: [UInt8]) -> [UInt8] {
        authenticate(Array("Client Key".utf8), key: password)
    }

    /// ServerKey
    package func serverKey(ofSalted password: [UInt8]) -> [UInt8] {
        authenticate(Array("Server Key".utf8), key: password)
    }
}
