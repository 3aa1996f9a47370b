// Kafka's properties files: a line `name=value`, `name: value` or `name value` for each setting; lines that begin with
// # or ! are comments; a backslash at the end of a line continues it on the next, and elsewhere it escapes the
// character after it.

internal import MoldauRecords

/// The settings of a text in Kafka's properties format.
struct Properties {
    private(set) var values: [String: String] = [:]

    /// - Throws: `SettingError.unreadable`.
    init(_ text: String, origin: String) throws {
        do {
            try read(text)
        } catch let problem as Problem {
            throw SettingError.unreadable(origin: origin, reason: problem.reason)
        }
    }

    private struct Problem: Error {
        let reason: String
    }

    private mutating func read(_ text: String) throws {
        var begun = ""
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let part = line.drop(while: \.isWhitespace)
            if begun.isEmpty, part.isEmpty || part.hasPrefix("#") || part.hasPrefix("!") { continue }
            begun += part
            // An even number of backslashes are escaped ones, and do not continue the line.
            if !begun.reversed().prefix(while: { $0 == "\\" }).count.isMultiple(of: 2) {
                begun.removeLast()
                continue
            }
            let name = begun.prefix { !$0.isWhitespace && $0 != "=" && $0 != ":" }
            var value = begun[name.endIndex...].drop(while: \.isWhitespace)
            if value.hasPrefix("=") || value.hasPrefix(":") { value = value.dropFirst().drop(while: \.isWhitespace) }
            guard values.updateValue(try Self.unescaped(value), forKey: String(name)) == nil else {
                throw Problem(reason: "'\(name)' is set twice")
            }
            begun = ""
        }
        guard begun.isEmpty else {
            throw Problem(reason: "the last line ends with a backslash, and no line follows")
        }
    }

    /// Resolves escapes: after a backslash comes a character that stands for itself, or n, r, t, f or uXXXX.
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
            else { throw Problem(reason: "\\u must be followed by the four hexadecimal digits of a character") }
            rest.removeFirst(4)
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}
