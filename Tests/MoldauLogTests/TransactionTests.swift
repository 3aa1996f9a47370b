import Foundation
import MoldauLog
import MoldauRecords
import Testing

/// A producer that numbers its records like Kafka's.
private struct Writer {
    let id: Int64
    var epoch: Int16 = 0
    var sequence: Int32 = 0

    mutating func batch(_ values: [String]) -> [UInt8] {
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(id: id, epoch: epoch, baseSequence: sequence, isTransactional: true)
        for value in values {
            Array(value.utf8).withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 0)) }
        }
        sequence += Int32(values.count)
        return Array(builder.finish())
    }

    @discardableResult
    mutating func write(_ values: String..., to log: inout MemoryLog) throws -> MemoryLog.Appended {
        try batch(values).withUnsafeBytes { try log.append($0, now: Timestamp(ms: 0)) }
    }

    func end(_ log: inout MemoryLog, commit: Bool) throws {
        _ = try log.append(
            TransactionMarker(isCommit: commit),
            of: ProducerStamp(id: id, epoch: epoch, baseSequence: -1, isTransactional: true), now: Timestamp(ms: 0))
    }
}

extension PartitionLog {
    fileprivate mutating func committed(maxBytes: Int = 1 << 20) throws -> [String] {
        var (values, position): ([String], Offset) = ([], startOffset)
        while let read = try planRead(from: position, maxBytes: maxBytes, onlyCommitted: true)?.read() {
            let bytes = read.committed
            var reader = RecordBatchReader(bytes.bytes, from: position)
            while let record = try reader.next() { values.append(String(decoding: record.value!, as: UTF8.self)) }
            position = read.next.offset
        }
        return values
    }
}

struct TransactionTests {
    @Test func `read-committed readers see no records of open or aborted transactions`() throws {
        var log = try openLog(MemoryFileSystem())
        var (one, two) = (Writer(id: 1), Writer(id: 2))
        try log.append(["plain"])
        try one.write("a1", "a2", to: &log)
        try two.write("b1", to: &log)
        try one.end(&log, commit: true)
        #expect(try log.committed() == ["plain", "a1", "a2"])
        #expect(log.lastStableOffset == Offset(3))
        try two.end(&log, commit: false)
        try two.write("b2", to: &log)
        try log.append(["later"])
        #expect(try log.committed() == ["plain", "a1", "a2"])
        try two.end(&log, commit: true)
        for maxBytes in [1, 200, 1 << 20] {
            #expect(try log.committed(maxBytes: maxBytes) == ["plain", "a1", "a2", "b2", "later"])
        }
        #expect(try log.values() == ["plain", "a1", "a2", "b1", "b2", "later"])
    }

    /// A recovery reads the headers of what was durable and not its records, so a changed producer id goes unnoticed
    /// until the batch is read.
    @Test(arguments: [true, false])
    func `aborted records stay hidden after a bit flip that a recovery accepted is repaired`(rolls: Bool) throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        var writer = Writer(id: 1)
        let position = try files.open("p/00000000000000000000.log").size() + BatchFormat.producerID.position + 6
        try writer.write("aborted", to: &log)
        try writer.end(&log, commit: false)
        try log.append(["plain"])
        let end = log.endOffset
        let file = try files.open("p/00000000000000000000.log")
        let byte = try file.read(1, at: position)[0]

        try file.write([byte ^ 4], at: position)
        log = try openLog(files, durableEnd: end)
        if rolls { try log.roll() } else { try log.close() }
        #expect(throws: LogError.self) { try log.values() }

        try file.write([byte], at: position)
        log = try openLog(files, wasClean: !rolls, durableEnd: end)
        #expect(try log.committed() == ["plain"])
        try log.close()
        log = try openLog(files, wasClean: true, durableEnd: end)
        #expect(try log.committed() == ["plain"])
    }

    @Test func `a duplicate batch is stored once; one after a gap or of a fenced producer is refused`() throws {
        var log = try openLog(MemoryFileSystem())
        var writer = Writer(id: 7)
        let batches = [writer.batch(["a"]), writer.batch(["b", "c"]), writer.batch(["d"])]
        func append(_ batch: [UInt8]) throws -> MemoryLog.Appended {
            try batch.withUnsafeBytes { try log.append($0, now: Timestamp(ms: 0)) }
        }
        _ = try append(batches[0])
        #expect(throws: LogError.outOfOrderSequence(producer: 7, expected: 1, got: 3)) { try append(batches[2]) }
        let second = try append(batches[1])
        #expect(try append(batches[1]) == second)
        #expect(try append(batches[0]).first == .zero)
        var newer = Writer(id: 7, epoch: 1)
        try newer.write("e", to: &log)
        #expect(throws: LogError.producerFenced(id: 7, epoch: 0, current: 1)) { try append(batches[2]) }
        #expect(throws: LogError.producerFenced(id: 7, epoch: 0, current: 1)) { try writer.end(&log, commit: true) }
        #expect(try log.values() == ["a", "b", "c", "e"])
    }

    @Test(arguments: [true, false], ["1000000", "300"])
    func `a reopened log knows its transactions`(wasClean: Bool, segmentBytes: String) throws {
        let files = MemoryFileSystem()
        let settings = ["segment.bytes": segmentBytes]
        var log = try openLog(files, settings)
        var (one, two) = (Writer(id: 1), Writer(id: 2))
        for round in 0..<6 {
            try one.write("one \(round)", to: &log)
            try one.end(&log, commit: round % 2 == 0)
        }
        try two.write("two", to: &log)
        try log.append(["plain"])
        let committed = try log.committed()
        #expect(committed == ["one 0", "one 2", "one 4"])
        if wasClean { try log.close() }
        log = try openLog(files, settings, wasClean: wasClean)
        #expect(try log.committed() == committed)
        #expect(log.openTransactions.map(\.producer) == [2])
        try one.write("one 6", to: &log)
        #expect(throws: LogError.outOfOrderSequence(producer: 2, expected: 1, got: 5)) {
            two.sequence = 5
            try two.write("gap", to: &log)
        }
        try one.end(&log, commit: true)
        try two.end(&log, commit: false)
        #expect(try log.committed() == committed + ["plain", "one 6"])
    }

    @Test func `a log with lost or damaged snapshots reads its batches again`() throws {
        for damage in [nil, [UInt8](repeating: 1, count: 30)] {
            let files = MemoryFileSystem()
            let settings = ["segment.bytes": "300"]
            var log = try openLog(files, settings)
            var writer = Writer(id: 1)
            for round in 0..<6 {
                try writer.write("one \(round)", to: &log)
                if round < 5 { try writer.end(&log, commit: round % 2 == 0) }
            }
            try log.close()
            for name in try files.names(in: "p") where name.hasSuffix(".snapshot") {
                try files.removeFile("p/\(name)")
                if let damage { try files.open("p/\(name)").write(damage, at: 0) }
            }
            log = try openLog(files, settings, wasClean: true)
            #expect(log.openTransactions.map(\.producer) == [1])
            #expect(try log.committed() == ["one 0", "one 2", "one 4"])
        }
    }
}
