public import MoldauRecords

/// A `Codable` type that is written to topics and stores as JSON.
///
/// ```swift
/// struct Order: JSONStreamCodable { var id: String; var amount: Int }
/// let orders = Topic<String, Order>("orders")
/// ```
/// Values are encoded as by Foundation's `JSONEncoder`: `Date` as seconds since 2001, `Data` as Base64, nil left out.
/// An object's keys are written in the order of their bytes, so that equal values have equal bytes.
///
/// Decoding is strict: the whole document must be well-formed UTF-8 and JSON by RFC 8259, nested at most 512 deep.
/// Unknown keys are ignored; if a key occurs twice, the first counts. Bytes that do not fit the type throw
/// `SerdeError.malformed`, which names the place in the document.
public protocol JSONStreamCodable: StreamCodable, Codable {}

extension JSONStreamCodable {
    /// The serde that writes the type as JSON.
    public static var serde: Serde<Self> { .json }
}

extension Serde where Value: Codable & SendableMetatype {
    /// Encodes any `Codable` type as JSON, in the same way as `JSONStreamCodable`. For types that you do not own:
    /// `Topic("points", key: String.serde, value: Serde<[Point]>.json)`.
    public static var json: Serde<Value> {
        let (documents, outlines) = (ReusePool<JSONDocument>(), ReusePool<JSONOutline>())
        return Serde(
            encode: { value, writer in try encodeJSON(value, to: &writer, outlines) },
            decode: { bytes in try bytes.withUnsafeBytes { try decodeJSON(Value.self, from: $0, documents) } },
            format: "json")
    }
}

private func decodeJSON<Value: Decodable>(
    _ type: Value.Type, from bytes: UnsafeRawBufferPointer, _ pool: ReusePool<JSONDocument>
) throws -> Value {
    var document = pool.take() ?? JSONDocument()
    defer {
        // If the value has kept a decoder, that continues with a copy of the text.
        if isKnownUniquelyReferenced(&document) {
            document.close()
            if document.isWorthKeeping { pool.keep(document) }
        } else {
            document.detach()
        }
    }
    do {
        try document.open(bytes)
        return try JSONValueDecoder(document: document, index: 0).value(type)
    } catch {
        throw SerdeError.malformed(type: "\(type)", reason: reason(error))
    }
}

private func encodeJSON<Value: Encodable>(
    _ value: Value, to writer: inout ByteWriter, _ pool: ReusePool<JSONOutline>
) throws {
    var outline = pool.take() ?? JSONOutline()
    defer {
        if isKnownUniquelyReferenced(&outline), outline.isWorthKeeping { pool.keep(outline) }
    }
    outline.open()
    do {
        try JSONValueEncoder(outline: outline, node: 0).value(value)
    } catch {
        throw SerdeError.malformed(type: "\(Value.self)", reason: reason(error))
    }
    guard outline[0].kind != .empty, outline[0].kind != .removed else {
        throw SerdeError.malformed(type: "\(Value.self)", reason: "its encode(to:) encoded nothing")
    }
    outline.write(0, to: &writer)
}

/// What went wrong and where, on one line.
private func reason(_ error: any Error) -> String {
    switch error {
    case let fault as JSONFault: "\(fault.reason) (byte \(fault.offset))"
    case DecodingError.keyNotFound(let key, let context): place(context.codingPath + [key], context.debugDescription)
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
        DecodingError.dataCorrupted(let context):
        place(context.codingPath, context.debugDescription)
    case EncodingError.invalidValue(_, let context): place(context.codingPath, context.debugDescription)
    default: "\(error)"
    }
}

private func place(_ path: [any CodingKey], _ description: String) -> String {
    let names = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
    return names.isEmpty ? description : "\(names.hasPrefix(".") ? String(names.dropFirst()) : names): \(description)"
}
