// AlterUserScramCredentials (51): sets and deletes credentials of users; each user independently, with at most one
// change for each mechanism. The request contains the salted password, which is as good as the password: the address
// should be encrypted.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension AlterUserScramCredentialsRequest: ServedRequest {
    func serve<Files: FileSystem>(
        by service: RequestService<Files>, _ call: Call<AlterUserScramCredentialsResponse>
    ) {
        let named = deletions.map { ($0.name, $0.mechanism) } + upsertions.map { ($0.name, $0.mechanism) }
        let names = Set(named.map(\.0)).sorted()
        call.answer(
            AlterUserScramCredentialsResponse {
                $0.results = names.map { name in
                    let mechanisms = named.filter { $0.0 == name }.map(\.1)
                    let refusal =
                        Set(mechanisms).count == mechanisms.count
                        ? change(name, service.broker.security)
                        : (.duplicateResource, "the request changes a mechanism of the user more than once")
                    return .init {
                        $0.user = name
                        $0.errorCode = refusal?.0 ?? .none
                        $0.errorMessage = refusal?.1
                    }
                }
            })
    }

    /// - Returns: the reason why the user is not changed; nil if it is.
    private func change<Files: FileSystem>(_ name: String, _ security: Security<Files>) -> (ErrorCode, String)? {
        let deleted = deletions.filter { $0.name == name }.map(\.mechanism)
        let upserted = upsertions.filter { $0.name == name }
        let unknown = (deleted + upserted.map(\.mechanism)).first { ScramMechanism(rawValue: $0) == nil }
        if let unknown { return (.unsupportedSaslMechanism, "there is no mechanism \(unknown)") }
        do throws(SecurityError) {
            let credentials = upserted.compactMap(\.credential)
            guard credentials.count == upserted.count else {
                return (.unacceptableCredential, "a salted password has as many bytes as its mechanism's hashes")
            }
            if !credentials.isEmpty { try security.set(credentials, ofUser: name) }
            for mechanism in deleted.compactMap(ScramMechanism.init) { try security.remove(mechanism, ofUser: name) }
            return nil
        } catch {
            return (ErrorCode(error), "\(error)")
        }
    }
}

extension AlterUserScramCredentialsRequest.Upsertion {
    /// nil if it is invalid.
    fileprivate var credential: ScramCredential? {
        guard let known = ScramMechanism(rawValue: mechanism), saltedPassword.count == known.hashBytes else {
            return nil
        }
        return ScramCredential(
            known, salt: Array(salt.bytes), iterations: Int(iterations), saltedPassword: Array(saltedPassword.bytes))
    }
}
