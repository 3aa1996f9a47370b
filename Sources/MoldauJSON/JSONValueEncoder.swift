import MoldauRecords

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Encodes one value into its node: the encoder that `encode(to:)` gets.
struct JSONValueEncoder {
    let outline: JSONOutline
    let node: Int

    @inline(__always)
    func null() { outline.setText(node) { $0.append(word: "null") } }

    @inline(__always)
    func bool(_ flag: Bool) { outline.setText(node) { $0.append(word: flag ? "true" : "false") } }

    @inline(__always)
    func string(_ string: String) { outline.setText(node) { $0.append(quoted: string) } }

    @inline(__always)
    func integer(_ number: some FixedWidthInteger) { outline.setText(node) { $0.append(decimal: number) } }

    @inline(__always)
    func number(_ number: some BinaryFloatingPoint & CustomStringConvertible) throws {
        guard number.isFinite else {
            outline.remove(node)
            throw EncodingError.invalidValue(
                number,
                EncodingError.Context(codingPath: codingPath, debugDescription: "JSON cannot represent \(number)"))
        }
        outline.setText(node) { $0.append(shortest: number) }
    }

    /// Encodes any type by its `encode(to:)`; types that Foundation encodes in a special form, in that form. A value
    /// whose encoding throws leaves no text behind.
    func value<Value: Encodable>(_ value: Value) throws {
        // The casts cannot fail: the type was just compared.
        if Value.self == String.self { return string(value as! String) }
        if Value.self == Data.self { return string((value as! Data).base64EncodedString()) }
        if Value.self == URL.self { return string((value as! URL).absoluteString) }
        if Value.self == Decimal.self {
            return outline.setText(node) { $0.append(utf8: (value as! Decimal).description) }  // As above.
        }
        do {
            try value.encode(to: self)
        } catch {
            outline.remove(node)
            throw error
        }
    }
}

extension JSONValueEncoder: Encoder {
    var codingPath: [any CodingKey] { outline.path(to: node) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        outline.become(.object, node)
        return KeyedEncodingContainer(JSONKeyedEncoder<Key>(outline: outline, node: node))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        outline.become(.array, node)
        return JSONUnkeyedEncoder(outline: outline, node: node)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension JSONValueEncoder: SingleValueEncodingContainer {
    func encodeNil() { null() }
    func encode(_ value: Bool) { bool(value) }
    func encode(_ value: String) { string(value) }
    func encode(_ value: Double) throws { try number(value) }
    func encode(_ value: Float) throws { try number(value) }
    func encode(_ value: Int) { integer(value) }
    func encode(_ value: Int8) { integer(value) }
    func encode(_ value: Int16) { integer(value) }
    func encode(_ value: Int32) { integer(value) }
    func encode(_ value: Int64) { integer(value) }
    func encode(_ value: Int128) { integer(value) }
    func encode(_ value: UInt) { integer(value) }
    func encode(_ value: UInt8) { integer(value) }
    func encode(_ value: UInt16) { integer(value) }
    func encode(_ value: UInt32) { integer(value) }
    func encode(_ value: UInt64) { integer(value) }
    func encode(_ value: UInt128) { integer(value) }
    func encode<Value: Encodable>(_ value: Value) throws { try self.value(value) }
}
