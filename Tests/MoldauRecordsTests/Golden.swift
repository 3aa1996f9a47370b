import Foundation
import Testing

/// Test vectors of bytes, printed by Kafka's own classes.
enum Golden {
    nonisolated(unsafe) static let groups: [String: [[String: Any]]] = {  // Unsafe: never changed.
        let url = Bundle.module.url(forResource: "golden-bytes", withExtension: "json")!
        let root = try! JSONSerialization.jsonObject(with: Data(contentsOf: url)) as! [String: Any]
        return (root["groups"] as! [String: [String: Any]]).mapValues { $0["vectors"] as! [[String: Any]] }
    }()

    /// Batches that clients have sent to a Kafka broker: of each client, one for each codec.
    static let clientBatches: [ClientBatch] = {
        let url = Bundle.module.url(forResource: "client-batches", withExtension: "json")!
        return try! JSONDecoder().decode([ClientBatch].self, from: Data(contentsOf: url))
    }()

    struct ClientBatch: Decodable, CustomTestStringConvertible {
        let client: String
        let compression: String
        let count: Int
        let hex: String

        var testDescription: String { "\(client), \(compression)" }
    }

    /// The batch with that `compression` or `form`.
    static func batch(_ name: String) -> [UInt8] {
        let found = groups["record_batch_v2"]!.first { vector in
            vector["compression"] as? String == name || (vector["form"] as? String)?.hasPrefix(name) == true
        }
        return bytes(found!["hex"] as! String)
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).map { index in
            UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16)!
        }
    }

    /// - Returns: each vector's number in the field `name`, with its bytes.
    static func numbers(_ group: String, _ name: String) -> [(Int64, [UInt8])] {
        groups[group]!.compactMap { vector in
            (vector[name] as? NSNumber).map { ($0.int64Value, bytes(vector["hex"] as! String)) }
        }
    }
}
