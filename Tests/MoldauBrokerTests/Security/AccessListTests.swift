import MoldauBroker
import Testing

@Suite struct AccessListTests {
    private static let ada = Principal("ada")

    private static func allow(
        _ operation: AccessOperation, _ name: String, _ pattern: AccessRule.Pattern = .literal, host: String = "*",
        by principal: String = "User:ada"
    ) -> AccessRule {
        AccessRule(.allow, principal, operation, on: .topic, name, pattern, host: host)
    }

    private static func deny(
        _ operation: AccessOperation, _ name: String, _ pattern: AccessRule.Pattern = .literal
    ) -> AccessRule {
        AccessRule(.deny, "User:ada", operation, on: .topic, name, pattern)
    }

    private static func allows(
        _ rules: [AccessRule], _ operation: AccessOperation, _ name: String, host: String = "10.0.0.1"
    ) -> Bool {
        AccessList(rules).allows(ada, at: host, operation, on: .topic(name))
    }

    @Test func `what no rule allows is denied`() {
        #expect(!Self.allows([], .read, "orders"))
        let rules = [Self.allow(.read, "orders")]
        #expect(Self.allows(rules, .read, "orders"))
        #expect(!Self.allows(rules, .write, "orders") && !Self.allows(rules, .read, "order"))
        #expect(!AccessList(rules).allows(Principal("bob"), at: "10.0.0.1", .read, on: .topic("orders")))
        #expect(!AccessList(rules).allows(Self.ada, at: "10.0.0.1", .read, on: .group("orders")))
    }

    @Test func `a deny rule overrides every allow rule`() {
        let rules = [Self.allow(.all, "*"), Self.deny(.write, "orders", .prefixed)]
        #expect(Self.allows(rules, .write, "other"))
        #expect(!Self.allows(rules, .write, "orders-eu") && Self.allows(rules, .read, "orders-eu"))
        #expect(!Self.allows([Self.allow(.all, "a"), Self.deny(.all, "*")], .read, "a"))
    }

    @Test func `a rule's name is a literal, a prefix or a wildcard`() {
        let rules = [Self.allow(.read, "or", .prefixed), Self.allow(.read, "orders-", .prefixed)]
        #expect(Self.allows(rules, .read, "or") && Self.allows(rules, .read, "orders-1"))
        #expect(!Self.allows(rules, .read, "o") && !Self.allows(rules, .read, "xor"))
        #expect(Self.allows([Self.allow(.read, "*")], .read, "anything"))
        #expect(!Self.allows([Self.allow(.read, "or*")], .read, "orders"))
    }

    @Test func `prefixes are compared by their bytes`() {
        #expect(Self.allows([Self.allow(.read, "ä", .prefixed)], .read, "äb"))
        #expect(!Self.allows([Self.allow(.read, "xy", .prefixed)], .read, "xä"))
    }

    @Test func `all users and all addresses have wildcards`() {
        #expect(Self.allows([Self.allow(.read, "t", by: "User:*")], .read, "t"))
        let rules = [Self.allow(.read, "t", host: "10.0.0.1")]
        #expect(Self.allows(rules, .read, "t") && !Self.allows(rules, .read, "t", host: "10.0.0.2"))
    }

    @Test(arguments: [AccessOperation.read, .write, .delete, .alter])
    func `an allowed operation on a topic implies describe, unless that is denied`(operation: AccessOperation) {
        #expect(Self.allows([Self.allow(operation, "t")], .describe, "t"))
        #expect(!Self.allows([Self.allow(operation, "t"), Self.deny(.describe, "t")], .describe, "t"))
        #expect(Self.allows([Self.allow(.describe, "t"), Self.deny(operation, "t")], .describe, "t"))
        #expect(!Self.allows([Self.allow(.describe, "t")], operation, "t"))
    }

    @Test func `permission to alter settings implies permission to describe them`() {
        #expect(Self.allows([Self.allow(.alterConfigs, "t")], .describeConfigs, "t"))
        #expect(!Self.allows([Self.allow(.describeConfigs, "t")], .alterConfigs, "t"))
        #expect(!Self.allows([Self.allow(.create, "t")], .describe, "t"))
    }

    @Test(
        arguments: [
            ([allow(.write, "t")], true), ([], false), ([allow(.read, "t")], false),
            ([allow(.write, "t", .prefixed)], true), ([allow(.write, "t"), deny(.write, "t")], false),
            ([allow(.write, "t"), deny(.write, "*")], false),
            ([allow(.write, "tab"), deny(.all, "t", .prefixed)], false),
            ([allow(.write, "tab", .prefixed), deny(.write, "ta", .prefixed)], false),
            ([allow(.write, "ta", .prefixed), deny(.write, "tab", .prefixed)], true),
            ([allow(.write, "t", .prefixed), deny(.write, "t")], true),
            ([allow(.write, "*"), deny(.write, "t", .prefixed)], true), ([allow(.write, "t", by: "User:bob")], false),
        ] as [([AccessRule], Bool)])
    func `whether any topic may be written to is decided by the rules alone`(rules: [AccessRule], isAllowed: Bool) {
        #expect(AccessList(rules).allowsAny(Self.ada, at: "10.0.0.1", .write, on: .topic) == isAllowed)
    }

    @Test func `filters find rules by their names, and by the resources they match`() {
        let rules = [
            Self.allow(.read, "orders"), Self.allow(.read, "ord", .prefixed), Self.allow(.write, "*"),
            AccessRule(.deny, "User:bob", .read, on: .group, "orders"),
        ]
        func count(_ change: (inout AccessFilter) -> Void) -> Int {
            var filter = AccessFilter()
            change(&filter)
            return rules.filter(filter.matches).count
        }
        #expect(count { _ in } == 4)
        #expect(count { $0.name = "orders" } == 2)
        #expect(count { ($0.name, $0.pattern) = ("orders", .match) } == 4)
        #expect(count { ($0.name, $0.pattern, $0.kind) = ("orders", .match, .topic) } == 3)
        #expect(count { $0.pattern = .exactly(.prefixed) } == 1)
        #expect(count { $0.principal = "User:bob" } == 1)
        #expect(count { $0.operation = .read } == 3)
        #expect(count { $0.permission = .deny } == 1)
        #expect(count { $0.host = "10.0.0.1" } == 0)
    }

    @Test(
        arguments: [
            allow(.read, ""), allow(.read, "*", .prefixed), allow(.read, "t", by: "ada"),
            allow(.read, "t", by: "User:"),
            allow(.read, "t", host: ""), AccessRule(.allow, "User:a", .alter, on: .cluster, "other"),
            AccessRule(.allow, "User:a", .alter, on: .cluster, "kafka-cluster", .prefixed),
        ])
    func `an invalid rule is refused`(rule: AccessRule) {
        #expect(rule.objection != nil)
        #expect(Self.allow(.read, "t").objection == nil)
    }
}
