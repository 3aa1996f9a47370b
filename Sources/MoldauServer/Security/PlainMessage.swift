// SASL PLAIN (RFC 4616): authorisation id, user name and password, with a zero byte between them.

/// A client's message to log in by PLAIN.
struct PlainMessage {
    let user: String
    let password: String

    /// Longer passwords are refused, which limits the time of a check.
    private static var maxPasswordBytes: Int { 1_024 }

    /// nil for malformed bytes, and for an authorisation id that differs from the user.
    init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[2].isEmpty, parts[2].count <= Self.maxPasswordBytes,
            let actor = String(validating: parts[0], as: UTF8.self),
            let user = String(validating: parts[1], as: UTF8.self),
            let password = String(validating: parts[2], as: UTF8.self), !user.isEmpty, actor.isEmpty || actor == user
        else { return nil }
        (self.user, self.password) = (user, password)
    }
}
