// Parses text into entries by RFC 8259, in one pass over the bytes without copying. The whole text is checked, even
// parts that are never decoded: grammar, escapes, surrogate pairs, UTF-8. Numbers are converted only when they are
// decoded.

/// What is wrong with a document, and at which byte.
struct JSONFault: Error {
    let reason: String
    let offset: Int
}

/// Parses one document onto a tape.
struct JSONParser {
    /// How deep arrays and objects may nest; the same as in Foundation.
    static let maximumDepth = 512

    private let base: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private let tape: UnsafeMutablePointer<JSONTape>
    private var position: UnsafePointer<UInt8>
    private var depth = 0

    /// Fills `tape` with the entries of `text`.
    static func parse(
        _ text: UnsafeBufferPointer<UInt8>, onto tape: UnsafeMutablePointer<JSONTape>
    ) throws(JSONFault) {
        guard let base = text.baseAddress else { throw JSONFault(reason: "the text is empty", offset: 0) }
        guard text.count < Int(Int32.max) else { throw JSONFault(reason: "the text is too long", offset: 0) }
        tape.pointee.removeAll()
        var parser = JSONParser(base: base, end: base + text.count, tape: tape, position: base)
        parser.skipByteOrderMark()
        parser.skipSpace()
        try parser.value()
        parser.skipSpace()
        if parser.position < parser.end { throw parser.fault("unexpected text after the value") }
    }

    private func fault(_ reason: String) -> JSONFault { JSONFault(reason: reason, offset: position - base) }

    private var offset: UInt32 { UInt32(truncatingIfNeeded: position - base) }

    /// The byte at the position; at the end 0, which is not valid anywhere in a document.
    private var byte: UInt8 {
        @inline(__always) get { position < end ? position.pointee : 0 }
    }

    private mutating func skipByteOrderMark() {
        if end - position >= 3, position[0] == 0xef, position[1] == 0xbb, position[2] == 0xbf { position += 3 }
    }

    @inline(__always)
    private mutating func skipSpace() {
        while position < end {
            switch position.pointee {
            case 0x20, 0x0a, 0x0d, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSONFault) {
        switch byte {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "{"): try object()
        case UInt8(ascii: "["): try array()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        case UInt8(ascii: "t"): try word("true", .true)
        case UInt8(ascii: "f"): try word("false", .false)
        case UInt8(ascii: "n"): try word("null", .null)
        default: throw fault(position < end ? "expected a value" : "the text ends too early")
        }
    }

    private mutating func word(_ word: StaticString, _ kind: JSONEntry.Kind) throws(JSONFault) {
        let length = word.utf8CodeUnitCount
        guard end - position >= length, (0..<length).allSatisfy({ position[$0] == word.utf8Start[$0] }) else {
            throw fault("expected a value")
        }
        let start = offset
        position += length
        append(kind, from: start)
    }

    /// Adds an entry that ends here and has nothing inside.
    @inline(__always)
    private mutating func append(_ kind: JSONEntry.Kind, from start: UInt32, isEscaped: Bool = false) {
        let next = UInt32(truncatingIfNeeded: tape.pointee.count + 1)
        tape.pointee.append(JSONEntry(start: start, end: offset, next: next, kind: kind, isEscaped: isEscaped))
    }

    // MARK: Containers

    private mutating func open(_ kind: JSONEntry.Kind) throws(JSONFault) -> Int {
        guard depth < Self.maximumDepth else { throw fault("nested deeper than \(Self.maximumDepth) levels") }
        depth += 1
        let place = tape.pointee.count
        append(kind, from: offset)
        position += 1
        skipSpace()
        return place
    }

    private mutating func close(_ place: Int, count: UInt32) {
        position += 1
        depth -= 1
        let (tape, next) = (tape.pointee.entries, UInt32(truncatingIfNeeded: tape.pointee.count))
        tape[place].end = count
        tape[place].next = next
    }

    private mutating func object() throws(JSONFault) {
        let place = try open(.object)
        var count: UInt32 = 0
        if byte == UInt8(ascii: "}") { return close(place, count: 0) }
        while true {
            guard byte == UInt8(ascii: "\"") else { throw fault("expected a key in quotes") }
            try string()
            skipSpace()
            guard byte == UInt8(ascii: ":") else { throw fault("expected ':'") }
            position += 1
            skipSpace()
            try value()
            skipSpace()
            count += 1
            if byte == UInt8(ascii: "}") { return close(place, count: count) }
            guard byte == UInt8(ascii: ",") else { throw fault("expected ',' or '}'") }
            position += 1
            skipSpace()
        }
    }

    private mutating func array() throws(JSONFault) {
        let place = try open(.array)
        var count: UInt32 = 0
        if byte == UInt8(ascii: "]") { return close(place, count: 0) }
        while true {
            try value()
            skipSpace()
            count += 1
            if byte == UInt8(ascii: "]") { return close(place, count: count) }
            guard byte == UInt8(ascii: ",") else { throw fault("expected ',' or ']'") }
            position += 1
            skipSpace()
        }
    }

    // MARK: Numbers

    private mutating func number() throws(JSONFault) {
        let start = offset
        if byte == UInt8(ascii: "-") { position += 1 }
        if byte == UInt8(ascii: "0") { position += 1 } else { try digits() }
        var kind = JSONEntry.Kind.integer
        if byte == UInt8(ascii: ".") {
            position += 1
            try digits()
            kind = .number
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
            try digits()
            kind = .number
        }
        append(kind, from: start)
    }

    @inline(__always)
    private mutating func digits() throws(JSONFault) {
        let start = position
        while position < end, position.pointee &- UInt8(ascii: "0") < 10 { position += 1 }
        if position == start { throw fault("expected a digit") }
    }

    // MARK: Strings

    private mutating func string() throws(JSONFault) {
        position += 1
        let start = offset
        var isEscaped = false
        while true {
            position = plainTextEnd(from: position, to: end)
            switch byte {
            case UInt8(ascii: "\""):
                append(.string, from: start, isEscaped: isEscaped)
                position += 1
                return
            case UInt8(ascii: "\\"):
                isEscaped = true
                try escape()
            case 0x80...:
                guard let next = scalarEnd(position, end) else { throw fault("the text is not UTF-8") }
                position = next
            default:
                throw fault(position < end ? "unescaped control character in a string" : "unterminated string")
            }
        }
    }

    private mutating func escape() throws(JSONFault) {
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            let unit = try hexadecimal()
            if UTF16.isLeadSurrogate(unit) {
                guard byte == UInt8(ascii: "\\") else { throw fault("the second half of a surrogate pair is missing") }
                position += 1
                guard byte == UInt8(ascii: "u"), UTF16.isTrailSurrogate(try hexadecimal()) else {
                    throw fault("the second half of a surrogate pair is missing")
                }
            } else if UTF16.isTrailSurrogate(unit) {
                throw fault("the first half of a surrogate pair is missing")
            }
        default: throw fault("invalid escape")
        }
    }

    /// Reads `uXXXX` of an escape.
    private mutating func hexadecimal() throws(JSONFault) -> UInt16 {
        position += 1
        guard end - position >= 4, let unit = codeUnit(position) else { throw fault("expected four hex digits") }
        position += 4
        return unit
    }
}
