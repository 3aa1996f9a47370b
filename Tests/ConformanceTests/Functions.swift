import Foundation

/// An operation or function of the case language that is not supported.
struct Unsupported: Error { let what: String }

/// A function of a case was given text that is not a number.
struct NotANumber: Error { let text: String }

/// The arguments of a case's functions.
struct Arguments {
    var key = Datum.null
    var value = Datum.null
    var left = Datum.null
    var right = Datum.null
    var aggregate = Datum.null
}

/// A function of the case language: `@name`, or a template.
struct CaseFunction: Sendable {
    let source: String
    private let body: @Sendable (Arguments) throws -> Datum

    init(_ source: String) throws {
        self.source = source
        body = source.hasPrefix("@") ? try Self.named(source) : Self.template(source)
    }

    func callAsFunction(_ arguments: Arguments) throws -> Datum { try body(arguments) }
    func callAsFunction(_ key: Datum, _ value: Datum?) throws -> Datum {
        try body(Arguments(key: key, value: value ?? .null))
    }

    private static func named(_ source: String) throws -> @Sendable (Arguments) throws -> Datum {
        let parts = source.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let argument = parts.count > 1 ? parts[1] : ""
        switch parts[0] {
        case "@k": return { $0.key }
        case "@v": return { $0.value }
        case "@inner": return { if case .windowed(let inner, _) = $0.key { inner } else { $0.key } }
        case "@null": return { _ in .null }
        case "@upper": return { $0.value == .null ? .null : .string($0.value.text.uppercased()) }
        case "@len": return { .int64(Int64($0.value.text.utf16.count)) }
        case "@parseLong":
            return { arguments in
                let number = Kind.int64.parse(arguments.value.text)
                if number == .null, arguments.value != .null { throw NotANumber(text: arguments.value.text) }
                return number
            }
        case "@before": return { part(of: $0.value, around: argument)?.before ?? .null }
        case "@after": return { part(of: $0.value, around: argument)?.after ?? .null }
        case "@count": return { number($0.aggregate, +, .int64(1)) }
        case "@decr": return { number($0.aggregate, -, .int64(1)) }
        case "@sum": return { $0.aggregate == .null ? number($0.left, +, $0.right) : number($0.aggregate, +, $0.value) }
        case "@sub": return { number($0.aggregate, -, $0.value) }
        case "@max": return { number($0.aggregate, max, $0.value) }
        case "@latest": return { $0.value }
        case "@keep": return { $0.aggregate }
        case "@first": return { $0.left }
        default: throw Unsupported(what: "function \(source)")
        }
    }

    private static func part(of value: Datum, around mark: String) -> (before: Datum, after: Datum)? {
        guard value != .null, let range = value.text.range(of: mark) else { return nil }
        return (.string(String(value.text[..<range.lowerBound])), .string(String(value.text[range.upperBound...])))
    }

    /// Integer arithmetic, in the type of the first operand.
    private static func number(_ left: Datum, _ apply: (Int64, Int64) -> Int64, _ right: Datum) -> Datum {
        guard let a = Int64(left.text), let b = Int64(right.text) else { return .null }
        let result = apply(a, b)
        return switch left {
        case .int32: .int32(Int32(result))
        case .string: .string(String(result))
        default: .int64(result)
        }
    }

    private static func template(_ source: String) -> @Sendable (Arguments) throws -> Datum {
        { arguments in
            var text = ""
            var rest = source[...]
            while let open = rest.firstIndex(of: "{") {
                text += rest[..<open]
                let end = rest.index(open, offsetBy: 3, limitedBy: rest.endIndex) ?? rest.endIndex
                let known: Datum? =
                    switch rest[open..<end] {
                    case "{k}": arguments.key
                    case "{v}": arguments.value
                    case "{l}": arguments.left
                    case "{r}": arguments.right
                    case "{a}": arguments.aggregate
                    default: nil
                    }
                text += known?.text ?? "{"
                rest = rest[(known == nil ? rest.index(after: open) : end)...]
            }
            return .string(text + rest)
        }
    }
}

/// A predicate of the case language.
func predicate(_ source: String) throws -> @Sendable (Datum, Datum?) -> Bool {
    let parts = source.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2 else { throw Unsupported(what: "predicate \(source)") }
    let argument = parts.count > 2 ? parts[2] : ""
    let subject: @Sendable (Datum, Datum?) -> Datum = { [side = parts[1]] in side == "k" ? $0 : $1 ?? .null }
    switch parts[0] {
    case "@even": return { Int64(subject($0, $1).text).map { $0 % 2 == 0 } ?? false }
    case "@gt": return { (Int64(subject($0, $1).text) ?? .min) > (Int64(argument) ?? .max) }
    case "@lt": return { (Int64(subject($0, $1).text) ?? .max) < (Int64(argument) ?? .min) }
    case "@notNull": return { subject($0, $1) != .null }
    case "@startsWith": return { subject($0, $1) != .null && subject($0, $1).text.hasPrefix(argument) }
    case "@eq": return { subject($0, $1).text == argument }
    case "@lenGt": return { subject($0, $1) != .null && subject($0, $1).text.utf16.count > (Int(argument) ?? .max) }
    default: throw Unsupported(what: "predicate \(source)")
    }
}

/// Java's `String.split` at a fixed text: empty parts at the end are dropped.
func javaSplit(_ text: String, by separator: String) -> [String] {
    var parts = text.components(separatedBy: separator)
    if parts.count == 1 { return parts }
    while parts.last == "" { parts.removeLast() }
    return parts
}
