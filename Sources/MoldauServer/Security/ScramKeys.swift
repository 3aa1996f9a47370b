package import MoldauBroker
internal import MoldauNetwork

extension ScramMechanism {
    var arithmetic: ScramHash { self == .sha256 ? .sha256 : .sha512 }
}

extension ScramCredential {
    /// The iteration count of new credentials. Every client has to compute as many at each log-in by SCRAM.
    package static let defaultIterations = 8_192

    /// Created from a salted password, which a client may send instead of the password.
    init(_ mechanism: ScramMechanism, salt: [UInt8], iterations: Int, saltedPassword: [UInt8]) {
        let arithmetic = mechanism.arithmetic
        self.init(
            mechanism, salt: salt, iterations: iterations,
            storedKey: arithmetic.hash(arithmetic.clientKey(ofSalted: saltedPassword)),
            serverKey: arithmetic.serverKey(ofSalted: saltedPassword))
    }

    /// Created from a password, one of each mechanism, with new salts. Takes milliseconds.
    package static func make(
        password: String, iterations: Int = defaultIterations, using randomness: inout some RandomNumberGenerator
    ) throws -> [ScramCredential] {
        try ScramMechanism.allCases.map { mechanism in
            let salt = (0..<24).map { _ in UInt8.random(in: 0...255, using: &randomness) }
            return ScramCredential(
                mechanism, salt: salt, iterations: iterations,
                saltedPassword: try mechanism.arithmetic.saltedPassword(password, salt: salt, iterations: iterations))
        }
    }

    /// A credential that no password matches, for a user that does not exist: it always has the same salt, so that a
    /// client cannot distinguish it from a user's.
    static func decoy(_ mechanism: ScramMechanism, user: String, seed: [UInt8]) -> ScramCredential {
        let arithmetic = mechanism.arithmetic
        let salt = arithmetic.authenticate(Array("salt \(user)".utf8), key: seed)
        return ScramCredential(
            mechanism, salt: Array(salt.prefix(24)), iterations: defaultIterations,
            storedKey: arithmetic.authenticate(Array("stored \(user)".utf8), key: seed),
            serverKey: arithmetic.authenticate(Array("server \(user)".utf8), key: seed))
    }

    /// Whether it was made from this password. Takes milliseconds.
    func fits(password: String) throws -> Bool {
        let arithmetic = mechanism.arithmetic
        let salted = try arithmetic.saltedPassword(password, salt: salt, iterations: iterations)
        return arithmetic.hash(arithmetic.clientKey(ofSalted: salted)).isEqualInConstantTime(to: storedKey)
    }
}

extension [UInt8] {
    /// Takes the same time wherever the first difference is.
    func isEqualInConstantTime(to other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
