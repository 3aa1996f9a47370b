// CreateAcls (30): adds access rules, each independently; existing ones are kept. The resource types are topics,
// groups, the cluster and transactional ids.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension CreateAclsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<CreateAclsResponse>) {
        var refusals: [(ErrorCode, String)?] = Array(repeating: nil, count: creations.count)
        if service.checksAccess {
            var rules: [AccessRule] = []
            for (place, creation) in creations.enumerated() {
                let (rule, objection) = creation.read()
                if let objection { refusals[place] = (.invalidRequest, objection) }
                if let rule { rules.append(rule) }
            }
            do throws(SecurityError) {
                try service.broker.security.add(rules)
            } catch {
                refusals = refusals.map { $0 ?? (ErrorCode(error), "\(error)") }
            }
        } else {
            refusals = refusals.map { _ in (.securityDisabled, AccessNumbers.disabled) }
        }
        call.answer(
            CreateAclsResponse {
                $0.results = refusals.map { refusal in
                    .init {
                        $0.errorCode = refusal?.0 ?? .none
                        $0.errorMessage = refusal?.1
                    }
                }
            })
    }
}

extension CreateAclsRequest.Rule {
    /// The rule, or the reason why it is invalid.
    fileprivate func read() -> (AccessRule?, objection: String?) {
        guard let kind = ResourceKind(rawValue: resourceType) else {
            return (
                nil,
                "there are rules for topics, groups, the cluster and transactional ids, not for type \(resourceType)"
            )
        }
        guard let pattern = AccessRule.Pattern(rawValue: resourcePatternType) else {
            return (nil, "a rule's name is literal (3) or a prefix (4), not \(resourcePatternType)")
        }
        guard let operation = AccessOperation(rawValue: operation) else {
            return (nil, "there is no operation \(operation)")
        }
        guard let permission = AccessRule.Permission(rawValue: permissionType) else {
            return (nil, "a rule denies (2) or allows (3); there is no permission type \(permissionType)")
        }
        let rule = AccessRule(permission, principal, operation, on: kind, resourceName, pattern, host: host)
        return rule.objection.map { (nil, $0) } ?? (rule, nil)
    }
}

extension ErrorCode {
    /// Kafka's error code.
    init(_ error: SecurityError) {
        self =
            switch error {
            case .invalidUser: .unacceptableCredential
            case .noSuchUser, .noSuchCredential: .resourceNotFound
            case .invalidRule: .invalidRequest
            case .tooManyUsers, .tooManyRules: .policyViolation
            case .storage: .kafkaStorageError
            }
    }
}
