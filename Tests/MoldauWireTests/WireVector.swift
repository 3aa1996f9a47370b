import Foundation
import MoldauRecords
import MoldauWire

/// A body that Kafka's own classes wrote, with its fields.
struct WireVector {
    let api: String
    let key: Int16
    let isRequest: Bool
    let version: Int16
    let headerVersion: Int16
    let fields: [String: Any]
    let bytes: [UInt8]

    var title: String { "\(api) \(isRequest ? "request" : "response") \(version)" }

    /// The vectors of a file.
    static func load(_ url: URL) throws -> [WireVector] {
        let root = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as! [String: Any]
        return (root["vectors"] as! [[String: Any]]).map { vector in
            WireVector(
                api: vector["api"] as! String, key: Int16(vector["key"] as! Int),
                isRequest: vector["dir"] as! String == "request", version: Int16(vector["version"] as! Int),
                headerVersion: Int16(vector["headerVersion"] as! Int),
                fields: vector["fields"] as! [String: Any], bytes: [UInt8](hexadecimal: vector["hex"] as! String))
        }
    }
}

extension [UInt8] {
    init(hexadecimal text: String) {
        let digits = Array<UInt8>(text.utf8)
        self = stride(from: 0, to: digits.count, by: 2).map { place in
            digits[place].hexadecimalDigit! << 4 | digits[place + 1].hexadecimalDigit!
        }
    }
}

extension WireMessage {
    static func decode(_ bytes: [UInt8], version: Int16) throws -> Self {
        try Self(decoding: WireBytes(copying: bytes), version: version)
    }

    func encoded(version: Int16) throws -> [UInt8] {
        var writer = ByteWriter()
        let gaps = try encode(into: &writer, version: version)
        precondition(gaps.isEmpty)
        return Array(writer.bytes)
    }
}
