import Foundation
import MoldauRecords
import MoldauRuntime

/// A key as people type it: text, JSON, or bytes in hexadecimal digits.
struct KeyText: Sendable, Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    /// The key's bytes in a store or topic.
    ///
    /// If keys are text, the text is the key. Numbers, flags and UUIDs are read as Swift writes them, other `Decodable`
    /// types from JSON. `{"hex": "…"}` gives the bytes of a key of any type other than text.
    /// - Throws: `QueryError.unreadableKey`; errors of the serde.
    func bytes<Key>(by serde: Serde<Key>, store: String) throws -> [UInt8] {
        if Key.self == [UInt8].self || Key.self == Data.self { return hexadecimal ?? Array(text.utf8) }
        if Key.self != String.self, let bytes = hexadecimal {
            // Bytes that the serde cannot read are not a key.
            _ = try serde.value(of: bytes)
            return bytes
        }
        guard let key: Key = parsed() else { throw QueryError.unreadableKey(text, store: store, type: "\(Key.self)") }
        return try serde.bytes(of: key)
    }

    /// The beginning of a key's bytes: those of the text, or `{"hex": "…"}`.
    var prefix: [UInt8] { hexadecimal ?? Array(text.utf8) }

    private var hexadecimal: [UInt8]? {
        guard text.hasPrefix("{") else { return nil }
        return (decoded() as [String: String]?)?["hex"].flatMap { [UInt8](hexadecimal: $0) }
    }

    private func parsed<Key>() -> Key? {
        if Key.self == UUID.self { return UUID(uuidString: text) as? Key }
        if let type = Key.self as? any LosslessStringConvertible.Type { return type.init(text) as? Key }
        guard let type = Key.self as? any Decodable.Type else { return nil }
        return decoded(type) as? Key
    }

    private func decoded<Value: Decodable>(_ type: Value.Type = Value.self) -> Value? {
        if let value = try? JSONDecoder().decode(type, from: Data(text.utf8)) { return value }
        // Text without quotation marks, for types that are encoded as text.
        return try? JSONDecoder().decode(type, from: Data(JSONValue.string(text).text.utf8))
    }
}
