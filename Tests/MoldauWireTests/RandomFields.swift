import MoldauRecords
import MoldauWire

/// Gives the fields of a message random values, small and extreme ones, and lists up to three elements.
final class RandomFields: FieldVisitor {
    private var generator: SeededGenerator

    let showsDefaults = true

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private func number(below limit: UInt64) -> UInt64 { generator.next() % limit }

    private static let numbers: [Int64] = [.min, -1, 0, 1, 127, 128, 16_384, 1 << 32, .max]

    func number(_ name: String, _ value: inout Int64, bits: Int) {
        value = Self.numbers[Int(number(below: UInt64(Self.numbers.count)))] &+ Int64(number(below: 3))
    }
    func number(_ name: String, _ value: inout Double) { value = Double(number(below: 1_000)) / 8 }
    func flag(_ name: String, _ value: inout Bool) { value = number(below: 2) == 0 }
    func text(_ name: String, _ value: inout String?, isNullable: Bool) {
        let texts = ["", "a", "naïve", "fifteen letters", String(repeating: "long", count: 40)]
        value = isNullable && number(below: 4) == 0 ? nil : texts[Int(number(below: UInt64(texts.count)))]
    }
    func id(_ name: String, _ value: inout TopicID) { value = TopicID(high: number(below: 3), low: generator.next()) }
    func bytes(_ name: String, _ value: inout WireBytes?, isNullable: Bool) {
        value = isNullable && number(below: 4) == 0 ? nil : bytes()
    }
    func records(_ name: String, _ value: inout RecordData) {
        value = number(below: 4) == 0 ? .none : .bytes(bytes())
    }
    private func bytes() -> WireBytes {
        WireBytes(copying: (0..<number(below: 200)).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    }
    func beginList(_ name: String, count: inout Int?, isNullable: Bool) {
        count = isNullable && number(below: 4) == 0 ? nil : Int(number(below: 4))
    }
    func beginFields(_ name: String, isPresent: inout Bool, isNullable: Bool) {
        isPresent = !isNullable || number(below: 3) > 0
    }
    func end() {}
}
