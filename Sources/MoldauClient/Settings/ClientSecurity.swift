package import MoldauRecords

/// How a client connects, when set by name: encryption and log-in.
package struct ClientSecurity: NamedSettings {
    /// Kafka's security protocols.
    package enum SecurityProtocol: String, CaseIterable, Sendable {
        case plaintext = "PLAINTEXT"
        case ssl = "SSL"
        case saslPlaintext = "SASL_PLAINTEXT"
        case saslSSL = "SASL_SSL"
    }

    /// nil if it is not set: then connections are not encrypted.
    package var securityProtocol: SecurityProtocol?
    var authorityPath: String?
    var authorityType: String?
    var certificatePath: String?
    var keyPath: String?
    var keyType: String?
    var mechanism: String?
    var user: String?
    var password: String?
    var jaas: String?

    /// No settings.
    package init() {}

    package static let namedSettings: [NamedSetting<ClientSecurity>] = [
        .choice("security.protocol", \.securityProtocol, SecurityProtocol.allCases.map { ($0.rawValue, $0) }),
        .text("sasl.mechanism", \.mechanism), .text("sasl.mechanisms", \.mechanism),
        .text("sasl.username", \.user), .text("sasl.password", isSecret: true, \.password),
        .text("sasl.jaas.config", isSecret: true, \.jaas),
        .text("ssl.truststore.location", \.authorityPath), .text("ssl.ca.location", \.authorityPath),
        .text("ssl.truststore.type", \.authorityType), .text("ssl.keystore.type", \.keyType),
        .text("ssl.keystore.certificate.chain", \.certificatePath),
        .text("ssl.certificate.location", \.certificatePath),
        .text("ssl.keystore.key", \.keyPath), .text("ssl.key.location", \.keyPath),
    ]

    /// Applies `security.protocol` to encryption and log-in; without it they stay as they are.
    /// - Throws: `ClientError.invalidSetting`.
    package func settle(_ tls: inout ClientTLS?, _ logIn: inout ClientLogIn?) throws(ClientError) {
        guard let securityProtocol else { return }
        for (name, type) in [("ssl.truststore.type", authorityType), ("ssl.keystore.type", keyType)]
        where type ?? "PEM" != "PEM" {
            throw .invalidSetting(name, reason: "it has to be PEM: Java's key stores cannot be read")
        }
        let isEncrypted = securityProtocol == .ssl || securityProtocol == .saslSSL
        tls =
            isEncrypted
            ? ClientTLS(authorityPath: authorityPath, certificatePath: certificatePath, keyPath: keyPath) : nil
        let logsIn = securityProtocol == .saslPlaintext || securityProtocol == .saslSSL
        logIn = logsIn ? try self.logIn() : nil
    }

    private func logIn() throws(ClientError) -> ClientLogIn {
        guard let named = ClientLogIn.Mechanism(rawValue: mechanism ?? "") else {
            let possible = ClientLogIn.Mechanism.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidSetting("sasl.mechanism", reason: "it has to be one of \(possible), not '\(mechanism ?? "")'")
        }
        let jaas = jaas ?? ""
        guard let user = user ?? Self.quoted("username", in: jaas),
            let password = password ?? Self.quoted("password", in: jaas)
        else {
            throw .invalidSetting(
                "sasl.jaas.config",
                reason: "a log-in needs a user and a password: give sasl.username and sasl.password, or "
                    + "sasl.jaas.config with username=\"…\" password=\"…\"")
        }
        return ClientLogIn(named, user: user, password: password)
    }

    /// The text between quotation marks after `name=`, in which a backslash escapes a quotation mark.
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
