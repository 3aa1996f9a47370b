/// The names that Kafka accepts for topics: directories are named after topics, so few characters are allowed.
package enum TopicName {
    private static let longest = 249

    /// Why `name` is not a valid topic name, phrased to follow "… is not a valid name: "; nil if it is valid.
    package static func objection(to name: String) -> String? {
        if name.isEmpty { return "it is empty" }
        if name == "." || name == ".." { return "'.' and '..' are reserved" }
        if name.utf8.count > longest { return "it has \(name.utf8.count) bytes; the limit is \(longest)" }
        let isLegal = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return isLegal ? nil : "only ASCII letters, digits, '.', '_' and '-' are allowed"
    }
}
