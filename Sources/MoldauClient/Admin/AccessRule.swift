/// Who may perform which operation on which resource: one of Kafka's ACLs.
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

    /// How the rule matches resource names.
    public enum Pattern: Int8, Sendable, CaseIterable {
        /// The exact name; `*` is every name.
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
        /// Creating resources.
        case create = 5
        /// Deleting resources.
        case delete = 6
        /// Changing a resource, for example its number of partitions.
        case alter = 7
        /// Describing resources.
        case describe = 8
        /// Requests between brokers.
        case clusterAction = 9
        /// Describing settings.
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

    /// Whether the rule allows or denies. Denial takes precedence.
    public enum Permission: Int8, Sendable, CaseIterable {
        /// The operation is denied.
        case deny = 2
        /// The operation is allowed.
        case allow = 3
    }

    /// The kind of the resource.
    public var resource: Resource
    /// The resource's name, or a prefix of names.
    public var name: String
    /// The kind of name match.
    public var pattern: Pattern
    /// The principal: `User:alice`; `User:*` is every user.
    public var principal: String
    /// The client's address; `*` is any.
    public var host: String
    /// The operation.
    public var operation: Operation
    /// Whether it is allowed or denied.
    public var permission: Permission

    /// A rule; by default it allows, from any address.
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

    /// The rule in words.
    public var description: String {
        "\(permission) \(principal) from \(host) to \(operation) \(pattern) \(resource) '\(name)'"
    }
}
