import Foundation
import MoldauRecords
import Testing

@testable import MoldauWire

/// Conversations of real clients with a real broker: each frame is read, and written to the same bytes.
///
/// A file has a JSON object a line: first what was run, then frames (api, version, direction, and in hexadecimal header
/// and body). `FLOWS=FOLDER` reads another folder.
struct RecordedFrames {
    @Test func `frames of real clients and brokers are read and written to the same bytes`() throws {
        let path = ProcessInfo.processInfo.environment["FLOWS"]
        let folder = path.map { URL(filePath: $0) } ?? Bundle.module.url(forResource: "Flows", withExtension: nil)!
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        var (passed, odd) = (0, [String]())
        for file in files.sorted(by: { $0.path < $1.path }) where file.pathExtension == "json" {
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let frame = try JSONSerialization.jsonObject(with: Data(line.utf8)) as! [String: Any]
                guard frame["meta"] == nil, frame["dir"] as! String != "close" else { continue }
                let title = "\(file.lastPathComponent) frame \(frame["n"]!)"
                do {
                    if let reason = try check(frame, title) { odd.append("\(title): \(reason)") }
                    passed += 1
                } catch {
                    odd.append("\(title): \(error)")
                }
            }
        }
        print("recorded frames: \(passed) passed, of them odd: \(odd)")
        #expect(passed > 0)
        // One recording has invalid requests on purpose, and librdkafka sends three surplus bytes.
        #expect(
            odd.allSatisfy { $0.contains("raw-protocol-errors") || $0.hasSuffix("Metadata 12 has 3 bytes too many") })
    }

    /// - Returns: what is odd about the frame: it is not of an API and version that is served, or is too long.
    private func check(_ frame: [String: Any], _ title: String) throws -> String? {
        let isRequest = frame["dir"] as! String == "req"
        var version = Int16(frame["version"] as! Int)
        let header = [UInt8](hexadecimal: frame["header"] as! String)
        let body = [UInt8](hexadecimal: frame["body"] as! String)
        guard let api = ApiKey(rawValue: Int16(frame["api"] as! Int)) else { return "API \(frame["api"]!)" }
        // A version of ApiVersions that a broker does not know is answered in version 0.
        if api == .apiVersions, !isRequest, !api.versions.contains(version) { version = 0 }
        guard api.versions.contains(version) else { return "\(api) \(version)" }
        let whole = WireBytes(copying: header + body)
        var rest = WireBytes()
        var writer = ByteWriter()
        if isRequest {
            let read = try RequestHeader(of: whole, body: &rest)
            #expect(read.api == api && read.version == version, "\(title)")
            #expect(read.correlationID == Int32(frame["corr"] as! Int), "\(title)")
            #expect(read.clientID == frame["client"] as? String, "\(title)")
            try read.encode(into: &writer)
        } else {
            let read = try ResponseHeader(of: whole, api, version: version, body: &rest)
            #expect(read.correlationID == Int32(frame["corr"] as! Int), "\(title)")
            read.encode(into: &writer, api, version: version)
        }
        #expect(Array(writer.bytes) == header, "\(title)")
        #expect(Array(rest.bytes) == body, "\(title)")
        func encodedAgain(_ type: (some WireMessage).Type) throws -> [UInt8] {
            try type.init(decoding: rest, version: version).encoded(version: version)
        }
        let again = try encodedAgain(api.message(isRequest: isRequest))
        #expect(again == Array(body.prefix(again.count)), "\(title)")
        let surplus = body.count - again.count
        return surplus == 0 ? nil : "\(api.name) \(version) has \(surplus) bytes too many"
    }
}
