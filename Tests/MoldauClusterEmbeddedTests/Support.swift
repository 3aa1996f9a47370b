import Foundation
import MoldauCluster
import MoldauRecords

/// A directory for one test, removed with the last reference.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("moldau-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A batch of text values with null keys, 1 ms apart from `time` on.
func withBatch(_ values: [String], at time: Int64 = 0, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    var builder = RecordBatchBuilder()
    for (index, value) in values.enumerated() {
        Array(value.utf8).withUnsafeBytes {
            builder.append(key: nil, value: $0, timestamp: Timestamp(ms: time + Int64(index)))
        }
    }
    try body(builder.finish())
}

extension Producer {
    func send(_ values: [String], to partition: TopicPartition, at time: Int64 = 0) throws {
        try withBatch(values, at: time) { try send($0, to: partition) }
    }
}

extension FetchedBatches {
    func values() throws -> [String] {
        var reader = RecordBatchReader(bytes.bytes, from: firstOffset)
        var values: [String] = []
        while let record = try reader.next() {
            values.append(record.value.map { String(decoding: $0, as: UTF8.self) } ?? "null")
        }
        return values
    }
}
