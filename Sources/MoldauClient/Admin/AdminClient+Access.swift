internal import MoldauWire

extension AdminClient {
    /// Selects access rules: those equal in every field that is not nil.
    public struct AccessRuleFilter: Sendable, Equatable {
        /// The kind of the resource.
        public var resource: AccessRule.Resource?
        /// The name in the rule.
        public var name: String?
        /// Whether rules whose pattern applies to the name match as well.
        public var matchesPatterns = false
        /// The kind of name match; ignored if `matchesPatterns`.
        public var pattern: AccessRule.Pattern?
        /// The principal.
        public var principal: String?
        /// The client's address.
        public var host: String?
        /// The operation.
        public var operation: AccessRule.Operation?
        /// Whether it is allowed or denied.
        public var permission: AccessRule.Permission?

        /// Matches all rules.
        public init() {}

        /// Matches this rule.
        public init(_ rule: AccessRule) {
            (resource, name, pattern) = (rule.resource, rule.name, rule.pattern)
            (principal, host) = (rule.principal, rule.host)
            (operation, permission) = (rule.operation, rule.permission)
        }

        /// Kafka's numbers, where 1 means any.
        fileprivate var numbers: (resource: Int8, pattern: Int8, operation: Int8, permission: Int8) {
            (
                resource?.rawValue ?? 1, matchesPatterns ? 2 : pattern?.rawValue ?? 1, operation?.rawValue ?? 1,
                permission?.rawValue ?? 1
            )
        }
    }

    /// Returns the access rules that a filter matches.
    /// - Throws: `ClientError`; `CancellationError`.
    public func describeAcls(_ filter: AccessRuleFilter = AccessRuleFilter()) async throws -> [AccessRule] {
        let request = DescribeAclsRequest {
            ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = filter.numbers
            ($0.resourceNameFilter, $0.principalFilter, $0.hostFilter) = (filter.name, filter.principal, filter.host)
        }
        let response = try await repeated {
            let response = try await self.call(request)
            guard response.errorCode == .none else {
                throw ClientError.refused(response.errorCode, "to list access rules", message: response.errorMessage)
            }
            return response
        }
        return response.resources.flatMap { resource in
            resource.acls.compactMap { rule in
                AccessRule(
                    resource.resourceType, resource.resourceName, resource.patternType, rule.principal, rule.host,
                    rule.operation, rule.permissionType)
            }
        }.sorted()
    }

    /// Adds access rules.
    /// - Throws: `CancellationError`.
    @discardableResult
    public func createAcls(_ rules: [AccessRule]) async throws -> Outcomes<AccessRule, Void> {
        try await settle(rules) { left in
            let response = try await self.callController(
                CreateAclsRequest {
                    $0.creations = left.map { rule in
                        .init {
                            ($0.resourceType, $0.resourceName) = (rule.resource.rawValue, rule.name)
                            ($0.resourcePatternType, $0.principal) = (rule.pattern.rawValue, rule.principal)
                            ($0.host, $0.operation) = (rule.host, rule.operation.rawValue)
                            $0.permissionType = rule.permission.rawValue
                        }
                    }
                })
            // The answers come in the order of the rules.
            return Outcomes(
                zip(left, response.results).map { rule, result in
                    let error: ClientError? =
                        result.errorCode == .none
                        ? nil : .refused(result.errorCode, "the rule '\(rule)'", message: result.errorMessage)
                    return (rule, .of(error))
                }
            ) { $1 }
        }
    }

    /// Deletes the access rules that a filter matches.
    /// - Returns: the deleted rules.
    /// - Throws: `ClientError`; `CancellationError`.
    @discardableResult
    public func deleteAcls(_ filter: AccessRuleFilter) async throws -> [AccessRule] {
        let request = DeleteAclsRequest {
            $0.filters = [
                .init {
                    ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = filter.numbers
                    ($0.resourceNameFilter, $0.principalFilter) = (filter.name, filter.principal)
                    $0.hostFilter = filter.host
                }
            ]
        }
        let found = try await repeated {
            let result = try await self.callController(request).filterResults.first
            let code = result?.errorCode ?? .unknownServerError
            guard code == .none else {
                throw ClientError.refused(code, "to remove access rules", message: result?.errorMessage)
            }
            return result?.matchingAcls ?? []
        }
        return try found.compactMap { rule in
            guard rule.errorCode == .none else {
                throw ClientError.refused(rule.errorCode, "to remove an access rule", message: rule.errorMessage)
            }
            return AccessRule(
                rule.resourceType, rule.resourceName, rule.patternType, rule.principal, rule.host, rule.operation,
                rule.permissionType)
        }.sorted()
    }
}

extension AccessRule {
    /// A rule from Kafka's numbers; nil if one of them is unknown.
    fileprivate init?(
        _ resource: Int8, _ name: String, _ pattern: Int8, _ principal: String, _ host: String, _ operation: Int8,
        _ permission: Int8
    ) {
        guard let resource = Resource(rawValue: resource), let pattern = Pattern(rawValue: pattern),
            let operation = Operation(rawValue: operation), let permission = Permission(rawValue: permission)
        else { return nil }
        self.init(resource, name, pattern, principal: principal, host: host, operation, permission)
    }
}
