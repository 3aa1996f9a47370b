// Decides which principal may do what (Kafka's StandardAuthorizer; KIP-11, prefixes of names KIP-290).
//
//     a rule denies it           denied, whatever other rules say
//     a rule allows it           allowed
//     no rule applies            denied
//
// A rule applies if it names principal, host and operation, or has `*` or ALL for them, and if it matches the resource
// by its name, by `*`, or by a prefix. READ, WRITE, DELETE and ALTER allow DESCRIBE too, ALTER_CONFIGS allows
// DESCRIBE_CONFIGS.

/// The rules, indexed so that a check is cheap however many there are. A value: it never changes while it is used for a
/// request.
package struct AccessList: Sendable {
    fileprivate struct Names: Sendable {
        var literal: [String: [AccessRule]] = [:]
        var prefixed: [String: [AccessRule]] = [:]
        /// The distinct lengths of the prefixes, in bytes.
        var prefixLengths: [Int] = []
    }

    /// All rules, in the order in which they are listed.
    package let rules: [AccessRule]
    private var names: [ResourceKind: Names] = [:]

    package init(_ rules: some Sequence<AccessRule> = []) {
        self.rules = Set(rules).sorted(by: AccessRule.isBefore)
        for rule in self.rules {
            switch rule.pattern {
            case .literal: names[rule.kind, default: Names()].literal[rule.name, default: []].append(rule)
            case .prefixed: names[rule.kind, default: Names()].prefixed[rule.name, default: []].append(rule)
            }
        }
        for (kind, known) in names {
            names[kind]?.prefixLengths = Set(known.prefixed.keys.map(\.utf8.count)).sorted()
        }
    }

    /// Whether `principal` at the address `host` is allowed `operation` on `resource`.
    package func allows(
        _ principal: Principal, at host: String, _ operation: AccessOperation, on resource: Resource
    ) -> Bool {
        guard let names = names[resource.kind] else { return false }
        var isAllowed = false
        for rules in names.about(resource.name) {
            for rule in rules where rule.isAbout(principal, host) {
                switch rule.permission {
                case .deny: if rule.operation == operation || rule.operation == .all { return false }
                case .allow:
                    if rule.operation == .all || operation.implying.contains(rule.operation) { isAllowed = true }
                }
            }
        }
        return isAllowed
    }

    /// Whether a resource of this kind may exist for which the operation is allowed: one is allowed, and not denied as
    /// a whole. Names need not exist.
    package func allowsAny(
        _ principal: Principal, at host: String, _ operation: AccessOperation, on kind: ResourceKind
    ) -> Bool {
        let about = rules.filter { $0.kind == kind && $0.isAbout(principal, host) }
        let denied = about.filter {
            $0.permission == .deny && ($0.operation == operation || $0.operation == .all)
        }
        return about.contains { rule in
            guard rule.permission == .allow, rule.operation == .all || operation.implying.contains(rule.operation)
            else { return false }
            return !denied.contains { $0.covers(rule) }
        }
    }
}

extension AccessList: Equatable {
    package static func == (left: AccessList, right: AccessList) -> Bool { left.rules == right.rules }
}

extension AccessList.Names {
    /// The rules whose names match this one.
    fileprivate func about(_ name: String) -> [[AccessRule]] {
        var found: [[AccessRule]] = []
        if let rules = literal[name] { found.append(rules) }
        if name != AccessRule.wildcard, let rules = literal[AccessRule.wildcard] { found.append(rules) }
        let bytes = name.utf8
        for length in prefixLengths {
            guard let end = bytes.index(bytes.startIndex, offsetBy: length, limitedBy: bytes.endIndex) else { break }
            if let prefix = String(bytes[..<end]), let rules = prefixed[prefix] { found.append(rules) }
        }
        return found
    }
}

extension AccessRule {
    fileprivate func isAbout(_ principal: Principal, _ host: String) -> Bool {
        (self.host == host || self.host == Self.wildcard)
            && (self.principal == principal.description || self.principal == "User:*")
    }

    /// Whether this rule matches every name that `other` matches.
    fileprivate func covers(_ other: AccessRule) -> Bool {
        switch (pattern, other.pattern) {
        case (.literal, _) where name == Self.wildcard: true
        case (.literal, .literal): name == other.name
        case (.literal, .prefixed): false
        case (.prefixed, .literal): other.name != Self.wildcard && other.name.hasBytes(of: name)
        case (.prefixed, .prefixed): other.name.hasBytes(of: name)
        }
    }
}

extension String {
    /// Whether the bytes begin with those of `prefix`; letters that only look alike count as different.
    func hasBytes(of prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}
