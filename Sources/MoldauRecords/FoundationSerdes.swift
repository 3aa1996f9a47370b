#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Written as it is.
extension Data: StreamCodable {
    /// The bytes as they are, like Kafka's byte array serde.
    public static var serde: Serde<Data> {
        Serde(
            encode: { data, writer in data.withUnsafeBytes { writer.append(contentsOf: $0) } },
            decode: { bytes in bytes.withUnsafeBytes { Data($0) } }, format: "bytes")
    }
}

/// Written as 36 bytes of lower-case text, like Kafka's UUID serde. Upper case can be read too.
extension UUID: StreamCodable {
    /// 36 bytes of text, like Kafka's UUID serde.
    public static var serde: Serde<UUID> {
        Serde(
            encode: { uuid, writer in
                withUnsafeBytes(of: uuid.uuid) { bytes in
                    for (index, byte) in bytes.enumerated() {
                        if hasDash(before: index) { writer.append(byte: UInt8(ascii: "-")) }
                        writer.append(hexadecimal: byte)
                    }
                }
            },
            decode: { bytes in
                try bytes.withUnsafeBytes { text in
                    guard let uuid = UUID(text: text) else {
                        let shown = String(decoding: text.prefix(40), as: UTF8.self)
                        throw SerdeError.malformed(type: "UUID", reason: "'\(shown)' is not a UUID")
                    }
                    return uuid
                }
            },
            fixedSize: 36, format: "uuid")
    }

    /// Parses the 36 characters of a UUID's text.
    private init?(text: UnsafeRawBufferPointer) {
        guard text.count == 36 else { return nil }
        var uuid: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isWhole = withUnsafeMutableBytes(of: &uuid) { bytes in
            var place = 0
            for index in bytes.indices {
                if hasDash(before: index) {
                    guard text[place] == UInt8(ascii: "-") else { return false }
                    place += 1
                }
                guard let high = text[place].hexadecimalDigit, let low = text[place + 1].hexadecimalDigit else {
                    return false
                }
                bytes[index] = high << 4 | low
                place += 2
            }
            return true
        }
        guard isWhole else { return nil }
        self.init(uuid: uuid)
    }
}

/// Whether a UUID's text has a dash before this byte.
private func hasDash(before index: Int) -> Bool { index == 4 || index == 6 || index == 8 || index == 10 }
