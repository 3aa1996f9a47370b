/// How a user logs in, with its number in Kafka's protocol.
package enum ScramMechanism: Int8, CaseIterable, Codable, Sendable {
    case sha256 = 1
    case sha512 = 2

    /// The name that is registered for SASL.
    package var name: String { self == .sha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512" }
    /// The size of a hash in bytes.
    package var hashBytes: Int { self == .sha256 ? 32 : 64 }
}

/// What is stored of a password (RFC 5802, section 3): enough to check it, not to log in with it.
package struct ScramCredential: Equatable, Codable, Sendable {
    package let mechanism: ScramMechanism
    package let salt: [UInt8]
    package let iterations: Int
    package let storedKey: [UInt8]
    package let serverKey: [UInt8]

    /// Kafka's bounds: fewer iterations protect too little, more would occupy the server for too long.
    package static let iterationBounds = 4_096...16_384

    package init(
        _ mechanism: ScramMechanism, salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]
    ) {
        self.mechanism = mechanism
        self.salt = salt
        self.iterations = iterations
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// The reason why the credential is invalid; nil if it is valid.
    package var objection: String? {
        if !Self.iterationBounds.contains(iterations) {
            return "there must be \(Self.iterationBounds.lowerBound) to \(Self.iterationBounds.upperBound) iterations"
        }
        if !(8...128).contains(salt.count) { return "a salt has 8 to 128 bytes" }
        if storedKey.count != mechanism.hashBytes || serverKey.count != mechanism.hashBytes {
            return "the keys of \(mechanism.name) have \(mechanism.hashBytes) bytes"
        }
        return nil
    }
}

/// A user that can log in.
package struct User: Equatable, Codable, Sendable {
    package let name: String
    /// At most one for each mechanism.
    package var credentials: [ScramCredential]

    package init(_ name: String, _ credentials: [ScramCredential]) {
        (self.name, self.credentials) = (name, credentials)
    }

    /// The user's credential for a mechanism; nil if there is none.
    package func credential(_ mechanism: ScramMechanism) -> ScramCredential? {
        credentials.first { $0.mechanism == mechanism }
    }

    /// The reason why a user's name is invalid; nil if it is valid.
    package static func objection(to name: String) -> String? {
        if !(1...256).contains(name.utf8.count) { return "a user's name has 1 to 256 bytes" }
        if name.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
            return "a user's name must not contain control characters"
        }
        if name == Principal.anonymous.name || name == AccessRule.wildcard {
            return "'\(name)' is reserved, and cannot be a user's name"
        }
        return nil
    }
}
