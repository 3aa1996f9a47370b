// How to connect, in the form of Kafka's properties files: a line `name=value`, `name: value` or `name value` for each
// setting; lines that begin with # or ! are comments; a backslash at a line's end goes on in the next line, and
// elsewhere takes the meaning from the character behind it.

import Foundation
import MoldauClient

/// What the file of `--command-config` says: encryption and log-in.
struct ClientConnection: Equatable {
    /// `security.protocol`.
    private(set) var securityProtocol = "PLAINTEXT"
    private(set) var authorityPath: String?
    private(set) var certificatePath: String?
    private(set) var keyPath: String?
    private(set) var user: ClientUser?

    /// Connections in plain text, without a log-in.
    init() {}

    /// Reads the file.
    /// - Throws: `CommandFailure` that names the setting that is unknown or impossible.
    init(file path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path), let text = String(bytes: bytes, encoding: .utf8)
        else { throw CommandFailure("the file '\(path)' of --command-config cannot be read, or is not UTF-8") }
        do {
            try self.init(properties: Self.properties(text))
        } catch let failure as CommandFailure {
            throw CommandFailure("'\(path)': \(failure)")
        }
    }

    init(properties: [String: String]) throws {
        for name in properties.keys.sorted()
        where !Self.names.contains(name) && !Self.namesWithoutMeaning.contains(name) {
            throw CommandFailure(
                "there is no setting '\(name)' of a connection; there are: \(Self.names.sorted().joined(separator: ", "))"
            )
        }
        securityProtocol = (properties["security.protocol"] ?? "PLAINTEXT").uppercased()
        guard ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(securityProtocol) else {
            throw CommandFailure("security.protocol is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
        }
        for name in ["ssl.truststore.type", "ssl.keystore.type"] where properties[name].map({ $0 != "PEM" }) ?? false {
            throw CommandFailure("\(name) is PEM: stores of Java's own kinds cannot be read")
        }
        authorityPath = properties["ssl.truststore.location"] ?? properties["ssl.ca.location"]
        certificatePath = properties["ssl.keystore.certificate.chain"] ?? properties["ssl.certificate.location"]
        keyPath = properties["ssl.keystore.key"] ?? properties["ssl.key.location"]
        if securityProtocol.hasPrefix("SASL_") { user = try ClientUser(properties: properties) }
    }

    /// The settings that say something here.
    private static let names: Set<String> = [
        "security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.jaas.config", "sasl.username", "sasl.password",
        "ssl.truststore.location", "ssl.truststore.type", "ssl.keystore.type", "ssl.ca.location",
        "ssl.keystore.certificate.chain", "ssl.certificate.location", "ssl.keystore.key", "ssl.key.location",
    ]
    /// Settings that such files often have, and that change nothing of what commands do.
    private static let namesWithoutMeaning: Set<String> = ["client.id", "group.id", "bootstrap.servers"]

    var tls: ClientTLS? {
        guard securityProtocol.hasSuffix("SSL") else { return nil }
        return ClientTLS(authorityPath: authorityPath, certificatePath: certificatePath, keyPath: keyPath)
    }

    var logIn: ClientLogIn? { user.map { ClientLogIn($0.mechanism, user: $0.name, password: $0.password) } }

    /// The settings of a text in the properties form.
    static func properties(_ text: String) throws -> [String: String] {
        var found: [String: String] = [:]
        var begun = ""
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let part = line.drop(while: \.isWhitespace)
            if begun.isEmpty, part.isEmpty || part.hasPrefix("#") || part.hasPrefix("!") { continue }
            begun += part
            // Two backslashes are one that belongs to the value.
            if !begun.reversed().prefix(while: { $0 == "\\" }).count.isMultiple(of: 2) {
                begun.removeLast()
                continue
            }
            let name = begun.prefix { !$0.isWhitespace && $0 != "=" && $0 != ":" }
            var value = begun[name.endIndex...].drop(while: \.isWhitespace)
            if value.hasPrefix("=") || value.hasPrefix(":") { value = value.dropFirst().drop(while: \.isWhitespace) }
            guard found.updateValue(try unescaped(value), forKey: String(name)) == nil else {
                throw CommandFailure("'\(name)' is set twice")
            }
            begun = ""
        }
        guard begun.isEmpty else { throw CommandFailure("the last line ends with a backslash, and no line follows") }
        return found
    }

    /// What a value means: behind a backslash stands a character that is meant as it is, or n, r, t, f or uXXXX.
    private static func unescaped(_ value: Substring) throws -> String {
        let controls: [Character: Character] = ["n": "\n", "r": "\r", "t": "\t", "f": "\u{c}"]
        var text = ""
        var rest = value
        while let character = rest.popFirst() {
            guard character == "\\", let next = rest.popFirst() else {
                text.append(character)
                continue
            }
            guard next == "u" else {
                text.append(controls[next] ?? next)
                continue
            }
            guard rest.count >= 4, let number = UInt32(rest.prefix(4), radix: 16), let scalar = Unicode.Scalar(number)
            else { throw CommandFailure("behind \\u stand four hexadecimal digits of a character") }
            rest.removeFirst(4)
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}
