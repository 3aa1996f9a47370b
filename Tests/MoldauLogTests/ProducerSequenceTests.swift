import MoldauLog
import MoldauRecords
import Testing

/// The rules for an idempotent producer's sequence numbers (KIP-98, KIP-360).
struct ProducerSequenceTests {
    private func send(
        _ sequence: Int32, count: Int = 1, epoch: Int16 = 0, to log: inout MemoryLog
    ) throws(LogError) -> Int64 {
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(id: 1, epoch: epoch, baseSequence: sequence, isTransactional: false)
        for _ in 0..<count { builder.append(key: nil, value: nil, timestamp: Timestamp(ms: 0)) }
        return try log.append(builder.finish(), now: Timestamp(ms: 0)).first.value
    }

    @Test func `the last five batches are recognised when repeated, and older ones are out of order`() throws {
        var log = try openLog(MemoryFileSystem())
        for number in 0..<7 { _ = try send(Int32(2 * number), count: 2, to: &log) }
        for number in 2..<7 {
            #expect(try send(Int32(2 * number), count: 2, to: &log) == Int64(2 * number))
        }
        for number in 0..<2 { #expect(throws: LogError.self) { try send(Int32(2 * number), count: 2, to: &log) } }
        // The same first number with another count is another batch.
        #expect(throws: LogError.self) { try send(12, count: 1, to: &log) }
        #expect(throws: LogError.outOfOrderSequence(producer: 1, expected: 14, got: 15)) { try send(15, to: &log) }
        #expect(log.endOffset == Offset(14))
    }

    @Test func `an unknown producer may begin at any sequence number, and a new epoch begins at 0`() throws {
        var log = try openLog(MemoryFileSystem())
        #expect(try send(41, to: &log) == 0)
        #expect(try send(42, to: &log) == 1)
        #expect(throws: LogError.outOfOrderSequence(producer: 1, expected: 0, got: 43)) {
            try send(43, epoch: 1, to: &log)
        }
        #expect(try send(0, epoch: 1, to: &log) == 2)
        #expect(throws: LogError.producerFenced(id: 1, epoch: 0, current: 1)) { try send(43, to: &log) }
        // A batch of the previous epoch is not taken for one of this epoch.
        #expect(throws: LogError.self) { try send(42, epoch: 1, to: &log) }
    }

    @Test(arguments: [Int32.max - 2, .max - 1, .max])
    func `after the greatest sequence number comes 0`(first: Int32) throws {
        var log = try openLog(MemoryFileSystem())
        _ = try send(first, count: 3, to: &log)
        let next = (first &+ 3) & .max
        #expect(try send(first, count: 3, to: &log) == 0, "duplicate")
        #expect(throws: LogError.self) { try send(next + 1, to: &log) }
        #expect(try send(next, to: &log) == 3)
    }

    @Test func `after a marker without batches the epoch's first batch has sequence number 0`() throws {
        var log = try openLog(MemoryFileSystem())
        let stamp = ProducerStamp(id: 1, epoch: 4, baseSequence: -1, isTransactional: true)
        _ = try log.append(TransactionMarker(isCommit: false), of: stamp, now: Timestamp(ms: 0))
        #expect(throws: LogError.outOfOrderSequence(producer: 1, expected: 0, got: 1)) {
            try send(1, epoch: 4, to: &log)
        }
        #expect(try send(0, epoch: 4, to: &log) == 1)
    }

    @Test func `the last batch is recognised after a restart`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        _ = try send(0, count: 2, to: &log)
        _ = try send(2, count: 2, to: &log)
        try log.close()
        log = try openLog(files, wasClean: true)
        #expect(try send(2, count: 2, to: &log) == 2)
        #expect(throws: LogError.self) { try send(5, to: &log) }
        #expect(try send(4, to: &log) == 4)
    }
}
