import MoldauLog
import MoldauRecords

private let path = "p/00000000000000000000.log"

typealias MemoryLog = PartitionLog<MemoryFileSystem>

func openLog(_ files: MemoryFileSystem, wasClean: Bool, durableEnd: Int64 = 0) throws(LogError) -> MemoryLog {
    try MemoryLog(
        files, directory: "p",
        configuration: try LogConfiguration(["segment.bytes": "4096", "index.interval.bytes": "64"]),
        wasClean: wasClean, durableEnd: Offset(durableEnd))
}

extension MemoryLog {
    /// The bytes that readers get, from the first to the last; unreadable parts count as nothing.
    mutating func readAll(onlyCommitted: Bool) throws(LogError) -> [UInt8] {
        var (all, position, cursor): ([UInt8], Offset, LogCursor?) = ([], startOffset, nil)
        while let read = try planRead(from: position, maxBytes: 512, after: cursor, onlyCommitted: onlyCommitted)?
            .read()
        {
            let bytes = read.committed
            all += bytes.bytes
            // A read that does not advance would repeat endlessly.
            guard read.next.offset > position else { fatalError("a read of \(position) does not advance") }
            (position, cursor) = (read.next.offset, read.next)
        }
        return all
    }
}

/// Opens a log whose last segment is the input, as after a crash: opening it again changes nothing more, and appends
/// work.
func fuzzSegment(_ input: [UInt8]) throws {
    var input = FuzzInput(input)
    if input.has(0) { input.bytes.repairBatches() }
    let files = try files([path: input.bytes], in: ["p"])
    let durableEnd: Int64 = input.has(1) ? 2 : 0
    guard var log = try? openLog(files, wasClean: input.has(2), durableEnd: durableEnd) else { return }
    let end = log.endOffset
    let kept = try files.contents(of: path) ?? []
    try expect(input.bytes.starts(with: kept), "a recovered log is a prefix of the old one")
    for onlyCommitted in [false, true] { _ = try? log.readAll(onlyCommitted: onlyCommitted) }
    _ = try? log.offset(atOrAfter: Timestamp(ms: 1))
    if input.has(2) { return }

    log = try openLog(files, wasClean: false, durableEnd: durableEnd)
    try expect(log.endOffset == end, "recovering twice leads to the same end")
    try expect(files.contents(of: path) == kept, "recovering twice leads to the same bytes")
    let bytes = batch([(Array("key".utf8), Array("value".utf8))])
    let appended = try? bytes.withUnsafeBytes { try log.append($0, now: Timestamp(ms: 2)) }
    if let appended { try expect(appended.first == end, "records follow the last one") }
    try log.close()
    log = try openLog(files, wasClean: true)
    try expect(log.endOffset == appended?.end ?? end, "a closed log is opened as it was")
    _ = try? log.readAll(onlyCommitted: true)
}
