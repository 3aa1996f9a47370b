import MoldauRecords

/// A JSON value, for answers whose types are not known at compile time.
enum JSONValue: Sendable, Hashable {
    /// JSON text: a number, `true`, `false`, `null`, or a value that is already encoded.
    case encoded(String)
    case string(String)
    case array([JSONValue])
    /// Members in the order in which they are written.
    case object([Member])

    /// A member of an object.
    struct Member: Sendable, Hashable {
        let name: String
        let value: JSONValue

        init(name: String, value: JSONValue) { (self.name, self.value) = (name, value) }
    }

    static let null = JSONValue.encoded("null")

    /// `true` or `false`.
    static func bool(_ flag: Bool) -> JSONValue { .encoded(flag ? "true" : "false") }

    /// Integers keep all their digits.
    static func number(_ number: some BinaryInteger) -> JSONValue { .encoded("\(number)") }

    /// A time as milliseconds since 1970; null if there is none.
    static func time(_ time: Timestamp?) -> JSONValue { time.map { .number($0.ms) } ?? .null }

    /// Bytes as text if they are UTF-8, and else as `{"hex": "…"}`.
    static func bytes(_ bytes: [UInt8]) -> JSONValue {
        String(validating: bytes, as: UTF8.self).map(JSONValue.string) ?? ["hex": .string(bytes.hexadecimal)]
    }

    /// The JSON text.
    var text: String {
        var writer = ByteWriter(capacity: 1_024)
        write(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Appends the JSON text.
    func write(to writer: inout ByteWriter) {
        switch self {
        case .encoded(let text): writer.append(utf8: text)
        case .string(let text): Self.write(text, to: &writer)
        case .array(let values):
            writer.append(utf8: "[")
            for (place, value) in values.enumerated() {
                if place > 0 { writer.append(utf8: ",") }
                value.write(to: &writer)
            }
            writer.append(utf8: "]")
        case .object(let members):
            writer.append(utf8: "{")
            for (place, member) in members.enumerated() {
                if place > 0 { writer.append(utf8: ",") }
                Self.write(member.name, to: &writer)
                writer.append(utf8: ":")
                member.value.write(to: &writer)
            }
            writer.append(utf8: "}")
        }
    }

    private static func write(_ text: String, to writer: inout ByteWriter) {
        writer.append(utf8: "\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): writer.append(utf8: "\\\"")
            case UInt8(ascii: "\\"): writer.append(utf8: "\\\\")
            case 0..<0x20:
                writer.append(utf8: "\\u00")
                writer.append(hexadecimal: byte)
            default: writer.append(byte: byte)
            }
        }
        writer.append(utf8: "\"")
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member(name: $0.0, value: $0.1) })
    }
}

extension JSONValue: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = .string(value) }
}
