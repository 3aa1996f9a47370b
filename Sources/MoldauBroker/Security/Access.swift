/// What a client is permitted to do, while one of its requests is handled.
package struct Access: Equatable, Sendable {
    /// The client's identity.
    package let principal: Principal
    private let host: String
    /// nil: access lists are off, or it is a super user.
    private let list: AccessList?

    /// - Parameter list: nil for a client that may do everything.
    package init(_ principal: Principal, at host: String, by list: AccessList?) {
        (self.principal, self.host, self.list) = (principal, host, list)
    }

    /// The permissions of callers inside the process.
    package static let everything = Access(.anonymous, at: "", by: nil)

    /// Whether everything is allowed.
    package var isUnrestricted: Bool { list == nil }

    /// Whether the client may do `operation` with `resource`.
    package func allows(_ operation: AccessOperation, _ resource: Resource) -> Bool {
        list?.allows(principal, at: host, operation, on: resource) ?? true
    }

    /// Whether a resource of this kind may exist for which the operation is allowed.
    package func allowsAny(_ operation: AccessOperation, _ kind: ResourceKind) -> Bool {
        list?.allowsAny(principal, at: host, operation, on: kind) ?? true
    }

    /// The operations that the client may do on the cluster, as bits; 0 without the permission DESCRIBE.
    package var clusterOperations: Int32 { allows(.describe, .cluster) ? operations(on: .cluster) : 0 }

    /// The operations that the client may do on a resource, as bits by Kafka's numbers.
    package func operations(on resource: Resource) -> Int32 {
        AccessOperation.of(resource.kind).reduce(0) { allows($1, resource) ? $0 | 1 << Int32($1.rawValue) : $0 }
    }
}

extension AccessOperation {
    /// The operations that exist for resources of a kind.
    static func of(_ kind: ResourceKind) -> [AccessOperation] {
        switch kind {
        case .topic: [.read, .write, .create, .delete, .alter, .describe, .describeConfigs, .alterConfigs]
        case .group: [.read, .delete, .describe, .describeConfigs, .alterConfigs]
        case .cluster:
            [
                .create, .alter, .describe, .clusterAction, .describeConfigs, .alterConfigs, .idempotentWrite,
            ]
        case .transactionalID: [.describe, .write]
        }
    }
}
