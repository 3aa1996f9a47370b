internal import MoldauBroker

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

    /// Delegation tokens (6) and users (7), and operations on tokens (13, 14) and on two-phase commits (15) are known
    /// to Kafka; there are no rules about them here.
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
