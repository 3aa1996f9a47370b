#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Decodes one value of a document: the decoder that `init(from:)` gets.
struct JSONValueDecoder {
    let document: JSONDocument
    let index: Int

    private var entry: JSONEntry { @inline(__always) get { document[index] } }

    @inline(__always)
    var isNull: Bool { entry.kind == .null }

    @inline(__always)
    func bool() throws -> Bool {
        switch entry.kind {
        case .true: true
        case .false: false
        default: throw document.mismatch(index, Bool.self, "a Bool")
        }
    }

    @inline(__always)
    func string() throws -> String {
        guard entry.kind == .string else { throw document.mismatch(index, String.self, "a string") }
        return document.string(entry)
    }

    @inline(__always)
    private func number<Number>(
        _ type: Number.Type, _ read: (JSONNumber) -> Number?
    ) throws -> Number {
        let entry = entry
        guard entry.kind == .integer || entry.kind == .number else {
            throw document.mismatch(index, type, "\(type)")
        }
        guard let number = read(JSONNumber(text: document.text(entry), isInteger: entry.kind == .integer)) else {
            let text = String(decoding: document.text(entry).prefix(60), as: UTF8.self)
            throw DecodingError.dataCorrupted(document.context(index, "\(text) does not fit \(type)"))
        }
        return number
    }

    @inline(__always)
    func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        try number(type) { $0.integer(as: type) }
    }

    @inline(__always)
    func double() throws -> Double { try number(Double.self) { $0.double() } }

    @inline(__always)
    func float() throws -> Float { try number(Float.self) { $0.float() } }

    /// Decodes any type by its `init(from:)`; types that Foundation encodes in a special form, from that form.
    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == String.self { return unsafeBitCast(try string(), to: type) }
        // The casts cannot fail: the type was just compared.
        if type == Data.self { return try data() as! Value }
        if type == URL.self { return try url() as! Value }
        if type == Decimal.self { return try decimal() as! Value }
        return try Value(from: self)
    }

    private func data() throws -> Data {
        guard let data = Data(base64Encoded: try string()) else {
            throw DecodingError.dataCorrupted(document.context(index, "the text is not Base64"))
        }
        return data
    }

    private func url() throws -> URL {
        guard let url = URL(string: try string()) else {
            throw DecodingError.dataCorrupted(document.context(index, "the text is not a valid URL"))
        }
        return url
    }

    private func decimal() throws -> Decimal {
        try number(Decimal.self) { Decimal(string: String(decoding: $0.text, as: UTF8.self)) }
    }
}

extension JSONValueDecoder: Decoder {
    var codingPath: [any CodingKey] { document.path(to: index) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard entry.kind == .object else { throw document.mismatch(index, [String: Any].self, "an object") }
        return KeyedDecodingContainer(JSONKeyedDecoder<Key>(fields: JSONFields(document, index)))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard entry.kind == .array else { throw document.mismatch(index, [Any].self, "an array") }
        return JSONUnkeyedDecoder(document, index)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }
}

extension JSONValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { isNull }
    func decode(_ type: Bool.Type) throws -> Bool { try bool() }
    func decode(_ type: String.Type) throws -> String { try string() }
    func decode(_ type: Double.Type) throws -> Double { try double() }
    func decode(_ type: Float.Type) throws -> Float { try float() }
    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: Int128.Type) throws -> Int128 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try integer(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }
}
