/// Compiles the text of a `TopicExpression` to its program, by recursive descent.
struct TopicExpressionParser {
    /// The text is not a valid pattern, or exceeds a limit.
    struct Refusal: Error {}

    private typealias Program = [TopicExpression.Step]

    private let text: [UInt8]
    private var place = 0
    private var depth = 0

    init(_ text: String) { self.text = Array(text.utf8) }

    mutating func parse() throws -> [TopicExpression.Step] {
        let program = try alternatives()
        guard place == text.count else { throw Refusal() }
        return program
    }

    private var next: UInt8? { place < text.count ? text[place] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard next == character.asciiValue else { return false }
        place += 1
        return true
    }

    private mutating func takeByte() throws -> UInt8 {
        guard let byte = next else { throw Refusal() }
        place += 1
        return byte
    }

    // MARK: Sequences

    private mutating func alternatives() throws -> Program {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TopicExpression.maxDepth else { throw Refusal() }
        var program = try sequence()
        while take("|") {
            let other = try sequence()
            program = [.either(1, program.count + 2)] + program + [.jump(other.count + 1)] + other
            try checkSize(program)
        }
        return program
    }

    private mutating func sequence() throws -> Program {
        var program: Program = []
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            program += try repeated(try one())
            try checkSize(program)
        }
        return program
    }

    private func checkSize(_ program: Program) throws {
        if program.count > TopicExpression.maxSteps { throw Refusal() }
    }

    // MARK: Repetition

    private mutating func repeated(_ single: Program) throws -> Program {
        var program = single
        while let (least, most) = try count() {
            // Greedy or lazy makes no difference, as the whole name must match.
            _ = take("?")
            guard max(least, most ?? 1) * (program.count + 1) <= TopicExpression.maxSteps else { throw Refusal() }
            let once = program
            program = Array((0..<least).map { _ in once }.joined())
            if let most {
                for _ in least..<most { program += [.either(1, once.count + 1)] + once }
            } else {
                program += [.either(1, once.count + 2)] + once + [.jump(-once.count - 1)]
            }
            try checkSize(program)
        }
        return program
    }

    /// Parses a quantifier: how often the preceding item may occur; nil if there is no quantifier.
    private mutating func count() throws -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard next == UInt8(ascii: "{") else { return nil }
        let beginning = place
        place += 1
        if let least = try number() {
            if take("}") { return (least, least) }
            if take(",") {
                if take("}") { return (least, nil) }
                if let most = try number(), take("}") {
                    guard least <= most else { throw Refusal() }
                    return (least, most)
                }
            }
        }
        // As in RE2, a brace that is not a quantifier stands for itself.
        place = beginning
        return nil
    }

    private mutating func number() throws -> Int? {
        var value: Int?
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            let longer = (value ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
            guard longer <= 1_000 else { throw Refusal() }
            value = longer
            place += 1
        }
        return value
    }

    // MARK: Single characters and groups

    private mutating func one() throws -> Program {
        let byte = try takeByte()
        switch Character(UnicodeScalar(byte)) {
        case "(": return try group()
        case "[": return [.one(try characters())]
        case ".": return [.one(.any)]
        case "^": return [.begin]
        case "$": return [.end]
        case "\\":
            if take("A") { return [.begin] }
            if take("z") { return [.end] }
            return [.one(try escaped().set)]
        case "*", "+", "?": throw Refusal()
        default:
            // Never matches: topic names are ASCII.
            guard byte < 128 else { return [.one(ASCIISet())] }
            return [.one(ASCIISet(byte...byte))]
        }
    }

    private mutating func group() throws -> Program {
        if take("?") {
            let isNamed = take("P")
            if isNamed || next == UInt8(ascii: "<") {
                guard take("<") else { throw Refusal() }
                var name: [UInt8] = []
                while !take(">") { name.append(try takeByte()) }
                guard !name.isEmpty, name.allSatisfy(ASCIISet.word.contains) else { throw Refusal() }
            } else if !take(":") {
                throw Refusal()
            }
        }
        let program = try alternatives()
        guard take(")") else { throw Refusal() }
        return program
    }

    /// Parses what follows a backslash. `byte` is nil for a class of characters.
    private mutating func escaped() throws -> (set: ASCIISet, byte: UInt8?) {
        let byte = try takeByte()
        switch Character(UnicodeScalar(byte)) {
        case "d": return (.digit, nil)
        case "D": return (ASCIISet.digit.inverted, nil)
        case "w": return (.word, nil)
        case "W": return (ASCIISet.word.inverted, nil)
        case "s": return (.space, nil)
        case "S": return (ASCIISet.space.inverted, nil)
        case "x":
            guard let high = try hexDigit(), let low = try hexDigit(), high < 8 else { throw Refusal() }
            let value = high << 4 | low
            return (ASCIISet(value...value), value)
        default:
            guard byte < 128, !ASCIISet.word.contains(byte) || byte == UInt8(ascii: "_") else { throw Refusal() }
            return (ASCIISet(byte...byte), byte)
        }
    }

    private mutating func hexDigit() throws -> UInt8? {
        Character(UnicodeScalar(try takeByte())).hexDigitValue.map(UInt8.init)
    }

    /// Parses a class of characters, after its opening bracket.
    private mutating func characters() throws -> ASCIISet {
        var set = ASCIISet()
        let isInverted = take("^")
        var isFirst = true
        while isFirst || !take("]") {
            isFirst = false
            let first = try member()
            guard let low = first.byte, next == UInt8(ascii: "-"), place + 1 < text.count,
                text[place + 1] != UInt8(ascii: "]")
            else {
                set.formUnion(first.set)
                continue
            }
            place += 1
            guard let high = try member().byte, low <= high else { throw Refusal() }
            set.insert(low...high)
        }
        return isInverted ? set.inverted : set
    }

    private mutating func member() throws -> (set: ASCIISet, byte: UInt8?) {
        let byte = try takeByte()
        if byte == UInt8(ascii: "\\") { return try escaped() }
        // Named classes, such as [:alpha:], are not supported.
        if byte == UInt8(ascii: "["), next == UInt8(ascii: ":") { throw Refusal() }
        guard byte < 128 else { return (ASCIISet(), nil) }
        return (ASCIISet(byte...byte), byte)
    }
}

extension ASCIISet {
    fileprivate static let digit = ASCIISet(UInt8(ascii: "0")...UInt8(ascii: "9"))
    fileprivate static let space = ASCIISet(9...10, 12...13, 32...32)
    fileprivate static let word = ASCIISet(
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_")...UInt8(ascii: "_"))

    fileprivate init(_ ranges: ClosedRange<UInt8>...) {
        self.init()
        for range in ranges { insert(range) }
    }
}
