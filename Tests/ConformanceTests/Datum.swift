import MoldauRecords
import MoldauState

/// A key or value of a case, of any of the types that cases use.
enum Datum: Hashable, Sendable {
    case null
    case string(String)
    case int32(Int32)
    case int64(Int64)
    case double(Double)
    indirect case windowed(Datum, Window)

    /// The text that Kafka Streams' string templates print.
    var text: String {
        switch self {
        case .null: "null"
        case .string(let text): text
        case .int32(let number): String(number)
        case .int64(let number): String(number)
        case .double(let number): String(number)
        case .windowed(let key, let window): "[\(key.text)@\(window)]"
        }
    }

    /// nil for the null.
    var row: Datum? { self == .null ? nil : self }
}

/// The types of keys and values that cases name.
enum Kind: String, Sendable {
    case string, int32, int64, double

    func parse(_ text: String) -> Datum {
        switch self {
        case .string: .string(text)
        case .int32: Int32(text).map { .int32($0) } ?? .null
        case .int64: Int64(text).map { .int64($0) } ?? .null
        case .double: Double(text).map { .double($0) } ?? .null
        }
    }

    /// A JSON value of a case, converted to this type.
    func datum(_ json: JSONValue) -> Datum {
        switch (self, json) {
        case (_, .null): .null
        case (.double, .number(let number)): .double(number)
        case (_, .integer(let number)): parse(String(number))
        case (_, .text(let text)): parse(text)
        default: .null
        }
    }

    /// The bytes of a JSON value of a case; nil for the null.
    func bytes(_ json: JSONValue?) throws -> [UInt8]? {
        let datum = datum(json ?? .null)
        return datum == .null ? nil : try serde.bytes(of: datum)
    }

    /// The serde of this type, with Kafka's bytes; a null is `.null`.
    var serde: Serde<Datum> {
        let (string, int32, int64, double) = (String.serde, Int32.serde, Int64.serde, Double.serde)
        return Serde(
            encode: { [self] datum, writer in
                switch (self, datum) {
                case (.string, .string(let text)): try string.encode(text, &writer)
                case (.int32, .int32(let number)): try int32.encode(number, &writer)
                case (.int64, .int64(let number)): try int64.encode(number, &writer)
                case (.double, .double(let number)): try double.encode(number, &writer)
                default: throw SerdeError.malformed(type: rawValue, reason: "\(datum) is of another type")
                }
            },
            decode: { [self] bytes in
                switch self {
                case .string: .string(try string.decode(bytes))
                case .int32: .int32(try int32.decode(bytes))
                case .int64: .int64(try int64.decode(bytes))
                case .double: .double(try double.decode(bytes))
                }
            },
            null: .init(isNull: { $0 == .null }, make: { .null }))
    }
}

extension Datum {
    /// Whether this is what a case expects. Numbers are compared as numbers.
    func matches(_ json: JSONValue) -> Bool {
        switch (self, json) {
        case (.null, .null): true
        case (.string(let text), .text(let expected)): text == expected
        case (.int32(let number), .integer(let expected)): Int64(number) == expected
        case (.int64(let number), .integer(let expected)): number == expected
        case (.double(let number), .integer(let expected)): number == Double(expected)
        case (.double(let number), .number(let expected)): number == expected
        case (.windowed(let key, let window), .object(let expected)):
            key.matches(expected["k"] ?? .null) && window.start.ms == expected["start"]?.integer
                && window.end.ms == expected["end"]?.integer
        default: false
        }
    }
}

/// Counts also use this type.
extension Datum: AdditiveArithmetic, ExpressibleByIntegerLiteral {
    init(integerLiteral value: Int64) { self = .int64(value) }

    static func + (left: Datum, right: Datum) -> Datum { combine(left, right, +) }
    static func - (left: Datum, right: Datum) -> Datum { combine(left, right, -) }

    private static func combine(_ left: Datum, _ right: Datum, _ apply: (Int64, Int64) -> Int64) -> Datum {
        guard case (.int64(let a), .int64(let b)) = (left, right) else { return .null }
        return .int64(apply(a, b))
    }
}
