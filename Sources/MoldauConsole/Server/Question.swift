import MoldauRecords
import NIOCore

/// A request's path and query.
struct RequestTarget {
    private let path: Substring.UTF8View
    private let queryText: Substring.UTF8View

    init(_ target: String) {
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        (path, queryText) = (target[..<mark].utf8, target[mark...].utf8.dropFirst())
    }

    /// The parts of the path between slashes.
    var segments: [String] {
        get throws(ConsoleError) {
            var segments: [String] = []
            for part in path.split(separator: UInt8(ascii: "/")) {
                segments.append(try Self.decoded(part, isForm: false))
            }
            return segments
        }
    }

    /// The parameters, by name.
    /// - Throws: `ConsoleError.badParameter` for names that are not among these, or given twice.
    func query(allowing names: [String]) throws(ConsoleError) -> [String: String] {
        var values: [String: String] = [:]
        for part in queryText.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let name = try Self.decoded(part[..<equals], isForm: true)
            guard names.contains(name) else {
                let known = names.isEmpty ? "none" : names.joined(separator: ", ")
                throw .badParameter("there is no parameter '\(name)' here; there are: \(known)")
            }
            guard values[name] == nil else { throw .badParameter("the parameter '\(name)' is given twice") }
            values[name] = try Self.decoded(part[equals...].dropFirst(), isForm: true)
        }
        return values
    }

    /// - Parameter isForm: whether a plus stands for a space, as browsers' forms write it.
    private static func decoded(_ encoded: Substring.UTF8View, isForm: Bool) throws(ConsoleError) -> String {
        let text = Substring(encoded)
        guard encoded.contains(UInt8(ascii: "%")) || (isForm && encoded.contains(UInt8(ascii: "+"))) else {
            return String(text)
        }
        var bytes: [UInt8] = []
        var rest = Array(encoded)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let code = [UInt8](hexadecimal: String(decoding: rest.prefix(2), as: UTF8.self))
                else {
                    throw .badParameter("in '\(text)' a % is not followed by two hexadecimal digits; write % as %25")
                }
                bytes += code
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+") where isForm: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .badParameter("'\(text)' is not UTF-8; give bytes as {\"hex\": \"…\"}")
        }
        return decoded
    }
}

/// The request to a route: the values of its parameters.
struct Question: Sendable {
    /// The values of the path's parameters, by name.
    let path: [String: String]
    let query: [String: String]
    /// The connection, to be closed if the client does not read.
    let channel: any Channel

    /// A numeric query parameter.
    /// - Throws: `ConsoleError.badParameter`.
    func number(_ name: String, in range: ClosedRange<Int64>) throws(ConsoleError) -> Int64? {
        guard let text = query[name] else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw .badParameter("'\(name)' is a number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
        }
        return number
    }

    func time(_ name: String) throws(ConsoleError) -> Timestamp? {
        try number(name, in: Int64.min...Int64.max).map(Timestamp.init(ms:))
    }

    func flag(_ name: String) throws(ConsoleError) -> Bool {
        switch query[name] {
        case nil, "false": return false
        case "true": return true
        case let text?: throw .badParameter("'\(name)' is true or false, not '\(text)'")
        }
    }

    /// - Throws: `ConsoleError.badParameter` if it is missing.
    func needed(_ name: String) throws(ConsoleError) -> String {
        guard let value = query[name] else { throw .badParameter("the parameter '\(name)' is required") }
        return value
    }

    /// One of the path's parameters.
    subscript(path name: String) -> String { path[name] ?? "" }
}
