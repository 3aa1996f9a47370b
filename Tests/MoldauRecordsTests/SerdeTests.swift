import Foundation
import MoldauRecords
import Testing

/// A type with its own serde, as in the documentation.
struct Celsius: StreamCodable, Equatable {
    var degrees: Double
    static let serde = Serde<Celsius>(
        encode: { value, writer in try Double.serde.encode(value.degrees, &writer) },
        decode: { bytes in Celsius(degrees: try Double.serde.decode(bytes)) })
}

extension Serde {
    func bytes(_ value: Value) throws -> [UInt8] {
        var writer = ByteWriter()
        try encode(value, &writer)
        return Array(writer.bytes)
    }

    func value(_ bytes: [UInt8]) throws -> Value { try decode(bytes.span.bytes) }
}

struct SerdeTests {
    @Test func `a null where none is expected is an error`() {
        #expect(throws: SerdeError.nullNotExpected(type: "String")) { try String.serde.decodeNull() }
        #expect(throws: Never.self) { try String?.serde.decodeNull() }
    }

    @Test func `a custom serde consists of two closures`() throws {
        let topic = Topic<String, Celsius?>("temperatures")
        #expect(try topic.value.bytes(Celsius(degrees: 1.5)) == [0x3f, 0xf8, 0, 0, 0, 0, 0, 0])
        #expect(try topic.value.value([0x3f, 0xf8, 0, 0, 0, 0, 0, 0]) == Celsius(degrees: 1.5))
        #expect(throws: SerdeError.wrongLength(type: "UInt64", expected: 8, got: 1)) { try topic.value.value([1]) }
    }

    @Test func `integers are encoded in their own size, big-endian`() throws {
        try checkNumber(Int8.self)
        try checkNumber(Int16.self)
        try checkNumber(Int32.self)
        try checkNumber(Int64.self)
        try checkNumber(Int.self)
        try checkNumber(UInt8.self)
        try checkNumber(UInt16.self)
        try checkNumber(UInt32.self)
        try checkNumber(UInt64.self)
        try checkNumber(UInt.self)
    }

    private func checkNumber<Number: FixedWidthInteger & StreamCodable>(_ type: Number.Type) throws {
        for number in [Number.min, .max, 0, 1, Number.max / 3] {
            let expected = (0..<Number.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
            #expect(try Number.serde.bytes(number) == expected)
            #expect(try Number.serde.value(expected) == number)
            #expect(throws: SerdeError.self) { try Number.serde.value(expected + [0]) }
            #expect(throws: SerdeError.self) { try Number.serde.value(Array(expected.dropFirst())) }
        }
    }

    @Test(arguments: [0, -0.0, 1.5, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude])
    func `floating-point numbers survive encoding`(number: Double) throws {
        #expect(try Double.serde.value(Double.serde.bytes(number)).bitPattern == number.bitPattern)
        let float = Float(number)
        #expect(try Float.serde.value(Float.serde.bytes(float)).bitPattern == float.bitPattern)
    }

    @Test func `bytes and Data are encoded as they are`() throws {
        for bytes: [UInt8] in [[], [0], [1, 2, 255]] {
            #expect(try [UInt8].serde.bytes(bytes) == bytes)
            #expect(try [UInt8].serde.value(bytes) == bytes)
            #expect(try Data.serde.bytes(Data(bytes)) == bytes)
            #expect(try Data.serde.value(bytes) == Data(bytes))
        }
    }

    @Test func `UUIDs are written in lower case and read in both`() throws {
        let uuid = UUID(uuidString: "01234567-89AB-CDEF-0F1E-2D3C4B5A6978")!
        let text = "01234567-89ab-cdef-0f1e-2d3c4b5a6978"
        #expect(try UUID.serde.bytes(uuid) == Array(text.utf8))
        #expect(try UUID.serde.value(Array(text.utf8)) == uuid)
        #expect(try UUID.serde.value(Array(text.uppercased().utf8)) == uuid)
        for place in 0..<36 {
            var broken = Array(text.utf8)
            broken[place] = place.isMultiple(of: 2) ? 0xff : UInt8(ascii: "g")
            #expect(throws: SerdeError.self) { try UUID.serde.value(broken) }
        }
    }

    @Test func `Void is always null and rejects bytes`() throws {
        #expect(Serde.void.isNull(()))
        #expect(throws: Never.self) { try Serde.void.decodeNull() }
        #expect(throws: SerdeError.wrongLength(type: "Void", expected: 0, got: 1)) { try Serde.void.value([0]) }
    }

    @Test func `lists of non-optional elements have the bytes of optional ones, and reject a null`() throws {
        let (plain, nullable) = (Serde<[Int64]>.list(of: Int64.serde), Serde<[Int64?]>.list(of: Int64.serde))
        #expect(try plain.bytes([1, -2]) == nullable.bytes([1, -2]))
        #expect(try plain.value(plain.bytes([1, -2])) == [1, -2])
        #expect(throws: SerdeError.nullNotExpected(type: "Int64")) { try plain.value(nullable.bytes([1, nil])) }
    }

    @Test func `lists of lists nest`() throws {
        let serde = Serde<[[String]]>.list(of: .list(of: String.serde))
        let lists = [["a", "b"], [], ["", "cd"]]
        #expect(try serde.value(serde.bytes(lists)) == lists)
    }

    @Test func `invalid counts in a list are rejected`() {
        let huge: [UInt8] = [0x7f, 0xff, 0xff, 0xff]
        let nothing: [UInt8] = [0, 0, 0, 0]
        for bytes in [[1] + huge, [0] + huge, [0] + nothing + huge, [1, 0xff, 0xff, 0xff, 0xff], [2] + nothing] {
            #expect(throws: SerdeError.self) { try Serde<[String]>.list(of: String.serde).value(bytes) }
            #expect(throws: SerdeError.self) { try Serde<[Int64]>.list(of: Int64.serde).value(bytes) }
        }
    }

    /// Short text is built and read as the two words of a `String`.
    @Test(arguments: 0...40) func `text of each length equals the standard library's`(length: Int) throws {
        for letters in ["abcdefghijklmnopqrstuvwxyz\u{0}0123456789 !?", "äöü→\u{301}é😀ßabcdefgh"] {
            let text = String(decoding: Array((letters + letters).utf8.prefix(length)), as: UTF8.self)
            let bytes = Array(text.utf8)
            #expect(try String.serde.bytes(of: text) == bytes)
            let made = try String.serde.value(of: bytes)
            #expect(made == text)
            #expect(made.hashValue == text.hashValue)
            #expect(Array(made.unicodeScalars) == Array(text.unicodeScalars))
            #expect(made + "." == text + ".")
            #expect(made.utf8.count == bytes.count)
            // Short text is bit for bit in the standard library's own form.
            if length < 16, bytes.allSatisfy({ $0 < 0x80 }) {
                #expect(
                    unsafeBitCast(made, to: (UInt64, UInt64).self) == unsafeBitCast(text, to: (UInt64, UInt64).self))
            }
        }
        for bytes in [[0xff], [0x61, 0xc3], Array(repeating: 0x61, count: length) + [0x80]] as [[UInt8]] {
            #expect(throws: SerdeError.invalidUTF8) { try String.serde.value(of: bytes) }
        }
    }

    @Test func `literals and substrings are written completely`() throws {
        let part = "a text that is longer than fifteen bytes".dropFirst(2).prefix(4)
        #expect(try String.serde.bytes(of: String(part)) == Array("text".utf8))
        #expect(
            try String.serde.bytes(of: "a literal, which lies in the program")
                == Array("a literal, which lies in the program".utf8))
        #expect(try String.serde.bytes(of: "") == [])
    }
}
