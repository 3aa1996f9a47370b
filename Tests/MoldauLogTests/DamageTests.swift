import Foundation
import MoldauLog
import MoldauRecords
import Testing

/// Files in which single bytes are changed. A reader gets what was written, or an error that reports the damage.
///
/// `DAMAGE_BYTES=1048576` flips the bytes of a segment of that size; by default it is a small one.
struct DamageTests {
    private static let segmentBytes = ProcessInfo.processInfo.environment["DAMAGE_BYTES"].flatMap { Int($0) } ?? 6_000
    private static let settings = ["segment.bytes": "\(segmentBytes)", "index.interval.bytes": "\(segmentBytes / 20)"]

    /// A log with a sealed segment, which holds a transaction that was aborted, and one more record.
    private static func makeLog(_ files: MemoryFileSystem, closes: Bool) throws -> (values: [String], end: Offset) {
        var log = try openLog(files, settings)
        let aborted = ProducerStamp(id: 7, epoch: 0, baseSequence: 0, isTransactional: true)
        try log.append(["aborted"], by: aborted)
        _ = try log.append(TransactionMarker(isCommit: false, coordinatorEpoch: 0), of: aborted, now: Timestamp(ms: 0))
        var time: Int64 = 0
        while log.segments.count == 1 {
            let tail = String(repeating: "x", count: segmentBytes / 100)
            try log.append(["\(time) \(tail)", "\(time)"], at: time)
            time += 1
        }
        let answer = (try committedValues(&log), log.endOffset)
        if closes { try log.close() }
        return answer
    }

    private static func committedValues(_ log: inout MemoryLog) throws -> [String] {
        try log.values(from: log.startOffset.value, onlyCommitted: true)
    }

    /// Flips every `step`-th byte of a file, one at a time.
    /// - Returns: how many flips were detected.
    private static func flips(_ suffix: String, closes: Bool, step: Int = 1) throws -> (noticed: Int, all: Int) {
        let files = MemoryFileSystem()
        let (values, end) = try makeLog(files, closes: closes)
        let path = "p/00000000000000000000\(suffix)"
        let original = try #require(try files.contents(of: path))
        let snapshot = files.copy()
        var noticed = 0
        let positions = stride(from: 0, to: original.count, by: step)
        for position in positions {
            let damaged = snapshot.copy()
            try damaged.open(path).write([original[position] ^ (1 << UInt8(position % 8))], at: position)
            do {
                var log = try openLog(damaged, settings, wasClean: closes)
                #expect(log.endOffset == end)
                let found = try committedValues(&log)
                if found != values { Issue.record("byte \(position) of \(suffix) changed the records, undetected") }
                for time in stride(from: 1, to: Int64(values.count) / 2, by: max(values.count / 8, 1)) {
                    #expect(try log.offset(atOrAfter: Timestamp(ms: time)) == Offset(2 + 2 * time))
                }
            } catch let error as LogError {
                guard case .damagedRecords = error else { throw error }
                noticed += 1
            }
        }
        return (noticed, Array(positions).count)
    }

    /// A log whose sealed segment has not been opened yet, and the answers of an undamaged one.
    private struct Unread {
        let log: MemoryLog
        let file: MemoryFile
        let original: [UInt8]
        /// For each batch: its position, its offsets and its time.
        let batches: [(bytes: Range<Int>, offsets: Range<Offset>, time: Timestamp)]

        init(closes: Bool) throws {
            let files = MemoryFileSystem()
            _ = try makeLog(files, closes: closes)
            file = try files.open("p/00000000000000000000.log")
            original = try file.read(try file.size(), at: 0)
            log = try openLog(files, settings, wasClean: closes)
            var scanner = BatchScanner(file, size: original.count, from: 0, nextOffset: .zero)
            var found: [(bytes: Range<Int>, offsets: Range<Offset>, time: Timestamp)] = []
            while let header = try scanner.next() {
                let range = (scanner.position - header.byteCount)..<scanner.position
                found.append((range, header.baseOffset..<(header.lastOffset + 1), header.maxTimestamp))
            }
            batches = found
        }

        /// The bytes that a reader of one batch gets; nil if the damage is reported.
        func answer(_ index: Int) throws -> [UInt8]? {
            try noticing { log in
                // A read costs a scan from the last index entry, and one run of checksums.
                let batch = batches[index]
                let read = try log.planRead(
                    from: batch.offsets.lowerBound, maxBytes: batch.bytes.count, onlyCommitted: true)
                let bytes = try read?.read().committed
                return bytes.map { Array($0.bytes) } ?? []
            }
        }

        /// The offset of the first record at the time of a batch; nil if the damage is reported.
        func offset(atTimeOf index: Int) throws -> Offset?? {
            try noticing { try $0.offset(atOrAfter: batches[index].time) }
        }

        private func noticing<Answer>(_ ask: (inout MemoryLog) throws -> Answer) throws -> Answer? {
            var copy = log  // A copy, so that what it opens and verifies is not kept.
            do {
                return try ask(&copy)
            } catch let error as LogError {
                guard case .damagedRecords = error else { throw error }
                return nil
            }
        }
    }

    /// Changes each byte in the file of one open log. Reads the batch with the byte and the next one, whose search
    /// passes the byte, and looks up the batch's time.
    @Test(arguments: [true, false])
    func `each changed byte of a sealed segment is detected`(closes: Bool) throws {
        let unread = try Unread(closes: closes)
        let answers = try unread.batches.indices.map { try #require(try unread.answer($0)) }
        let times = try unread.batches.indices.map { try #require(try unread.offset(atTimeOf: $0)) }
        var (noticed, changed): (Int, [Int]) = (0, [])
        for (index, batch) in unread.batches.enumerated() {
            for position in batch.bytes {
                try unread.file.write([unread.original[position] ^ (1 << UInt8(position % 8))], at: position)
                if try unread.answer(index) == nil { noticed += 1 }
                let next = index + 1
                if next < answers.count, let answer = try unread.answer(next), answer != answers[next] {
                    changed.append(position)
                }
                if let offset = try unread.offset(atTimeOf: index), offset != times[index] { changed.append(position) }
                try unread.file.write([unread.original[position]], at: position)
            }
        }
        #expect(noticed == unread.original.count)
        #expect(changed.isEmpty, "these bytes changed an answer, undetected: \(changed.prefix(10))")
        #expect(unread.batches.last?.bytes.upperBound == unread.original.count)
    }

    /// As above, for some of the bytes, with a log that is opened after the damage and read from start to end.
    @Test(arguments: [true, false])
    func `opening a damaged log and reading all of it reports the damage`(closes: Bool) throws {
        let (noticed, all) = try Self.flips(".log", closes: closes, step: max(Self.segmentBytes / 1_000, 1) | 1)
        #expect(noticed == all)
    }

    @Test(arguments: [".index", ".timeindex", ".txnindex", ".checksums", ".snapshot"], [true, false])
    func `changed bytes of the files beside a segment change no answer`(suffix: String, closes: Bool) throws {
        if suffix == ".snapshot" { return try snapshotFlips(closes: closes) }
        #expect(try Self.flips(suffix, closes: closes).noticed == 0)
    }

    private func snapshotFlips(closes: Bool) throws {
        let files = MemoryFileSystem()
        let (values, _) = try Self.makeLog(files, closes: closes)
        for name in try files.names(in: "p") where name.hasSuffix(".snapshot") {
            for position in 0..<(try files.open("p/\(name)").size()) {
                let damaged = files.copy()
                let byte = try damaged.open("p/\(name)").read(1, at: position)[0]
                try damaged.open("p/\(name)").write([byte ^ 0x10], at: position)
                var log = try openLog(damaged, Self.settings, wasClean: closes)
                #expect(try Self.committedValues(&log) == values)
                // A duplicate batch is recognised.
                let twin = ProducerStamp(id: 7, epoch: 0, baseSequence: 0, isTransactional: true)
                #expect(try log.append(["aborted"], by: twin).first == Offset(0))
            }
        }
    }

    @Test(arguments: [".index", ".timeindex", ".txnindex", ".checksums"], [true, false])
    func `missing files beside a segment change no answer`(suffix: String, closes: Bool) throws {
        let files = MemoryFileSystem()
        let (values, end) = try Self.makeLog(files, closes: closes)
        try files.removeFile("p/00000000000000000000\(suffix)")
        for _ in 0..<2 {
            var log = try openLog(files, Self.settings, wasClean: closes)
            #expect(log.endOffset == end)
            #expect(try Self.committedValues(&log) == values)
            if closes { try log.close() }
        }
    }

    @Test func `a sealed segment that lost its end is detected`() throws {
        for closes in [true, false] {
            let files = MemoryFileSystem()
            _ = try Self.makeLog(files, closes: closes)
            let file = try files.open("p/00000000000000000000.log")
            try file.truncate(to: try file.size() - 1)
            var log = try openLog(files, Self.settings, wasClean: closes)
            #expect(throws: LogError.self) { try Self.committedValues(&log) }
        }
    }

    // MARK: Durable records

    @Test func `a torn tail after the durable end is truncated, and recovering twice gives the same bytes`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        for time in 0..<40 { try log.append([String(repeating: "v", count: 100), "\(time + 10)"], at: Int64(time)) }
        let size = try files.open("p/00000000000000000000.log").size()
        let batchSize = size / 40
        let durable = (size - 4_096) / batchSize
        for cut in (size - 4_096)...size {
            let torn = files.copy()
            let file = try torn.open("p/00000000000000000000.log")
            try file.truncate(to: cut)
            var recovered: [[String: [UInt8]]] = []
            for _ in 0..<2 {
                let log = try openLog(torn, durableEnd: Offset(Int64(2 * durable)))
                #expect(log.endOffset == Offset(Int64(2 * (cut / batchSize))))
                #expect(try file.size() == cut / batchSize * batchSize)
                recovered.append(try torn.everything())
            }
            #expect(recovered[0] == recovered[1])
        }
    }

    @Test func `durable records are never truncated`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        for value in ["a", "b", "c", "d"] { try log.append([value]) }
        let path = "p/00000000000000000000.log"
        let size = batch(["a"]).count
        // Changes the size in the header of the second batch.
        try files.open(path).write([0xff], at: size + 8)
        let before = try files.contents(of: path)
        let missing = LogError.missingRecords(directory: "p", durableEnd: Offset(3), foundEnd: Offset(1))
        #expect(throws: missing) { try openLog(files, durableEnd: Offset(3)) }
        #expect(try files.contents(of: path) == before)
        // Changes its records: readers get an error.
        try files.open(path).write([0], at: size + 8)
        try files.open(path).write([0xff], at: 2 * size - 2)
        log = try openLog(files, durableEnd: Offset(3))
        #expect(throws: LogError.damagedRecords(path: path, bytes: 0..<(3 * size))) { try log.values() }
        #expect(try log.values(from: 3) == ["d"])
        // Without a journal it counts as a torn tail.
        log = try openLog(files)
        #expect(try log.values() == ["a"])
    }

    @Test func `a missing log is detected`() throws {
        let missing = LogError.missingRecords(directory: "p", durableEnd: Offset(3), foundEnd: Offset(0))
        #expect(throws: missing) { try openLog(MemoryFileSystem(), durableEnd: Offset(3)) }
    }
}

extension MemoryFileSystem {
    /// The bytes of all of the log's files, by name.
    fileprivate func everything() throws -> [String: [UInt8]] {
        try names(in: "p").reduce(into: [:]) { $0[$1] = try contents(of: "p/\($1)") }
    }
}
