// A pattern for topic names. The syntax is the part of RE2's that is useful for names:
//
//     a  \.  \x2d        that character
//     .  \d \w \s        any; a digit; a letter, a digit or '_'; white space; \D \W \S: any other
//     [a-z0-9_]  [^a-z]  one of these; any other
//     xy  x|y  (x)  (?:x)  (?P<name>x)
//     x*  x+  x?  x{2}  x{2,}  x{2,5}, each may be followed by '?', which has no effect here
//     ^ \A  $ \z         the start and the end
//
// The whole name must match. Flags, word boundaries, Unicode classes and back references are refused.
//
// Patterns come from untrusted clients, so the time to match must be bounded for any pattern: it is compiled to a
// program whose paths are all followed at once (K. Thompson, 1968), one byte of the name at a time. Jumps are relative
// to their own position.

/// A compiled pattern for topic names, to which consumer groups subscribe.
package struct TopicExpression: Sendable {
    /// The limits of a pattern: its size in bytes, the steps of its program, and how deep its groups nest.
    static let (maxBytes, maxSteps, maxDepth) = (1_000, 4_000, 50)

    enum Step: Sendable {
        case one(ASCIISet)
        case jump(Int)
        case either(Int, Int)
        case begin
        case end
    }

    private let steps: [Step]

    /// nil if the text is not a valid pattern, or exceeds a limit.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maxBytes else { return nil }
        var parser = TopicExpressionParser(text)
        guard let steps = try? parser.parse() else { return nil }
        self.steps = steps
    }

    /// Takes at most as many steps as the size of the program times that of the name.
    package func matches(_ name: String) -> Bool {
        var (current, reached) = ([Int](), [Bool](repeating: false, count: steps.count + 1))
        let bytes = Array(name.utf8)
        follow(0, into: &current, &reached, isBegin: true, isEnd: bytes.isEmpty)
        for (place, byte) in bytes.enumerated() {
            if current.isEmpty { return false }
            var next: [Int] = []
            reached = [Bool](repeating: false, count: steps.count + 1)
            for step in current {
                guard step < steps.count, case .one(let set) = steps[step], set.contains(byte) else { continue }
                follow(step + 1, into: &next, &reached, isBegin: false, isEnd: place + 1 == bytes.count)
            }
            current = next
        }
        return reached[steps.count]
    }

    /// Adds the places that can be reached from `first` without consuming a byte.
    private func follow(
        _ first: Int, into places: inout [Int], _ reached: inout [Bool], isBegin: Bool, isEnd: Bool
    ) {
        var open = [first]
        while let place = open.popLast() {
            if reached[place] { continue }
            reached[place] = true
            guard place < steps.count else { continue }
            switch steps[place] {
            case .one: places.append(place)
            case .jump(let distance): open.append(place + distance)
            case .either(let one, let other): open += [place + other, place + one]
            case .begin: if isBegin { open.append(place + 1) }
            case .end: if isEnd { open.append(place + 1) }
            }
        }
    }
}

/// A set of ASCII characters. Other characters are only in inverted sets, such as `any`, and then all of them.
struct ASCIISet: Equatable, Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var hasOthers = false

    static let any: ASCIISet = ASCIISet().inverted

    func contains(_ byte: UInt8) -> Bool {
        if byte < 64 { return low & (1 << byte) != 0 }
        return byte < 128 ? high & (1 << (byte - 64)) != 0 : hasOthers
    }

    mutating func insert(_ range: ClosedRange<UInt8>) {
        for byte in range {
            if byte < 64 { low |= 1 << byte } else if byte < 128 { high |= 1 << (byte - 64) }
        }
    }

    mutating func formUnion(_ other: ASCIISet) {
        (low, high, hasOthers) = (low | other.low, high | other.high, hasOthers || other.hasOthers)
    }

    var inverted: ASCIISet {
        var set = ASCIISet()
        (set.low, set.high, set.hasOthers) = (~low, ~high, !hasOthers)
        return set
    }
}
