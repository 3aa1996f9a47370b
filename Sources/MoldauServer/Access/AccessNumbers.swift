internal import MoldauBroker

/// The numbers in a filter for access rules.
struct AccessNumbers {
    /// The message while access lists are off.
    static let disabled =
        "access lists are off; turn them on when the broker starts (--super-user, --access-lists)"

    let kind: Int8
    let pattern: Int8
    let operation: Int8
    let permission: Int8

    private static let any: Int8 = 1
    private static let match: Int8 = 2

    /// The filter, without names; nil if a number is invalid.
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

    /// Kafka also defines delegation tokens (6) and users (7), and operations on tokens (13, 14) and on two-phase
    /// commits (15); this server has no rules for them.
    var matchesNothing: Bool { (6...7).contains(kind) || (13...15).contains(operation) }

    /// The reason why the numbers are invalid; nil if they are valid.
    var objection: String? {
        if !(1...7).contains(kind) { return "there is no resource type \(kind)" }
        if !(1...4).contains(pattern) { return "there is no pattern type \(pattern)" }
        if !(1...15).contains(operation) { return "there is no operation \(operation)" }
        if !(1...3).contains(permission) { return "there is no permission type \(permission)" }
        return nil
    }
}
