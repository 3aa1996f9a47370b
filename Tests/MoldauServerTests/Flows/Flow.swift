import Foundation
import Testing

/// A conversation between a client and a real broker: see the README beside the recordings.
struct Flow {
    struct Frame {
        enum Direction: String { case request = "req", response = "resp", close }

        let number: Int
        let connection: Int
        let direction: Direction
        let api: Int16
        let version: Int16
        let correlation: Int32
        let timeMs: Int
        let header: [UInt8]
        let body: [UInt8]
    }

    let name: String
    let frames: [Frame]

    init(_ file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        frames = try lines.compactMap { line in
            guard let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                let direction = (fields["dir"] as? String).flatMap(Frame.Direction.init)
            else { return nil }
            func number(_ name: String) -> Int { fields[name] as? Int ?? 0 }
            return Frame(
                number: number("n"), connection: number("conn"), direction: direction,
                api: Int16(truncatingIfNeeded: number("api")), version: Int16(truncatingIfNeeded: number("version")),
                correlation: Int32(truncatingIfNeeded: number("corr")), timeMs: number("t"),
                header: bytes(fields["header"]), body: bytes(fields["body"]))
        }
    }

    /// The recordings in a folder: that of `FLOWS`, or the project's.
    static func all() throws -> [Flow] {
        let folder: URL
        if let path = ProcessInfo.processInfo.environment["FLOWS"] {
            folder = URL(filePath: path)
        } else {
            folder = try #require(Bundle.module.url(forResource: "flows", withExtension: nil))
        }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }.map(Flow.init)
    }
}

private func bytes(_ hex: Any?) -> [UInt8] {
    let digits = Array((hex as? String ?? "").utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
    }
}
