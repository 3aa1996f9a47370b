import Foundation
import MoldauLog
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

typealias MemoryLog = PartitionLog<MemoryFileSystem>

/// Opens the log `p` in these files.
func openLog<Files: FileSystem>(
    _ files: Files, _ settings: [String: String] = [:], directory: String = "p", wasClean: Bool = false,
    durableEnd: Offset = .zero
) throws -> PartitionLog<Files> {
    try PartitionLog(
        files, directory: directory, configuration: LogConfiguration(settings), wasClean: wasClean,
        durableEnd: durableEnd)
}

/// A batch of text values with null keys, all at `time`.
func batch(_ values: [String], at time: Int64 = 0, by producer: ProducerStamp = .none) -> [UInt8] {
    var builder = RecordBatchBuilder()
    builder.producer = producer
    for value in values {
        Array(value.utf8).withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: time)) }
    }
    return Array(builder.finish())
}

extension PartitionLog {
    @discardableResult
    mutating func append(
        _ values: [String], at time: Int64 = 0, now: Int64 = 0, by producer: ProducerStamp = .none
    ) throws -> Appended {
        try batch(values, at: time, by: producer).withUnsafeBytes { try append($0, now: Timestamp(ms: now)) }
    }

    /// All values from `offset` to the end, read in pieces of `maxBytes`.
    mutating func values(
        from offset: Int64 = 0, maxBytes: Int = 1 << 20, onlyCommitted: Bool = false
    ) throws -> [String] {
        var (values, position, cursor): ([String], Offset, LogCursor?) = ([], Offset(offset), nil)
        while let read = try planRead(
            from: position, maxBytes: maxBytes, after: cursor, onlyCommitted: onlyCommitted)?.read()
        {
            let bytes = read.committed
            var reader = RecordBatchReader(bytes.bytes, from: position)
            while let record = try reader.next() { values.append(String(decoding: record.value!, as: UTF8.self)) }
            (position, cursor) = (read.next.offset, read.next)
        }
        return values
    }
}
