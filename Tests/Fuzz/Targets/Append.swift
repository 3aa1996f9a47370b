import MoldauLog
import MoldauRecords

/// Appends bytes that may be batches: every reader and compaction must be able to read what a log accepts.
func fuzzAppend(_ input: [UInt8]) throws {
    var input = FuzzInput(input)
    if input.has(0) { input.bytes.repairBatches() }
    let files = try files([:], in: ["p"])
    var settings = ["segment.bytes": "300", "index.interval.bytes": "64", "min.cleanable.dirty.ratio": "0"]
    if input.has(1) { settings["cleanup.policy"] = "compact,delete" }
    if input.has(2) { settings["message.timestamp.type"] = "LogAppendTime" }
    var log = try MemoryLog(files, directory: "p", configuration: LogConfiguration(settings), wasClean: false)
    let shared = SharedBytes(copying: input.bytes)
    guard let appended = try? log.append(shared.bytes, now: Timestamp(ms: 7)) else { return }
    let bytes = try log.readAll(onlyCommitted: false)
    let all = SharedBytes(copying: bytes)
    var reader = RecordBatchReader(all.bytes)
    var count: Int64 = 0
    while let record = try reader.next() {
        _ = try record.headers()
        count += 1
    }
    try expect(count == appended.end - .zero, "accepted records are read one by one")
    _ = try log.offset(atOrAfter: Timestamp(ms: 5))
    try log.roll()
    if let plan = try log.planCompaction(now: Timestamp(ms: .max)) { try log.install(try plan.run()) }
    try log.applyRetention(now: Timestamp(ms: .max))
    try log.close()
    log = try openLog(files, wasClean: true)
    try expect(log.endOffset == appended.end, "accepted records are kept over a stop")
}

/// A segment of any bytes after a repair: no more damage is found, and readers reach its end.
func fuzzRepair(_ input: [UInt8]) throws {
    var input = FuzzInput(input)
    if input.has(0) { input.bytes.repairBatches() }
    var contents = ["p/00000000000000000000.log": input.bytes]
    if input.has(1) { contents["p/00000000000000000050.log"] = batch([([1], [2])], base: 50) }
    let files = try files(contents, in: ["p"])
    let end = Offset(input.has(1) ? 51 : input.has(2) ? 9 : 0)
    func repair() -> PartitionRepair<MemoryFileSystem> {
        PartitionRepair(
            files, directory: "p", partition: TopicPartition("p", 0), durableEnd: end, wasClean: input.has(3))
    }
    guard let damage = try repair().examine() else { return }
    if input.has(4) { try repair().truncate(damage) } else { try repair().skip(damage) }
    try expect(try repair().examine() == nil, "a repaired log has no damage")
    var log = try openLog(files, wasClean: input.has(3), durableEnd: end.value)
    try expect(log.endOffset >= end, "a repair does not lower the end offset")
    let all = SharedBytes(copying: try log.readAll(onlyCommitted: false))
    var reader = RecordBatchReader(all.bytes)
    while let record = try reader.next() { _ = try record.headers() }
    let appended = try batch([([1], [2])]).withUnsafeBytes { try log.append($0, now: Timestamp(ms: 2)) }
    try expect(appended.first >= end, "the log continues after its old end")
}
