public import MoldauRecords

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A `Codable` type that is written to topics and stores as JSON.
///
/// ```swift
/// struct Order: JSONStreamCodable { var id: String; var amount: Int }
/// let orders = Topic<String, Order>("orders")
/// ```
/// Keys of objects are written in sorted order, so that equal values have equal bytes. Bytes that do not fit the type throw
/// `SerdeError.malformed`. Costs some microseconds a record; a serde of one's own is the way where that is too much.
public protocol JSONStreamCodable: StreamCodable, Codable {}

extension JSONStreamCodable {
    public static var serde: Serde<Self> {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let decoder = JSONDecoder()
        return Serde(
            encode: { value, writer in
                try encoder.encode(value).withUnsafeBytes { writer.append(contentsOf: $0) }
            },
            decode: { bytes in
                let data = bytes.withUnsafeBytes { Data($0) }
                do {
                    return try decoder.decode(Self.self, from: data)
                } catch {
                    throw SerdeError.malformed(type: "\(Self.self)", reason: "\(error)")
                }
            })
    }
}
