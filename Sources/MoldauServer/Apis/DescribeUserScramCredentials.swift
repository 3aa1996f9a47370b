// DescribeUserScramCredentials (50): the mechanisms and iteration counts of users' credentials; null or an empty list:
// all users.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DescribeUserScramCredentialsRequest: ServedRequest {
    func serve<Files: FileSystem>(
        by service: RequestService<Files>, _ call: Call<DescribeUserScramCredentialsResponse>
    ) {
        let security = service.broker.security
        let names = users.map { $0.map(\.name) } ?? []
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        let wanted = names.isEmpty ? security.users.map(\.name) : Set(names).sorted()
        call.answer(
            DescribeUserScramCredentialsResponse {
                $0.results = wanted.map { name in
                    .init {
                        $0.user = name
                        if (counts[name] ?? 1) > 1 {
                            $0.errorCode = .duplicateResource
                            $0.errorMessage = "the request names the user more than once"
                        } else if let user = security.user(name) {
                            $0.credentialInfos = user.credentials.map { credential in
                                .init {
                                    $0.mechanism = credential.mechanism.rawValue
                                    $0.iterations = Int32(clamping: credential.iterations)
                                }
                            }
                        } else {
                            $0.errorCode = .resourceNotFound
                            $0.errorMessage = "there is no user '\(name)'"
                        }
                    }
                }
            })
    }
}
