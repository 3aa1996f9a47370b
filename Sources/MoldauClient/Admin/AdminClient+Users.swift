internal import MoldauNetwork
internal import MoldauWire

extension AdminClient {
    /// A mechanism with which a user may log in.
    public struct ScramCredential: Sendable, Equatable {
        /// The mechanism.
        public let mechanism: ClientLogIn.Mechanism
        /// How many times the password is hashed.
        public let iterations: Int
    }

    /// A change of a user's credentials.
    public enum ScramAlteration: Sendable, Equatable {
        /// Lets the user log in with this password and mechanism. More iterations make guessing slower.
        case upsert(user: String, ClientLogIn.Mechanism, password: String, iterations: Int = 8_192)
        /// Stops the user from logging in with this mechanism.
        case delete(user: String, ClientLogIn.Mechanism)

        var user: String {
            switch self {
            case .upsert(let user, _, _, _), .delete(let user, _): user
            }
        }
    }

    /// Returns the mechanisms with which users may log in.
    /// - Parameter users: nil for all.
    /// - Throws: `ClientError`; `CancellationError`. For an unknown user the outcome is the refusal `resourceNotFound`.
    public func describeUserScramCredentials(
        _ users: [String]? = nil
    ) async throws -> Outcomes<String, [ScramCredential]> {
        let what = "to describe the credentials of users"
        let request = DescribeUserScramCredentialsRequest {
            $0.users = users.map { $0.map { name in .init { $0.name = name } } }
        }
        let response = try await repeated {
            let response = try await self.callController(request)
            guard response.errorCode == .none else {
                throw ClientError.refused(response.errorCode, what, message: response.errorMessage)
            }
            return response
        }
        var outcomes: Outcomes<String, [ScramCredential]> = [:]
        for result in response.results {
            guard result.errorCode == .none else {
                outcomes[result.user] = .failure(
                    .refused(result.errorCode, what + " (\(result.user))", message: result.errorMessage))
                continue
            }
            outcomes[result.user] = .success(
                result.credentialInfos.compactMap { info in
                    ClientLogIn.Mechanism(scram: info.mechanism).map {
                        ScramCredential(mechanism: $0, iterations: Int(info.iterations))
                    }
                })
        }
        return outcomes
    }

    /// Changes how users may log in. Sends salted hashes, never the passwords.
    /// - Throws: `ClientError.invalidSetting` for a mechanism other than SCRAM, or a number of iterations that brokers
    ///   reject; `CancellationError`.
    @discardableResult
    public func alterUserScramCredentials(_ alterations: [ScramAlteration]) async throws -> Outcomes<String, Void> {
        var request = AlterUserScramCredentialsRequest()
        for alteration in alterations {
            switch alteration {
            case .delete(let user, let mechanism):
                let number = try mechanism.scramNumber
                request.deletions.append(.init { ($0.name, $0.mechanism) = (user, number) })
            case .upsert(let user, let mechanism, let password, let iterations):
                guard (4_096...16_384).contains(iterations) else {
                    throw ClientError.invalidSetting("iterations", reason: "brokers accept 4096 to 16384")
                }
                var randomness = SystemRandomNumberGenerator()
                let salt = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &randomness) }
                let hash: ScramHash = mechanism == .scramSHA512 ? .sha512 : .sha256
                let salted = try hash.saltedPassword(password, salt: salt, iterations: iterations)
                let number = try mechanism.scramNumber
                request.upsertions.append(
                    .init {
                        ($0.name, $0.mechanism, $0.iterations) = (user, number, Int32(iterations))
                        ($0.salt, $0.saltedPassword) = (WireBytes(copying: salt), WireBytes(copying: salted))
                    })
            }
        }
        let all = request
        return try await settle(alterations.map(\.user)) { left in
            let response = try await self.callController(
                AlterUserScramCredentialsRequest {
                    $0.deletions = all.deletions.filter { left.contains($0.name) }
                    $0.upsertions = all.upsertions.filter { left.contains($0.name) }
                })
            return Outcomes(
                response.results.map { result in
                    let what = "to change the credentials of '\(result.user)'"
                    let error: ClientError? =
                        result.errorCode == .none
                        ? nil : .refused(result.errorCode, what, message: result.errorMessage)
                    return (result.user, .of(error))
                }
            ) { $1 }
        }
    }
}

extension ClientLogIn.Mechanism {
    /// The mechanism with Kafka's number; nil if there is none.
    fileprivate init?(scram number: Int8) {
        switch number {
        case 1: self = .scramSHA256
        case 2: self = .scramSHA512
        default: return nil
        }
    }

    fileprivate var scramNumber: Int8 {
        get throws(ClientError) {
            switch self {
            case .scramSHA256: 1
            case .scramSHA512: 2
            case .plain: throw .invalidSetting("mechanism", reason: "brokers keep credentials of SCRAM only")
            }
        }
    }
}
