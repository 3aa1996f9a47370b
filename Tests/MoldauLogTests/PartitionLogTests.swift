import MoldauLog
import MoldauRecords
import Testing

private func logNames(_ files: MemoryFileSystem) throws -> [String] {
    try files.names(in: "p").filter { $0.hasSuffix(".log") }.map { String($0.drop { $0 == "0" }) }
}

struct PartitionLogTests {
    @Test func `appended batches get the next offsets`() throws {
        var log = try openLog(MemoryFileSystem())
        #expect(try log.append(["a", "b"]).first == .zero)
        let second = try log.append(["c"])
        #expect(second.first == Offset(2))
        #expect(second.end == Offset(3))
        #expect(log.endOffset == Offset(3))
    }

    /// 100 batches of two records, with an index entry about every fourth batch, over several segments.
    @Test(arguments: [1, 300, 1 << 20])
    func `every offset can be read from, in pieces of any size`(maxBytes: Int) throws {
        var log = try openLog(MemoryFileSystem(), ["index.interval.bytes": "300", "segment.bytes": "2000"])
        let all = (0..<200).map { "value \($0)" }
        for index in stride(from: 0, to: 200, by: 2) { try log.append([all[index], all[index + 1]]) }
        for offset in 0...200 {
            #expect(try log.values(from: Int64(offset), maxBytes: maxBytes) == Array(all[offset...]))
        }
    }

    @Test func `reading beyond the end or before the start is out of range`() throws {
        var log = try openLog(MemoryFileSystem())
        try log.append(["a"])
        let error = LogError.offsetOutOfRange(requested: Offset(2), held: Offset.zero..<Offset(1))
        #expect(throws: error) { try log.read(from: Offset(2), maxBytes: 10) }
        #expect(throws: LogError.self) { try log.read(from: Offset(-1), maxBytes: 10) }
        #expect(try log.read(from: Offset(1), maxBytes: 10) == nil)
    }

    @Test func `a segment that would exceed its size is rolled first`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["segment.bytes": "150"])
        for value in ["a", "b", "c", "d", "e"] { try log.append([value]) }
        #expect(try logNames(files) == [".log", "2.log", "4.log"])
    }

    @Test func `a segment whose first batch is older than segment.ms is rolled first`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["segment.ms": "1000"])
        for time in [5_000, 6_000, 6_001, 5_500, 7_002] as [Int64] { try log.append(["x"], now: time) }
        #expect(try logNames(files) == [".log", "2.log", "4.log"])
    }

    /// Timestamps 0, 10, 5, 30, 20, 40 … so that later records can be earlier in time.
    @Test(arguments: [100, 1_000_000])
    func `the first record at or after a time is found`(segmentBytes: Int) throws {
        let times: [Int64] = [0, 10, 5, 30, 20, 40, 40, 35]
        let settings = ["segment.bytes": "\(segmentBytes)", "index.interval.bytes": "0"]
        var log = try openLog(MemoryFileSystem(), settings)
        for time in times { try log.append(["x"], at: time) }
        for time in Int64(-1)...41 {
            let expected = times.firstIndex { $0 >= time }.map { Offset(Int64($0)) }
            #expect(try log.offset(atOrAfter: Timestamp(ms: time)) == expected)
        }
    }

    @Test func `deleting records deletes whole segments and hides the rest`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["segment.bytes": "150"])
        for value in ["a", "b", "c", "d", "e"] { try log.append([value]) }
        try log.deleteRecords(before: Offset(3))
        #expect(try logNames(files) == ["2.log", "4.log"])
        #expect(log.startOffset == Offset(3))
        #expect(throws: LogError.self) { try log.values(from: 2) }
        #expect(try log.values(from: 3) == ["d", "e"])
        #expect(throws: LogError.self) { try log.deleteRecords(before: Offset(6)) }
        #expect(try openLog(files, ["segment.bytes": "150"]).startOffset == Offset(3))
    }

    @Test(arguments: ["3", "", "x", "3 1"])
    func `a half-written log start file deletes nothing`(left: String) throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        try log.append(["a", "b", "c"])
        try log.deleteRecords(before: Offset(2))
        let file = try files.open("p/log-start-offset-latest")
        try file.truncate(to: 0)
        try file.write(Array(left.utf8), at: 0)
        log = try openLog(files)
        #expect(try log.values() == ["a", "b", "c"])
    }

    @Test func `if the latest log start is lost, the one up to which segments were deleted is used`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["segment.bytes": "150"])
        for value in ["a", "b", "c", "d", "e"] { try log.append([value]) }
        let first = try #require(try files.contents(of: "p/00000000000000000000.log"))
        try log.deleteRecords(before: Offset(2))
        try log.deleteRecords(before: Offset(3))
        // After a power cut the second one has a name and no content, and a deleted segment is back.
        try files.open("p/log-start-offset-latest").truncate(to: 0)
        try files.open("p/00000000000000000000.log").write(first, at: 0)
        log = try openLog(files, ["segment.bytes": "150"], wasClean: false)
        #expect(log.startOffset == Offset(2))
        #expect(try logNames(files) == ["2.log", "4.log"])
        #expect(try log.values(from: 2) == ["c", "d", "e"])
    }

    @Test(arguments: [true, false])
    func `a log start beyond the end deletes no records, present or future`(wasClean: Bool) throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["segment.bytes": "80"])
        try log.append(["a", "b", "c"])
        try log.append(["d"])
        try log.close()
        try files.replace("p/log-start-offset", with: 4_000_000, in: "p", sync: true)
        log = try openLog(files, wasClean: wasClean)
        #expect(files.exists("p/00000000000000000000.log"))
        #expect(try log.values() == ["a", "b", "c", "d"])
        #expect(try log.append(["e"]).first == Offset(4))
        log = try openLog(files, wasClean: false)
        #expect(try log.values() == ["a", "b", "c", "d", "e"])
    }

    @Test func `retention by time deletes closed segments, and the last one too`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["segment.bytes": "80", "retention.ms": "100"])
        for time in [0, 50, 200] as [Int64] { try log.append(["x"], now: time) }
        #expect(try log.applyRetention(now: Timestamp(ms: 160)) == 2)
        #expect(log.startOffset == Offset(2))
        #expect(try log.applyRetention(now: Timestamp(ms: 301)) == 1)
        #expect(log.startOffset == Offset(3))
        #expect(log.endOffset == Offset(3))
    }

    @Test func `retention by size deletes the oldest segments, and a compacted topic keeps all`() throws {
        for (policy, kept) in [("delete", 3), ("compact", 5)] {
            let settings = ["segment.bytes": "80", "retention.bytes": "200"]
            var log = try openLog(MemoryFileSystem(), settings)
            for _ in 0..<5 { try log.append(["x"]) }
            log.configuration = try LogConfiguration(settings.merging(["cleanup.policy": policy]) { $1 })
            try log.applyRetention(now: Timestamp(ms: 0))
            #expect(log.endOffset - log.startOffset == kept)
        }
    }

    @Test func `a topic with log append time gets the broker's timestamps and valid checksums`() throws {
        var log = try openLog(MemoryFileSystem(), ["message.timestamp.type": "LogAppendTime"])
        try log.append(["a"], at: 5, now: 777)
        let bytes = try #require(try log.read(from: .zero, maxBytes: 1_000))
        try RecordBatchHeader(bytes.bytes).validateChecksum(bytes.bytes)
        var reader = RecordBatchReader(bytes.bytes)
        #expect(try reader.next()?.timestamp == Timestamp(ms: 777))
    }

    @Test func `damaged, truncated and oversized batches are refused, and nothing is appended`() throws {
        var log = try openLog(MemoryFileSystem(), ["max.message.bytes": "200"])
        var damaged = batch(["abc"])
        damaged[damaged.count - 2] ^= 1
        let cut = Array(batch(["abc"]).dropLast())
        let good = batch(["abc"])
        for bytes in [damaged, cut, [], good + damaged, batch([String(repeating: "x", count: 200)])] {
            #expect(throws: LogError.self) { try bytes.withUnsafeBytes { try log.append($0, now: .none) } }
        }
        #expect(log.endOffset == .zero)
    }

    @Test(arguments: [
        ("segment.bytes", "many"), ("segment.ms", "0"), ("cleanup.policy", "forget"), ("retention.ms", "-2"),
    ])
    func `an invalid setting is refused`(key: String, value: String) {
        #expect(throws: LogError.invalidConfiguration(key: key, value: value)) { try LogConfiguration([key: value]) }
    }
}
