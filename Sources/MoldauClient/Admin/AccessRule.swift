/// Who may do what with what: one of Kafka's ACLs.
public struct AccessRule: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Kafka's kinds of resources.
    public enum Resource: Int8, Sendable, CaseIterable {
        /// A topic.
        case topic = 2
        /// A group.
        case group = 3
        /// The cluster; its name is `kafka-cluster`.
        case cluster = 4
        /// A transactional id.
        case transactionalID = 5
        /// A delegation token.
        case delegationToken = 6
        /// A user.
        case user = 7
    }

    /// Which names the rule is about.
    public enum Pattern: Int8, Sendable, CaseIterable {
        /// The name itself; `*` is every name.
        case literal = 3
        /// All names that begin with it.
        case prefixed = 4
    }

    /// Kafka's operations.
    public enum Operation: Int8, Sendable, CaseIterable {
        /// Every operation.
        case all = 2
        /// Reading records, and committing offsets.
        case read = 3
        /// Writing records.
        case write = 4
        /// Creating.
        case create = 5
        /// Deleting.
        case delete = 6
        /// Changing, partitions for example.
        case alter = 7
        /// Describing.
        case describe = 8
        /// What brokers do among themselves.
        case clusterAction = 9
        /// Reading settings.
        case describeConfigs = 10
        /// Changing settings.
        case alterConfigs = 11
        /// Producing with idempotence.
        case idempotentWrite = 12
        /// Creating tokens.
        case createTokens = 13
        /// Describing tokens.
        case describeTokens = 14
        /// Committing in two phases.
        case twoPhaseCommit = 15
    }

    /// Whether the rule allows or forbids. What is forbidden counts more.
    public enum Permission: Int8, Sendable, CaseIterable {
        /// It forbids.
        case deny = 2
        /// It allows.
        case allow = 3
    }

    /// What kind of thing it is about.
    public var resource: Resource
    /// Its name, or the beginning of names.
    public var name: String
    /// Which of both.
    public var pattern: Pattern
    /// Who: `User:alice`; `User:*` is everybody.
    public var principal: String
    /// From where; `*` is everywhere.
    public var host: String
    /// What.
    public var operation: Operation
    /// Whether it is allowed.
    public var permission: Permission

    /// A rule; from everywhere, and allowing, unless something else is said.
    public init(
        _ resource: Resource, _ name: String, _ pattern: Pattern = .literal, principal: String, host: String = "*",
        _ operation: Operation, _ permission: Permission = .allow
    ) {
        (self.resource, self.name, self.pattern) = (resource, name, pattern)
        (self.principal, self.host) = (principal, host)
        (self.operation, self.permission) = (operation, permission)
    }

    private var order: [String] {
        [resource, pattern, operation, permission].map { (part: any RawRepresentable<Int8>) in
            String(part.rawValue + 10)
        } + [name, principal, host]
    }

    public static func < (left: AccessRule, right: AccessRule) -> Bool {
        left.order.lexicographicallyPrecedes(right.order)
    }

    /// In words.
    public var description: String {
        "\(permission) \(principal) from \(host) to \(operation) \(pattern) \(resource) '\(name)'"
    }
}
