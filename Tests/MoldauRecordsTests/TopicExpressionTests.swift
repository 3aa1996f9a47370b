import MoldauRecords
import Testing

struct TopicExpressionTests {
    @Test(arguments: [
        ("orders", ["orders"], ["order", "orders2", ""]),
        ("orders.*", ["orders", "orders-2"], ["my-orders"]),
        ("^orders$", ["orders"], ["orders-2"]),
        ("a|b|cd", ["a", "b", "cd"], ["c", "ab"]),
        ("(a|b)+c?", ["a", "abab", "bc"], ["c", ""]),
        ("(?:x)(?P<name>y)(?<other>z)", ["xyz"], ["xy"]),
        ("[a-c_]x[^a-c]", ["axd", "_x-"], ["dxd", "axa"]),
        ("[]a-]+", ["]-a"], ["b"]),
        ("a{2}b{1,2}c{2,}", ["aabcc", "aabbccc"], ["abcc", "aabbbcc", "aabc"]),
        ("a{,2}", ["a{,2}"], ["aa"]),
        ("\\d+\\.\\w\\x2d", ["12.a-"], ["12xa-", "a.a-"]),
        ("\\D[\\d-]*?", ["a1-2"], ["11"]),
        ("(a*)*b", ["b", "aaab"], ["a"]),
        ("(|a)b", ["b", "ab"], ["aab"]),
        ("\\Aa\\z", ["a"], ["aa"]),
        ("a^b", [], ["ab"]),
        ("é", [], ["e"]),
        ("", [""], ["a"]),
    ])
    func `a pattern matches whole names`(pattern: String, names: [String], others: [String]) throws {
        let expression = try #require(TopicExpression(pattern))
        for name in names { #expect(expression.matches(name), "\(name)") }
        for name in others { #expect(!expression.matches(name), "\(name)") }
    }

    @Test(arguments: [
        "(", ")", "a)", "[", "[a", "[b-a]", "*a", "+", "a|*", "(?i)a", "(?=a)", "(?P<>a)", "\\", "\\b", "\\pL", "\\1",
        "\\Qa\\E",
        "[[:alpha:]]", "a{2,1}", "a{1001}", "a{99999999999999999999}", "\\xz1", "\\x", "((a{99}){99}){99}",
        String(repeating: "a", count: 1_001), String(repeating: "(", count: 60) + String(repeating: ")", count: 60),
    ])
    func `invalid and too large patterns are rejected`(pattern: String) {
        #expect(TopicExpression(pattern) == nil)
    }

    /// A backtracking engine would take exponential time.
    @Test(arguments: ["(a+)+", "(a|a)*", "(a|aa)*", "(a?){200}a{200}", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)"])
    func `no pattern takes exponential time`(pattern: String) throws {
        let expression = try #require(TopicExpression(pattern + "b"))
        #expect(!expression.matches(String(repeating: "a", count: 249)))
        #expect(expression.matches(String(repeating: "a", count: 248) + "b"))
    }
}
