import Foundation
import MoldauJSON
import MoldauRecords

/// A value with one of everything that `Codable` offers.
struct Sample: JSONStreamCodable, Equatable {
    enum Color: String, Codable, CaseIterable { case red, green, blue }

    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Double)
        indirect case pair(Shape, named: String?)
    }

    struct Inner: Codable, Equatable {
        var a: Int8
        var b: UInt16?
        var list: [Int]
    }

    var id: UUID
    var name: String
    var count: Int64
    var unsigned: UInt64
    var ratio: Double
    var single: Float
    var flag: Bool
    var note: String?
    var color: Color
    var shape: Shape
    var inner: Inner
    var more: [Inner]
    var nested: [[String?]]
    var byName: [String: Double]
    var byNumber: [Int: Bool]
    var date: Date
    var data: Data
    var url: URL
    var price: Decimal
    var wide: Int128
}

extension Sample {
    init(from random: inout Seeded) {
        id = UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEE\(10 + random.number(below: 90))")!
        name = random.text()
        count = random.pick([0, -1, .min, .max, Int64(random.number(below: 1_000_000))])
        unsigned = random.pick([0, .max, UInt64(random.number(below: 1_000_000))])
        ratio = random.double()
        single = Float(random.number(below: 1000)) / 8
        flag = random.number(below: 2) == 0
        note = random.number(below: 2) == 0 ? nil : random.text()
        color = random.pick(Color.allCases)
        shape = random.pick([
            .point, .circle(radius: random.double()), .pair(.point, named: nil), .pair(.circle(radius: 1), named: "ü"),
        ])
        inner = Inner(a: -3, b: nil, list: [1, 2, 3])
        more = (0..<random.number(below: 3)).map { Inner(a: Int8($0), b: UInt16($0), list: []) }
        nested = [[], ["a", nil], [random.text()]]
        byName = [:]
        for _ in 0..<random.number(below: 40) { byName[random.text()] = random.double() }
        byNumber = [1: true, 10: false, 2: true]
        date = Date(timeIntervalSinceReferenceDate: Double(random.number(below: 1_000_000)) / 4)
        data = Data((0..<random.number(below: 9)).map { UInt8($0) })
        url = URL(string: "https://example.org/a/b?c=d")!
        price = Decimal(random.number(below: 10_000)) / 100
        wide = random.pick([0, .max, .min])
    }
}

/// The same numbers in each run: SplitMix64.
struct Seeded {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    mutating func number(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
    mutating func pick<Value>(_ values: [Value]) -> Value { values[number(below: values.count)] }

    mutating func double() -> Double {
        pick([
            0, -0.5, 1, 1e300, 2.5e-300, 123_456.789, .greatestFiniteMagnitude, 1e16, 1e21, 0.1, 100,
            Double(number(below: 1 << 40)) / 1024,
        ])
    }

    mutating func text() -> String {
        let pieces = [
            "a", "\"", "\\", "/", "\n", "\u{1}", "\u{7f}", "ü", "漢", "🎻", "e\u{301}", "plain text", "\u{2028}", "\r\n",
        ]
        return (0..<number(below: 6)).map { _ in pick(pieces) }.joined()
    }
}

extension Serde {
    func text(_ value: Value) throws -> String {
        var writer = ByteWriter()
        try encode(value, &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    func value(_ text: String) throws -> Value { try value(Array(text.utf8)) }
    func value(_ bytes: [UInt8]) throws -> Value { try decode(bytes.span.bytes) }
}

/// Foundation's encoding, configured like the serde.
func foundationJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
