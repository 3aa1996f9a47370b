import MoldauLog
import MoldauRecords
import Testing

private let week: Int64 = 7 * 24 * 3_600_000
/// 2026-01-01.
private let start: Int64 = 1_767_225_600_000

struct RetentionTests {
    /// 2020, none, the first day of 1970, and two in the future.
    @Test(arguments: [1_577_836_800_000, -1, 0, start + 1_000 * week, Int64.max])
    func `records stay for the retention time after their arrival, whatever their timestamps`(time: Int64) throws {
        var log = try openLog(MemoryFileSystem())
        try log.append(["a"], at: time, now: start)
        #expect(try log.applyRetention(now: Timestamp(ms: start + 300_000)) == 0)
        #expect(try log.applyRetention(now: Timestamp(ms: start + week)) == 0)
        #expect(try log.values() == ["a"])
        #expect(try log.applyRetention(now: Timestamp(ms: start + week + 1)) == 1)
        #expect(log.startOffset == Offset(1))
    }

    @Test func `records with any timestamps share a segment while they arrive within its time`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        for time in [start, start - 300 * week, start + 300 * week, -1] { try log.append(["a"], at: time, now: start) }
        #expect(try files.names(in: "p").filter { $0.hasSuffix(".log") }.count == 1)
    }

    @Test(arguments: [true, false])
    func `a restart can extend the retention time, but not shorten it`(isClean: Bool) throws {
        let files = MemoryFileSystem()
        let settings = ["segment.bytes": "80", "retention.ms": "100"]
        var log = try openLog(files, settings)
        for time in [0, 40, 50] as [Int64] { try log.append(["x"], now: time) }
        if isClean { try log.close() }
        log = try openLog(files, settings, wasClean: isClean)
        #expect(try log.applyRetention(now: Timestamp(ms: 100)) == 0)
        #expect(try log.applyRetention(now: Timestamp(ms: 101)) == 1)
        #expect(try log.applyRetention(now: Timestamp(ms: 141)) == 1)
        // After a clean stop the time of the last append is known; otherwise it counts from the first check.
        #expect(try log.applyRetention(now: Timestamp(ms: 151)) == (isClean ? 1 : 0))
        #expect(try log.applyRetention(now: Timestamp(ms: 201)) == (isClean ? 0 : 1))
    }

    @Test func `the age of segments of unknown age counts from the first check`() throws {
        let files = MemoryFileSystem()
        let settings = ["segment.bytes": "80", "retention.ms": "100"]
        var log = try openLog(files, settings)
        for _ in 0..<4 { try log.append(["x"], at: 5, now: 0) }
        try log.close()
        for name in try files.names(in: "p") where name.hasSuffix(".checksums") { try files.removeFile("p/\(name)") }
        log = try openLog(files, settings, wasClean: true)
        #expect(try log.applyRetention(now: Timestamp(ms: 1_000)) == 0)
        // Also across restarts.
        try log.close()
        log = try openLog(files, settings, wasClean: true)
        #expect(try log.applyRetention(now: Timestamp(ms: 1_100)) == 0)
        #expect(try log.applyRetention(now: Timestamp(ms: 1_101)) == 4)
    }

    @Test func `a segment is rolled in time even if the log is never closed`() throws {
        let files = MemoryFileSystem()
        let settings = ["segment.ms": "100", "retention.ms": "1000000"]
        for time in [0, 60, 120] as [Int64] {
            var log = try openLog(files, settings)
            try log.append(["x"], now: time)
            try log.applyRetention(now: Timestamp(ms: time))
        }
        #expect(try files.names(in: "p").filter { $0.hasSuffix(".log") }.count == 2)
    }

    @Test func `a compacted segment is as old as the newest of those that it replaces`() throws {
        let files = MemoryFileSystem()
        let settings = [
            "segment.bytes": "80", "retention.ms": "100", "cleanup.policy": "compact,delete",
            "min.cleanable.dirty.ratio": "0",
        ]
        var log = try openLog(files, settings)
        for (key, time) in [("a", 0), ("b", 30), ("c", 60)] as [(String, Int64)] {
            var builder = RecordBatchBuilder()
            Array(key.utf8).withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 7)) }
            _ = try log.append(builder.finish(), now: Timestamp(ms: time))
        }
        log.configuration.segmentBytes = 10_000
        let plan = try #require(try log.planCompaction(now: Timestamp(ms: 70)))
        try log.install(try plan.run())
        #expect(try files.names(in: "p").filter { $0.hasSuffix(".log") }.count == 2)
        #expect(try log.applyRetention(now: Timestamp(ms: 130)) == 0)
        #expect(try log.applyRetention(now: Timestamp(ms: 131)) == 1)
    }
}
