// The parts of an access rule, with their numbers in Kafka's protocol. In requests that filter rules 1 stands for any
// value; 0 is a value that the client itself does not know.

/// An operation on a resource.
package enum AccessOperation: Int8, CaseIterable, Codable, Sendable {
    case all = 2
    case read = 3
    case write = 4
    case create = 5
    case delete = 6
    case alter = 7
    case describe = 8
    case clusterAction = 9
    case describeConfigs = 10
    case alterConfigs = 11
    case idempotentWrite = 12

    /// The operations that, if allowed, allow this one too. Denying one of them denies only that one.
    var implying: [AccessOperation] {
        switch self {
        case .describe: [.describe, .read, .write, .delete, .alter]
        case .describeConfigs: [.describeConfigs, .alterConfigs]
        default: [self]
        }
    }
}

/// The kind of a resource.
package enum ResourceKind: Int8, CaseIterable, Codable, Sendable {
    case topic = 2
    case group = 3
    case cluster = 4
    case transactionalID = 5
}

/// A resource that rules protect.
package struct Resource: Hashable, Sendable {
    package let kind: ResourceKind
    package let name: String

    package init(_ kind: ResourceKind, _ name: String) { (self.kind, self.name) = (kind, name) }

    /// A topic.
    package static func topic(_ name: String) -> Resource { Resource(.topic, name) }
    /// A group.
    package static func group(_ name: String) -> Resource { Resource(.group, name) }
    /// A transactional id.
    package static func transactionalID(_ name: String) -> Resource { Resource(.transactionalID, name) }
    /// The only cluster.
    package static let cluster = Resource(.cluster, "kafka-cluster")
}

/// Allows or denies principals an operation on resources.
package struct AccessRule: Hashable, Codable, Sendable {
    /// How a rule matches its resources.
    package enum Pattern: Int8, CaseIterable, Codable, Sendable {
        /// The resource of exactly this name; `*` matches all.
        case literal = 3
        /// All resources whose names begin with this.
        case prefixed = 4
    }

    /// Whether the rule denies or allows.
    package enum Permission: Int8, CaseIterable, Codable, Sendable {
        case deny = 2
        case allow = 3
    }

    package var kind: ResourceKind
    package var name: String
    package var pattern: Pattern
    /// `User:NAME`; `User:*` matches all principals.
    package var principal: String
    /// The address of the client; `*` matches all.
    package var host: String
    package var operation: AccessOperation
    package var permission: Permission

    package init(
        _ permission: Permission, _ principal: String, _ operation: AccessOperation, on kind: ResourceKind,
        _ name: String, _ pattern: Pattern = .literal, host: String = "*"
    ) {
        self.kind = kind
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }

    /// Matches every name, principal or host.
    package static let wildcard = "*"

    /// The reason why the rule is invalid; nil if it is valid.
    package var objection: String? {
        if name.isEmpty || name.utf8.count > 1_024 { return "a resource's name has 1 to 1024 bytes" }
        if kind == .cluster, name != Resource.cluster.name || pattern != .literal {
            return "the only cluster is 'kafka-cluster', and its name is always literal"
        }
        if pattern == .prefixed, name == Self.wildcard { return "'*' stands for all resources only in a literal rule" }
        guard Principal(text: principal) != nil, principal.utf8.count <= 1_024 else {
            return "a principal is 'User:NAME', not '\(principal.prefix(64))'"
        }
        if host.isEmpty || host.utf8.count > 256 { return "a host is an address, or '*' for any" }
        return nil
    }

    /// The order in which rules are listed.
    static func isBefore(_ a: AccessRule, _ b: AccessRule) -> Bool {
        let (first, second) = (a.rank, b.rank)
        return first == second ? a.permission.rawValue < b.permission.rawValue : first < second
    }

    /// All but the permission: tuples of seven cannot be compared.
    private var rank: (Int8, Int8, String, String, String, Int8) {
        (kind.rawValue, pattern.rawValue, name, principal, host, operation.rawValue)
    }
}
