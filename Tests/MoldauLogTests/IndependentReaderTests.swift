import Foundation
import MoldauLog
import MoldauRecords
import ProgramSupport
import Testing

/// What `Tests/Tools/read_segment.py` prints of a record.
private struct PrintedRecord: Decodable, Equatable {
    var batch: Int64
    var offset: Int64
    var timestamp: Int64
    var key: String?
    var value: String?
    var headers: [[String?]]
}

private func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

private func runReader(_ segment: String) throws -> [PrintedRecord] {
    let tool = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Tools/read_segment.py").path
    let outcome = try BuiltProgram(path: "/usr/bin/env").run(["python3", tool, segment])
    try #require(outcome.status == 0, "python3 is needed, and read the segment so: \(outcome.errors)")
    return try outcome.output.split(separator: "\n").map {
        try JSONDecoder().decode(PrintedRecord.self, from: Data($0.utf8))
    }
}

struct IndependentReaderTests {
    @Test func `an independently written reader reads the same records`() throws {
        let directory = try TemporaryDirectory()
        var log = try openLog(PosixFileSystem(), directory: "\(directory.path)/p-0")
        var expected: [PrintedRecord] = []
        for batch in 0..<5 {
            var builder = RecordBatchBuilder()
            let base = log.endOffset.value
            for index in 0...(batch * 40) {
                let key: [UInt8]? = index % 3 == 0 ? nil : Array("key \(index)".utf8)
                let value: [UInt8]? = index % 5 == 4 ? nil : Array(repeating: UInt8(index & 0xff), count: index * 3)
                let headers: Headers = index % 4 == 1 ? [Header("trace", "id-\(index)"), Header("naïve", nil)] : []
                let time = 1_000_000 + Int64(batch * 1_000) - Int64(index * index)
                (key ?? []).withUnsafeBytes { keyBytes in
                    (value ?? []).withUnsafeBytes { valueBytes in
                        builder.append(
                            key: key == nil ? nil : keyBytes, value: value == nil ? nil : valueBytes,
                            timestamp: Timestamp(ms: time), headers: headers)
                    }
                }
                expected.append(
                    PrintedRecord(
                        batch: base, offset: base + Int64(index), timestamp: time, key: key.map(hex),
                        value: value.map(hex),
                        headers: headers.map { [$0.name, $0.value.map(hex)] }))
            }
            _ = try log.append(builder.finish(), now: .none)
        }
        #expect(try runReader("\(directory.path)/p-0/00000000000000000000.log") == expected)
    }
}
