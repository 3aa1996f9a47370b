// DeleteAcls (31): removes the access rules that match filters, and returns them.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DeleteAclsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DeleteAclsResponse>) {
        guard service.checksAccess else {
            return call.answer(refusing(.securityDisabled, AccessNumbers.disabled))
        }
        let found = filters.map(\.read)
        let places = found.indices.filter { found[$0].filter != nil }
        let removed: [[AccessRule]]
        do throws(SecurityError) {
            removed = try service.broker.security.remove(places.compactMap { found[$0].filter })
        } catch {
            return call.answer(refusing(ErrorCode(error), "\(error)"))
        }
        let rules = Dictionary(zip(places, removed)) { $1 }
        call.answer(
            DeleteAclsResponse {
                $0.filterResults = found.indices.map { place in
                    .init {
                        if let objection = found[place].objection {
                            ($0.errorCode, $0.errorMessage) = (.invalidRequest, objection)
                        }
                        $0.matchingAcls = (rules[place] ?? []).map { .init($0) }
                    }
                }
            })
    }

    private func refusing(_ code: ErrorCode, _ reason: String) -> DeleteAclsResponse {
        DeleteAclsResponse {
            $0.filterResults = filters.map { _ in .init { ($0.errorCode, $0.errorMessage) = (code, reason) } }
        }
    }
}

extension DeleteAclsRequest.Filter {
    /// nil without an objection if no rule here can match.
    fileprivate var read: (filter: AccessFilter?, objection: String?) {
        let numbers = AccessNumbers(
            kind: resourceTypeFilter, pattern: patternTypeFilter, operation: operation, permission: permissionType)
        guard var filter = numbers.filter else { return (nil, numbers.objection) }
        if numbers.matchesNothing { return (nil, nil) }
        (filter.name, filter.principal, filter.host) = (resourceNameFilter, principalFilter, hostFilter)
        return (filter, nil)
    }
}

extension DeleteAclsResponse.MatchingRule {
    fileprivate init(_ rule: AccessRule) {
        self.init {
            $0.resourceType = rule.kind.rawValue
            $0.resourceName = rule.name
            $0.patternType = rule.pattern.rawValue
            $0.principal = rule.principal
            $0.host = rule.host
            $0.operation = rule.operation.rawValue
            $0.permissionType = rule.permission.rawValue
        }
    }
}
