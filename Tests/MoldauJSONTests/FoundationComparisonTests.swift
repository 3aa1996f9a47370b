import Foundation
import MoldauJSON
import MoldauRecords
import Testing

/// Compares the serde with what Foundation writes and reads.
struct FoundationComparisonTests {
    @Test func `values are encoded as by Foundation, and can be decoded`() throws {
        var random = Seeded(state: 1)
        for _ in 0..<300 {
            var sample = Sample(from: &random)
            let text = try Sample.serde.text(sample)
            #expect(try JSONDecoder().decode(Sample.self, from: Data(text.utf8)) == sample)
            #expect(try Sample.serde.value(text) == sample)
            #expect(try Sample.serde.value(foundationJSON(sample)) == sample)
            // Foundation sorts keys with escapes or beyond ASCII differently.
            sample.byName = sample.byName.filter { key, _ in
                key.utf8.allSatisfy { 0x23...0x5b ~= $0 || 0x5d...0x7e ~= $0 }
            }
            #expect(try Sample.serde.text(sample) == foundationJSON(sample))
        }
    }

    /// Each round breaks a document in a few places. Foundation overlooks errors in parts that it does not decode, and
    /// trailing commas. So if only Foundation accepts a document, it must have a trailing comma, or its other parser,
    /// `JSONSerialization`, must reject it.
    @Test func `mutated documents are accepted and rejected as by Foundation, with the same values`() throws {
        var random = Seeded(state: 2)
        var (accepted, refused) = (0, 0)
        for round in 0..<6_000 {
            var bytes = Array(try foundationJSON(Sample(from: &random)).utf8)
            for _ in 0...random.number(below: 3) { mutate(&bytes, &random) }
            let ours = Result { try Sample.serde.value(bytes) }
            let theirs = Result { try JSONDecoder().decode(Sample.self, from: Data(bytes)) }
            switch (ours, theirs) {
            case (.success(let one), .success(let other)):
                accepted += 1
                #expect(one == other, "round \(round): \(String(decoding: bytes, as: UTF8.self))")
            case (.failure(let error), .failure):
                refused += 1
                #expect(error is SerdeError)
            case (.failure(let error), .success):
                if String(decoding: bytes, as: UTF8.self).contains(/,\s*[\]}]/) { continue }
                let strict = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
                #expect(strict == nil, "round \(round): \(error): \(String(decoding: bytes, as: UTF8.self))")
            case (.success, .failure(let error)):
                Issue.record(
                    "round \(round): only Foundation rejects: \(error): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(accepted > 200 && refused > 200)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout Seeded) {
        let place = random.number(below: bytes.count)
        let pieces = [
            "\"", "\\", ",", ":", "{", "}", "[", "]", "0", "1", "-", ".", "e", "E5", " ", "\n", "null", "true",
            "\\u00e4",
            "\\ud83c\\udfbb", "\\ud83c", "\u{1}", "ü", "1e400", "123456789012345678901234567890", "1.0", "\"a\":1,",
        ]
        switch random.number(below: 5) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: place)
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + random.number(below: 20)))
        default: bytes.insert(contentsOf: random.pick(pieces).utf8, at: place)
        }
        if bytes.isEmpty { bytes = [0x20] }
    }

    /// Foundation rounds ("1.00000000000000011102230246251565" and "1e-400" are integers there); the serde rejects
    /// them.
    @Test func `integers are exact`() throws {
        #expect(throws: SerdeError.self) { try Serde<Int>.json.value("1.00000000000000011102230246251565") }
        #expect(throws: SerdeError.self) { try Serde<Int>.json.value("1e-400") }
        #expect(try Serde<Int>.json.value("900719925474099300000000e-8") == 9_007_199_254_740_993)
        #expect(try Serde<UInt128>.json.value("340282366920938463463374607431768211455") == .max)
        #expect(throws: SerdeError.self) { try Serde<UInt128>.json.value("340282366920938463463374607431768211456") }
        #expect(throws: SerdeError.self) { try Serde<Int>.json.value("1e999999999999") }
        #expect(try Serde<Int>.json.value("0e999999999") == 0)
    }

    @Test(arguments: ["[1,]", "{\"a\":1,}"])
    func `a trailing comma is rejected, unlike by Foundation`(text: String) {
        #expect(throws: SerdeError.self) { try Serde<[Int]>.json.value(text) }
        #expect(throws: SerdeError.self) { try Serde<[String: Int]>.json.value(text) }
    }

    static let numbers = [
        "0", "-0", "-0.0", "1.0", "1e2", "1E+2", "100e-2", "1.5", "1e-1", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "127", "128",
        "-129", "255", "256", "1e18", "1e19", "1e400", "-1e400", "123456789012345678", "0.1", "5e-324",
        "1.7976931348623157e308", "1.7976931348623159e308", "3.4028235e38", "3.5e38", "0.30000000000000004",
        "9007199254740993", "00", "01", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+",
        "0x10", "NaN", "Infinity", "-Infinity", "1 2", "--1", "null", "true", "\"1\"", "2.2250738585072011e-308",
    ]

    @Test(arguments: numbers)
    func `numbers are read as by Foundation`(text: String) {
        compare(Int.self, text)
        compare(Int8.self, text)
        compare(Int64.self, text)
        compare(UInt8.self, text)
        compare(UInt64.self, text)
        compare(Double.self, text)
        compare(Float.self, text)
        compare(Decimal.self, text)
        compare(Bool.self, text)
        compare(String.self, text)
        compare(Int?.self, text)
        compare([Int].self, "[\(text)]")
    }

    static let strings = [
        #""""#, #""\"\\\/\b\f\n\r\t""#, #""\u0041\u00fc\u6f22""#, #""\ud83c\udfbb""#, #""\uD83C\uDFBB""#, #""\ud83c""#,
        #""\ud83c\u0041""#, #""\udfbb""#, #""\ud83cx""#, #""\u00""#, #""\u00g0""#, #""\x""#, #""\"#, #"""#, "\"\u{1}\"",
        "\"\n\"", "\"\u{7f}\"", #""\u0000""#, "\"ü漢🎻\"", #"'a'"#, #""a" "b""#,
        "\"long enough for several words, then ü\"",
    ]

    @Test(arguments: strings)
    func `strings are read as by Foundation`(text: String) {
        compare(String.self, text)
        compare([String: Int].self, "{\(text):1}")
    }

    static let documents = [
        "", " ", "{", "}", "[", "]", "{}", "[]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{1:1}",
        "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"b\":1,\"a\":2,\"b\":3}", "{\"\\u0061\":1,\"a\":2}", "{\"a\":1}x",
        " \t\r\n{\"a\" : 1 } ", "\u{feff}{\"a\":1}", "{\"a\":null}", "/* */{}", "{}//", "{\"\":1}", "tru", "nulll",
        "{\"a\":1}\0",
    ]

    @Test(arguments: documents)
    func `documents are read as by Foundation`(text: String) {
        compare([String: Int].self, text)
        compare([String: Int?].self, text)
        compare([Int].self, text)
        compare(Int?.self, text)
    }

    private func compare<Value: Codable & Equatable & SendableMetatype>(_ type: Value.Type, _ text: String) {
        let ours = Result { try Serde<Value>.json.value(text) }
        let theirs = Result { try JSONDecoder().decode(type, from: Data(text.utf8)) }
        #expect((try? ours.get()) == (try? theirs.get()), "\(type): \(ours) for \(text)")
    }

    @Test func `documents can be nested as deep as in Foundation`() {
        for depth in [1, 511, 512, 513, 100_000] {
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let theirs = (try? JSONDecoder().decode([Anything].self, from: Data(text.utf8))) != nil
            let ours = (try? Serde<[Anything]>.json.value(text)) != nil
            #expect(ours == theirs)
            #expect(ours == (depth <= 512))
        }
    }

    /// Accepts any value and decodes nothing.
    struct Anything: Codable {
        init(from decoder: any Decoder) {}
        func encode(to encoder: any Encoder) {}
    }
}
