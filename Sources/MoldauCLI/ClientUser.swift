import MoldauClient

/// Who logs in, and how.
struct ClientUser: Equatable {
    let mechanism: ClientLogIn.Mechanism
    let name: String
    let password: String

    /// - Throws: `CommandFailure` that says which setting is missing.
    init(properties: [String: String]) throws {
        let named = properties["sasl.mechanism"] ?? properties["sasl.mechanisms"] ?? ""
        guard let mechanism = ClientLogIn.Mechanism(rawValue: named) else {
            let possible = ClientLogIn.Mechanism.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure("sasl.mechanism is one of \(possible), not '\(named)'")
        }
        self.mechanism = mechanism
        let jaas = properties["sasl.jaas.config"] ?? ""
        guard let name = properties["sasl.username"] ?? Self.quoted("username", in: jaas),
            let password = properties["sasl.password"] ?? Self.quoted("password", in: jaas)
        else {
            throw CommandFailure(
                "a log-in needs a user and a password: give sasl.username and sasl.password, or sasl.jaas.config with "
                    + "username=\"…\" password=\"…\"")
        }
        (self.name, self.password) = (name, password)
    }

    /// The text between the quotation marks behind `name=`, where a backslash stands before a mark that belongs to it.
    private static func quoted(_ name: String, in jaas: String) -> String? {
        guard let begin = jaas.firstRange(of: "\(name)=\"") else { return nil }
        var (text, isEscaped) = ("", false)
        for character in jaas[begin.upperBound...] {
            if isEscaped {
                text.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                return text
            } else {
                text.append(character)
            }
        }
        return nil
    }
}
