/// The identity of a client. Kafka writes it `User:NAME`.
package struct Principal: Hashable, Sendable, CustomStringConvertible {
    /// Without the type, which is always `User`.
    package let name: String
    /// `User:NAME`.
    package let description: String

    package init(_ name: String) { (self.name, description) = (name, "User:\(name)") }

    /// A client that is not authenticated, and need not be.
    package static let anonymous = Principal("ANONYMOUS")

    /// Parses `User:NAME`; nil for other text.
    package init?(text: String) {
        guard text.hasPrefix("User:"), text.utf8.count > 5 else { return nil }
        self.init(String(text.dropFirst(5)))
    }
}
