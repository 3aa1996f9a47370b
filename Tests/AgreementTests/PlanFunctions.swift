// The functions that steps give to operators: pure, and made from the step's number.

/// Functions on keys and values of a step.
struct PlanFunctions: Sendable {
    let number: Int

    private static let keys = ["a", "b", "c", "d", "e", "f"]

    private static func hash(_ text: String) -> Int {
        Int(text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 } >> 8)
    }

    /// Four digits that stand for a text.
    static func digest(_ text: String) -> String { String(hash(text) % 0x10000, radix: 16) }

    /// The text; or its digest if it is long.
    private static func compact(_ text: String) -> String { text.utf8.count <= 24 ? text : "~" + digest(text) }

    func map(_ value: String) -> String { Self.compact("m\(number)\(value)") }
    func key(_ value: String) -> String { Self.keys[(Self.hash(value) + number) % Self.keys.count] }
    func keeps(_ key: String, _ value: String) -> Bool { Self.hash(key + value) % 10 != number % 10 }
    func parts(_ value: String) -> [String] { (0..<Self.hash(value) % 3).map { Self.compact("\($0)/\(value)") } }
    func join(_ left: String?, _ right: String?) -> String { Self.compact("(\(left ?? "-")+\(right ?? "-"))") }

    /// nil: the row refers to no row.
    func foreignKey(_ value: String) -> String? { Self.hash(value) % 9 == 8 ? nil : key(value) }

    // Aggregates do not depend on the order of their input: the text holds its items sorted.

    static func adding(_ value: String, to aggregate: String) -> String {
        (items(aggregate) + [digest(value)]).sorted().joined(separator: ",")
    }

    /// nil if nothing is left. Removing an item that does not exist leaves a mark.
    static func removing(_ value: String, from aggregate: String) -> String? {
        removing(digest: digest(value), from: aggregate)
    }

    static func removing(digest: String, from aggregate: String) -> String? {
        var items = items(aggregate)
        guard let place = items.firstIndex(of: digest) else { return aggregate + ",!" + digest }
        items.remove(at: place)
        return items.isEmpty ? nil : items.joined(separator: ",")
    }

    static func uniting(_ left: String, _ right: String) -> String {
        (items(left) + items(right)).sorted().joined(separator: ",")
    }

    private static func items(_ aggregate: String) -> [String] { aggregate.split(separator: ",").map(String.init) }
}
