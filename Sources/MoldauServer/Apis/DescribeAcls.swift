// DescribeAcls (29): the access rules that match a filter, by resource.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DescribeAclsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeAclsResponse>) {
        guard service.checksAccess else {
            return call.answer(
                DescribeAclsResponse {
                    $0.errorCode = .securityDisabled
                    $0.errorMessage = AccessNumbers.disabled
                })
        }
        let numbers = AccessNumbers(
            kind: resourceTypeFilter, pattern: patternTypeFilter, operation: operation, permission: permissionType)
        guard var filter = numbers.filter else {
            return call.answer(
                DescribeAclsResponse {
                    $0.errorCode = .invalidRequest
                    $0.errorMessage = numbers.objection
                })
        }
        (filter.name, filter.principal, filter.host) = (resourceNameFilter, principalFilter, hostFilter)
        let found = numbers.matchesNothing ? [] : service.broker.security.accessList.rules.filter(filter.matches)
        call.answer(
            DescribeAclsResponse { response in
                for rule in found {
                    let last = response.resources.last
                    if last?.resourceType != rule.kind.rawValue || last?.resourceName != rule.name
                        || last?.patternType != rule.pattern.rawValue
                    {
                        response.resources.append(
                            .init {
                                $0.resourceType = rule.kind.rawValue
                                $0.resourceName = rule.name
                                $0.patternType = rule.pattern.rawValue
                            })
                    }
                    response.resources[response.resources.count - 1].acls.append(
                        .init {
                            ($0.principal, $0.host) = (rule.principal, rule.host)
                            ($0.operation, $0.permissionType) = (rule.operation.rawValue, rule.permission.rawValue)
                        })
                }
            })
    }
}
