#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The bytes themselves.
extension Data: StreamCodable {
    public static var serde: Serde<Data> {
        Serde(
            encode: { data, writer in data.withUnsafeBytes { writer.append(contentsOf: $0) } },
            decode: { bytes in bytes.withUnsafeBytes { Data($0) } })
    }
}

/// As its text in lower case, 36 bytes: Kafka's UUID serde.
extension UUID: StreamCodable {
    public static var serde: Serde<UUID> {
        Serde(
            encode: { uuid, writer in writer.append(utf8: uuid.uuidString.lowercased()) },
            decode: { bytes in
                let text = try String.serde.decode(bytes)
                guard let uuid = UUID(uuidString: text) else {
                    throw SerdeError.malformed(type: "UUID", reason: "'\(text.prefix(40))' is none")
                }
                return uuid
            },
            fixedSize: 36)
    }
}
