// DescribeAcls (29): the access rules that a filter matches, by resource.

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

/// The numbers in a filter for access rules.
struct AccessNumbers {
    /// What is said while there are no access lists.
    static let disabled =
        "access lists are off; they are turned on when the broker starts (--super-user, --access-lists)"

    let kind: Int8
    let pattern: Int8
    let operation: Int8
    let permission: Int8

    private static let any: Int8 = 1
    private static let match: Int8 = 2

    /// The filter, without names; nil if a number means nothing.
    var filter: AccessFilter? {
        guard objection == nil else { return nil }
        var filter = AccessFilter()
        filter.kind = ResourceKind(rawValue: kind)
        filter.operation = AccessOperation(rawValue: operation)
        filter.permission = AccessRule.Permission(rawValue: permission)
        filter.pattern =
            pattern == Self.match
            ? .match : AccessRule.Pattern(rawValue: pattern).map { .exactly($0) } ?? .any
        return filter
    }

    /// Delegation tokens (6) and users (7), and operations on tokens (13, 14) and on two-phase commits (15) are known to
    /// Kafka; there are no rules about them here.
    var matchesNothing: Bool { (6...7).contains(kind) || (13...15).contains(operation) }

    /// What is wrong with the numbers; nil if nothing is.
    var objection: String? {
        if !(1...7).contains(kind) { return "there is no resource type \(kind)" }
        if !(1...4).contains(pattern) { return "there is no pattern type \(pattern)" }
        if !(1...15).contains(operation) { return "there is no operation \(operation)" }
        if !(1...3).contains(permission) { return "there is no permission type \(permission)" }
        return nil
    }
}
