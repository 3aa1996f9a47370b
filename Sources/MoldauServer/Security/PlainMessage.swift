// SASL PLAIN (RFC 4616): who to act as, who it is, and the password, with a zero byte between them.

/// What a client sends to log in by PLAIN.
struct PlainMessage {
    let user: String
    let password: String

    /// Longer passwords are refused, so that checking one takes no longer than it should.
    private static var maxPasswordBytes: Int { 1_024 }

    /// nil for bytes of another form, and for who wants to act as somebody else.
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
