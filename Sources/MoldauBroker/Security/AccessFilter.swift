/// Selects access rules; nil means any.
package struct AccessFilter: Equatable, Sendable {
    /// How the filter's name is compared with those of rules.
    package enum Pattern: Equatable, Sendable {
        case any
        /// The rules that apply to the resource of this name.
        case match
        case exactly(AccessRule.Pattern)
    }

    package var kind: ResourceKind?
    package var name: String?
    package var pattern = Pattern.any
    package var principal: String?
    package var host: String?
    package var operation: AccessOperation?
    package var permission: AccessRule.Permission?

    package init() {}

    /// Whether the filter selects the rule.
    package func matches(_ rule: AccessRule) -> Bool {
        (kind == nil || kind == rule.kind) && (principal == nil || principal == rule.principal)
            && (host == nil || host == rule.host) && (operation == nil || operation == rule.operation)
            && (permission == nil || permission == rule.permission) && matchesName(of: rule)
    }

    private func matchesName(of rule: AccessRule) -> Bool {
        if case .exactly(let wanted) = pattern, wanted != rule.pattern { return false }
        guard let name else { return true }
        guard pattern == .match else { return name == rule.name }
        switch rule.pattern {
        case .literal: return rule.name == name || rule.name == AccessRule.wildcard
        case .prefixed: return name.hasBytes(of: rule.name)
        }
    }
}
