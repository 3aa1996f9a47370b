// A pattern of topics' names. The syntax is RE2's, as far as it is about names:
//
//     a  \.  \x2d        that character
//     .  \d \w \s        any; a digit; a letter, a digit or '_'; white space; \D \W \S: any other
//     [a-z0-9_]  [^a-z]  one of these; any other
//     xy  x|y  (x)  (?:x)  (?P<name>x)
//     x*  x+  x?  x{2}  x{2,}  x{2,5}, each also with a '?' behind, which changes nothing here
//     ^ \A  $ \z         the beginning and the end
//
// The whole name must match. Flags, word boundaries, Unicode classes and back references are refused.
//
// Strangers choose patterns, so the time must be bounded, whatever the pattern: it becomes a program, of which all ways
// are followed at once (K. Thompson, 1968), one byte of the name after the other. Jumps count from their own place.

/// A compiled pattern of topics' names, as groups of consumers subscribe to them.
package struct TopicExpression: Sendable {
    /// The longest pattern, in bytes; and how large its program may become.
    static let (maxBytes, maxSteps, maxDepth) = (1_000, 4_000, 50)

    enum Step: Sendable {
        case one(ASCIISet)
        case jump(Int)
        case either(Int, Int)
        case begin
        case end
    }

    private let steps: [Step]

    /// nil if it is no pattern, or one that is too large.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maxBytes else { return nil }
        var parser = TopicExpressionParser(text)
        guard let steps = try? parser.parse() else { return nil }
        self.steps = steps
    }

    /// Takes at most the pattern's size times the name's steps.
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

    /// Adds the places that can be reached from one without a byte.
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

/// A set of ASCII characters; others are in none but `any`.
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
