import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private let settings = [
    "cleanup.policy": "compact", "segment.bytes": "700", "index.interval.bytes": "200",
    "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "1000",
]

/// A record as readers see it.
private struct Row: Equatable {
    let offset: Int64
    let time: Int64
    let key: String?
    let value: String?
}

extension PartitionLog {
    fileprivate mutating func rows(from start: Offset? = nil) throws -> [Row] {
        var (rows, position, cursor): ([Row], Offset, LogCursor?) = ([], start ?? startOffset, nil)
        while let read = try planRead(from: position, maxBytes: 300, after: cursor, onlyCommitted: true)?.read() {
            let bytes = read.committed
            var reader = RecordBatchReader(bytes.bytes, from: position)
            while let record = try reader.next() {
                rows.append(
                    Row(
                        offset: record.offset.value, time: record.timestamp.ms,
                        key: record.key.map { String(decoding: $0, as: UTF8.self) },
                        value: record.value.map { String(decoding: $0, as: UTF8.self) }))
            }
            (position, cursor) = (read.next.offset, read.next)
        }
        return rows
    }

    fileprivate mutating func put(
        _ rows: [(String?, String?)], at time: Int64, by producer: ProducerStamp = .none
    ) throws {
        var builder = RecordBatchBuilder()
        builder.producer = producer
        for (key, value) in rows {
            let (key, value) = (key.map { Array($0.utf8) }, value.map { Array($0.utf8) })
            withOptionalBytes(key) { key in
                withOptionalBytes(value) { builder.append(key: key, value: $0, timestamp: Timestamp(ms: time)) }
            }
        }
        _ = try append(builder.finish(), now: Timestamp(ms: time))
    }

    @discardableResult
    fileprivate mutating func compact(at now: Int64, maxKeys: Int = 1_000) throws -> Bool {
        guard let plan = try planCompaction(now: Timestamp(ms: now)) else { return false }
        try install(try plan.run(maxKeys: maxKeys))
        return true
    }
}

private func withOptionalBytes(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
    if let bytes { bytes.withUnsafeBytes { body($0) } } else { body(nil) }
}

private func table(_ rows: [Row]) -> [String: String] {
    var table: [String: String] = [:]
    for row in rows { if let key = row.key { table[key] = row.value } }
    return table
}

struct CompactionTests {
    /// Fills a log with updates, deletions and transactions, drawn from the seed.
    private func fill<Files: FileSystem>(
        _ log: inout PartitionLog<Files>, _ random: inout SeededGenerator, count: Int, from time: Int64
    ) throws {
        var sequences: [Int64: Int32] = [:]
        for step in 0..<count {
            let now = time + Int64(step)
            let rows = (0..<Int.random(in: 1...3, using: &random)).map { number -> (String?, String?) in
                let key = Int.random(in: 0..<8, using: &random)
                return ("key \(key)", Int.random(in: 0..<5, using: &random) == 0 ? nil : "\(now) \(number)")
            }
            guard Int.random(in: 0..<3, using: &random) == 0 else {
                try log.put(rows, at: now)
                continue
            }
            let id = Int64(Int.random(in: 1...3, using: &random)) + 10 * time
            var stamp = ProducerStamp(id: id, epoch: 0, baseSequence: sequences[id] ?? 0, isTransactional: true)
            try log.put(rows, at: now, by: stamp)
            sequences[id] = stamp.baseSequence + Int32(rows.count)
            stamp.baseSequence = -1
            let marker = TransactionMarker(isCommit: Bool.random(using: &random))
            _ = try log.append(marker, of: stamp, now: Timestamp(ms: now))
        }
    }

    @Test(arguments: [5, 1_000])
    func `compaction keeps the last record of each key at its offset, and the same table`(maxKeys: Int) throws {
        var random = SeededGenerator(seed: 1)
        for round in 0..<4 {
            let files = MemoryFileSystem()
            var log = try openLog(files, settings)
            for pass in 0..<3 {
                let time = Int64(pass * 10_000)
                try fill(&log, &random, count: 50, from: time)
                let before = try log.rows()
                let end = log.endOffset
                while try log.compact(at: time + 500, maxKeys: maxKeys) {}
                for _ in 0..<2 {
                    let after = try log.rows()
                    #expect(table(after) == table(before))
                    #expect(after.count < before.count)
                    let known = Dictionary(uniqueKeysWithValues: before.map { ($0.offset, $0) })
                    for row in after { #expect(known[row.offset] == row) }
                    #expect(after.map(\.offset) == after.map(\.offset).sorted())
                    #expect(log.endOffset == end && log.openTransactions.isEmpty)
                    for offset in stride(from: log.startOffset.value, to: end.value, by: 7) {
                        #expect(try log.rows(from: Offset(offset)) == after.filter { $0.offset >= offset })
                    }
                    if round % 2 == 0 { try log.close() }
                    log = try openLog(files, settings, wasClean: round % 2 == 0)
                }
            }
        }
    }

    @Test func `records with timestamps in the future are compacted too`() throws {
        var log = try openLog(MemoryFileSystem(), settings)
        while log.segments.count < 4 { try log.put([("a", "\(log.endOffset)"), ("b", "1")], at: 4_102_444_800_000) }
        let before = try log.rows()
        #expect(try log.compact(at: 1_000))
        let after = try log.rows()
        #expect(table(after) == table(before))
        #expect(after.count < before.count / 2)
    }

    @Test func `expired tombstones and markers are deleted, and producers' last batches are recognised`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, settings)
        let stamp = ProducerStamp(id: 7, epoch: 0, baseSequence: 0, isTransactional: true)
        try log.put([("gone", "1"), ("kept", "1")], at: 0, by: stamp)
        _ = try log.append(TransactionMarker(isCommit: true), of: stamp, now: Timestamp(ms: 0))
        try log.put([("gone", nil)], at: 1)
        func fillUp(_ time: Int64) throws {
            let segments = log.segments.count
            while log.segments.count < segments + 2 { try log.put([("other", "\(time) \(log.endOffset)")], at: time) }
        }
        try fillUp(2)
        try log.compact(at: 100)
        #expect(
            try log.rows().filter { $0.key != "other" } == [
                Row(offset: 1, time: 0, key: "kept", value: "1"), Row(offset: 3, time: 1, key: "gone", value: nil),
            ])
        // Nothing more is deleted before the horizon; after it the tombstone is.
        try fillUp(3)
        try log.compact(at: 1_099)
        #expect(try log.rows().contains { $0.key == "gone" && $0.time == 1 })
        try fillUp(4)
        try log.compact(at: 1_100)
        #expect(try !log.rows().contains { $0.key == "gone" })
        // The whole transaction is deleted, then, two compactions later, its marker; the producer's last batch is
        // recognised to the end.
        try log.put([("kept", "2")], at: 5)
        for (round, time) in [(0, 2_000), (1, 3_000), (2, 5_000), (3, 7_000)] as [(Int, Int64)] {
            try fillUp(Int64(6 + round))
            try log.compact(at: time)
            log = try openLog(files, settings)
            #expect(log.openTransactions.isEmpty)
            #expect(try log.rows().filter { $0.key == "kept" }.map(\.value) == ["2"])
        }
        try log.put(
            [("kept", "3")], at: 20, by: ProducerStamp(id: 7, epoch: 0, baseSequence: 2, isTransactional: false))
        #expect(throws: LogError.outOfOrderSequence(producer: 7, expected: 3, got: 9)) {
            try log.put(
                [("x", "y")], at: 21, by: ProducerStamp(id: 7, epoch: 0, baseSequence: 9, isTransactional: false))
        }
    }

    @Test func `a crash at any step keeps the table, and the next compaction completes the work`() throws {
        var random = SeededGenerator(seed: 1)
        let files = MemoryFileSystem()
        var log = try openLog(files, settings)
        try fill(&log, &random, count: 25, from: 0)
        try log.compact(at: 500)
        try fill(&log, &random, count: 25, from: 10_000)
        let expected = table(try log.rows())
        try log.close()
        var steps = 0
        while true {
            let stopping = StoppingFileSystem(files.copy(), after: steps)
            var log = try openLog(stopping, settings, wasClean: true)
            stopping.start()
            let crashed = (try? log.compact(at: 20_000)) == nil
            for _ in 0..<2 {
                var recovered = try openLog(stopping.memory, settings)
                #expect(table(try recovered.rows()) == expected)
                #expect(
                    try !stopping.memory.names(in: "p").contains { $0.hasSuffix("swap") || $0.hasSuffix("cleaned") })
                try recovered.compact(at: 20_000)
            }
            if !crashed { break }
            steps += 1
        }
        #expect(steps > 30)
    }

    @Test func `a reader continues at its offset after a compaction`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, settings)
        for time in 0..<60 { try log.put([("key \(time % 7)", "value \(time)")], at: Int64(time)) }
        let read = try #require(try log.planRead(from: Offset(20), maxBytes: 100)?.read())
        let planned = try #require(try log.planRead(from: Offset(3), maxBytes: 100))
        let old = try planned.read().bytes.bytes.count
        try log.compact(at: 100)
        #expect(try planned.read().bytes.bytes.count == old)
        let next = try #require(try log.planRead(from: read.next.offset, maxBytes: 100, after: read.next)?.read())
        var reader = RecordBatchReader(next.bytes.bytes, from: read.next.offset)
        let remaining = try log.rows(from: read.next.offset)
        #expect(try reader.next()?.offset.value == remaining[0].offset)
    }

    /// A crash may leave the last segment without its first batch, and compaction may have deleted everything before.
    @Test func `if compaction left nothing before the end, reading continues at the end`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, settings)
        try log.put([("kept", "1")], at: 0)
        try log.put([("gone", nil)], at: 0)
        _ = try files.open("p/00000000000000000002.log")
        log = try openLog(files, settings)
        // The first compaction sets the time from which on the tombstone may be deleted.
        for time in [10, 5_000] as [Int64] {
            try log.compact(at: time)
            try files.removeFile("p/cleaner-offset")
        }
        #expect(try log.rows().map(\.key) == ["kept"])
        let read = try #require(try log.planRead(from: Offset(1), maxBytes: 100)?.read())
        #expect(read.bytes.count == 0)
        #expect(read.next.offset == Offset(2))
        #expect(try log.planRead(from: Offset(2), maxBytes: 100) == nil)
    }

    @Test func `open, young and mostly clean segments are not compacted`() throws {
        let files = MemoryFileSystem()
        var lazy = settings
        lazy["min.cleanable.dirty.ratio"] = "0.5"
        lazy["min.compaction.lag.ms"] = "50"
        var log = try openLog(files, lazy)
        for time in 0..<60 { try log.put([("key", "value \(time)")], at: Int64(time)) }
        #expect(try log.planCompaction(now: Timestamp(ms: 55)) == nil)
        let open = ProducerStamp(id: 7, epoch: 0, baseSequence: 0, isTransactional: true)
        try log.put([("key", "open")], at: 60, by: open)
        for time in 61..<90 { try log.put([("key", "value \(time)")], at: Int64(time)) }
        try log.compact(at: 1_000)
        let offsets = try log.rows().map(\.offset)
        #expect(offsets.contains(59) && offsets.count < 30, "\(offsets)")
        #expect(try log.planCompaction(now: Timestamp(ms: 1_000)) == nil)
        var plain = try openLog(MemoryFileSystem(), ["segment.bytes": "700"])
        for time in 0..<60 { try plain.put([("key", "value \(time)")], at: Int64(time)) }
        #expect(try plain.planCompaction(now: Timestamp(ms: 1_000)) == nil)
    }

    /// More keys than 16 bits can distinguish. If less than the whole digest were compared, live keys would be deleted.
    @Test(arguments: [Sabotage(), .digestCut])
    func `keys are distinguished, however many there are`(mistake: Sabotage) throws {
        let files = MemoryFileSystem()
        files.sabotage = mistake
        var log = try openLog(files, ["cleanup.policy": "compact", "segment.bytes": "100000"])
        let keys = (0..<66_000).map { "\($0)" }
        for start in stride(from: 0, to: keys.count, by: 2_000) {
            try log.put(keys[start..<(start + 2_000)].map { ($0, "live") }, at: 0)
        }
        try log.put([("last", "segment")], at: 0)
        try log.roll()
        #expect(try log.compact(at: 10, maxKeys: 100_000))
        var kept = Set<String>()
        var position = Offset.zero
        while let read = try log.planRead(from: position, maxBytes: 1 << 20)?.read() {
            let bytes = read.committed
            var reader = RecordBatchReader(bytes.bytes, from: position)
            while let record = try reader.next() { kept.insert(String(decoding: record.key!, as: UTF8.self)) }
            position = read.next.offset
        }
        #expect((kept.count == keys.count + 1) == (mistake == []), "\(kept.count) keys are left")
    }

    /// Segments of one batch of 100 bytes each: the dirty ratio is the ratio of their numbers.
    @Test(arguments: [Sabotage(), .neverCompacts])
    func `compaction begins at the configured dirty ratio, and deletes replaced records`(mistake: Sabotage) throws {
        let settings = ["cleanup.policy": "compact", "segment.bytes": "100", "min.cleanable.dirty.ratio": "0.5"]
        let files = MemoryFileSystem()
        var log = try openLog(files, settings)
        for number in 0..<4 { try log.put([("key \(number)", "0")], at: 0) }
        try log.roll()
        #expect(try log.compact(at: 1))
        files.sabotage = mistake
        for number in 0..<3 {
            try log.put([("key \(number)", "1")], at: 2)
            try log.roll()
            #expect(try log.planCompaction(now: Timestamp(ms: 3)) == nil, "\(number + 1) of \(number + 5) are dirty")
        }
        try log.put([("key 3", "1")], at: 2)
        try log.roll()
        #expect(try log.compact(at: 3) == (mistake == []))
        let values = try log.rows().compactMap(\.value)
        #expect((values == ["1", "1", "1", "1"]) == (mistake == []), "\(values)")
    }

    /// Such records are from before the topic was compacted, or from older versions.
    @Test func `records without a key are kept`() throws {
        var plain = settings
        plain["cleanup.policy"] = "delete"
        var log = try openLog(MemoryFileSystem(), plain)
        for time in 0..<60 { try log.put([(nil, "\(time)"), ("key", "\(time)")], at: Int64(time)) }
        log.configuration = try LogConfiguration(settings)
        try log.compact(at: 100)
        #expect(try log.rows().filter { $0.key == nil }.count == 60)
    }
}

/// Files in memory that fail permanently after a number of changes.
private final class StoppingFileSystem: FileSystem {
    let memory: MemoryFileSystem
    private let left: Mutex<Int?> = Mutex(nil)
    private let steps: Int

    init(_ memory: MemoryFileSystem, after steps: Int) {
        self.memory = memory
        self.steps = steps
    }

    func start() { left.withLock { $0 = steps } }

    fileprivate func step() throws(LogError) {
        let isOver = left.withLock { left in
            guard let count = left else { return false }
            left = count - 1
            return count <= 0
        }
        if isOver { throw .io(operation: "crash", path: "", code: 0, reason: "the process is gone") }
    }

    func open(_ path: String) throws(LogError) -> StoppingFile { StoppingFile(try memory.open(path), self) }
    func exists(_ path: String) -> Bool { memory.exists(path) }
    func names(in directory: String) throws(LogError) -> [String] { try memory.names(in: directory) }
    func createDirectory(_ path: String) throws(LogError) { try memory.createDirectory(path) }
    func removeFile(_ path: String) throws(LogError) {
        try step()
        try memory.removeFile(path)
    }
    func removeDirectory(_ path: String) throws(LogError) { try memory.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(LogError) {
        try step()
        try memory.rename(path, to: newPath)
    }
    func syncDirectory(_ path: String) throws(LogError) { try step() }
    func sync(_ files: [StoppingFile]) throws(LogError) { try step() }
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try memory.lock(directory) }
}

private final class StoppingFile: LogFile {
    private let file: MemoryFile
    private let files: StoppingFileSystem

    init(_ file: MemoryFile, _ files: StoppingFileSystem) {
        self.file = file
        self.files = files
    }

    func size() throws(LogError) -> Int { try file.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        try file.read(into: buffer, at: position)
    }
    func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int) throws(LogError) {
        try files.step()
        try file.write(head, body, at: position)
    }
    func truncate(to size: Int) throws(LogError) {
        try files.step()
        try file.truncate(to: size)
    }
    func sync() throws(LogError) { try files.step() }
}
