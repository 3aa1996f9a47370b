import MoldauLog
import MoldauRecords
import Testing

/// The records written to a log, and which of them were aborted.
private struct Story {
    var log: MemoryLog
    /// Values by offset.
    var committed: [Int64: String] = [:]
    var aborted: [(producer: Int64, first: Int64, marker: Int64)] = []
    private var open: [Int64: [(offset: Int64, value: String)]] = [:]
    private var sequences: [Int64: Int32] = [:]

    /// A random mix of three producers with transactions and one without.
    init(seed: UInt64, steps: Int, segmentBytes: Int) throws {
        log = try openLog(MemoryFileSystem(), ["segment.bytes": "\(segmentBytes)", "index.interval.bytes": "100"])
        var chance = SeededGenerator(seed: seed)
        for step in 0..<steps {
            let producer = Int64.random(in: 1...4, using: &chance)
            switch Int.random(in: 0..<10, using: &chance) {
            case 0..<7: try write(["\(step)", "\(step)b"], by: producer)
            case let action: try end(producer, commit: action == 7)
            }
        }
        for producer in 1...3 { try end(Int64(producer), commit: producer == 1) }
    }

    private mutating func write(_ values: [String], by producer: Int64) throws {
        let isPlain = producer == 4
        let stamp = ProducerStamp(
            id: producer, epoch: 0, baseSequence: sequences[producer] ?? 0, isTransactional: !isPlain)
        let place = try log.append(values, by: isPlain ? .none : stamp)
        sequences[producer, default: 0] += Int32(values.count)
        for (index, value) in values.enumerated() {
            let offset = place.first.value + Int64(index)
            if isPlain { committed[offset] = value } else { open[producer, default: []].append((offset, value)) }
        }
    }

    private mutating func end(_ producer: Int64, commit: Bool) throws {
        guard let records = open.removeValue(forKey: producer) else { return }
        let marker = try log.append(
            TransactionMarker(isCommit: commit),
            of: ProducerStamp(id: producer, epoch: 0, baseSequence: -1, isTransactional: true), now: Timestamp(ms: 0))
        if commit {
            for (offset, value) in records { committed[offset] = value }
        } else {
            aborted.append((producer, records[0].offset, marker.first.value))
        }
    }

    func expectedAborted(in range: Range<Int64>) -> Set<AbortedTransaction> {
        Set(
            aborted.filter { $0.marker >= range.lowerBound && $0.first < range.upperBound }
                .map { AbortedTransaction(producer: $0.producer, first: Offset($0.first)) })
    }
}

private func records(_ bytes: SharedBytes, from offset: Offset) throws -> [Int64: String] {
    var reader = RecordBatchReader(bytes.bytes, from: offset)
    var records: [Int64: String] = [:]
    while let record = try reader.next() {
        records[record.offset.value] = String(decoding: record.value!, as: UTF8.self)
    }
    return records
}

struct AbortedListTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `a read returns the aborted transactions that overlap it, and no others`(seed: UInt64) throws {
        var story = try Story(seed: seed, steps: 80, segmentBytes: seed % 2 == 0 ? 1 << 20 : 900)
        for maxBytes in [1, 200, 700, 1 << 20] {
            var (position, cursor, read): (Offset, LogCursor?, [Int64: String]) = (.zero, nil, [:])
            while let part = try story.log.planRead(
                from: position, maxBytes: maxBytes, after: cursor, onlyCommitted: true)?.read()
            {
                let range = position.value..<part.next.offset.value
                #expect(Set(part.aborted) == story.expectedAborted(in: range))
                read.merge(try records(part.committed, from: position)) { $1 }
                (position, cursor) = (part.next.offset, part.next)
            }
            #expect(read == story.committed)
        }
    }

    /// Also from the middle of a transaction.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `reading from any offset returns the committed records from there on`(seed: UInt64) throws {
        var story = try Story(seed: seed, steps: 40, segmentBytes: 700)
        for start in 0..<story.log.endOffset.value {
            let read = try #require(try story.log.planRead(from: Offset(start), maxBytes: 400, onlyCommitted: true))
                .read()
            let expected = story.committed.filter { (start..<read.next.offset.value).contains($0.key) }
            #expect(try records(read.committed, from: Offset(start)) == expected)
        }
    }

    @Test func `committed reads return the bytes on disk, with valid checksums`() throws {
        var story = try Story(seed: 3, steps: 60, segmentBytes: 1 << 20)
        let committed = try #require(try story.log.planRead(from: .zero, maxBytes: 1 << 20, onlyCommitted: true)).read()
        let all = try #require(try story.log.read(from: .zero, maxBytes: 1 << 20))
        #expect(!committed.aborted.isEmpty)
        #expect(committed.bytes.bytes.elementsEqual(all.bytes))
        for bytes in [committed.bytes, committed.committed] {
            var rest = bytes.bytes
            while rest.count > 0 {
                let header = try RecordBatchHeader(rest)
                try header.validateChecksum(rest)
                rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
            }
        }
    }

    @Test func `without aborted transactions the bytes are not copied`() throws {
        var log = try openLog(MemoryFileSystem())
        try log.append(["a"])
        let read = try #require(try log.planRead(from: .zero, maxBytes: 100, onlyCommitted: true)).read()
        #expect(read.committed === read.bytes)
    }

    /// Such a transaction would hide what its producer writes later: for a reader it is open until its marker.
    @Test func `a transaction whose marker was removed by compaction is no longer listed`() throws {
        let settings = [
            "cleanup.policy": "compact", "segment.bytes": "300", "min.cleanable.dirty.ratio": "0.01",
            "delete.retention.ms": "1000",
        ]
        var log = try openLog(MemoryFileSystem(), settings)
        func write(_ key: String, _ sequence: Int32, at time: Int64, commit: Bool) throws {
            let stamp = ProducerStamp(id: 1, epoch: 0, baseSequence: sequence, isTransactional: true)
            var builder = RecordBatchBuilder()
            builder.producer = stamp
            let bytes = [UInt8](repeating: UInt8(ascii: key.unicodeScalars.first!), count: 90)
            Array(key.utf8).withUnsafeBytes { key in
                bytes.withUnsafeBytes { builder.append(key: key, value: $0, timestamp: Timestamp(ms: time)) }
            }
            _ = try log.append(builder.finish(), now: Timestamp(ms: time))
            _ = try log.append(TransactionMarker(isCommit: commit), of: stamp, now: Timestamp(ms: time))
        }
        try write("a", 0, at: 0, commit: false)
        for number in 0..<6 { try write("b", Int32(number + 1), at: 0, commit: true) }
        #expect(try log.planRead(from: .zero, maxBytes: 100, onlyCommitted: true)?.read().aborted.count == 1)
        for time in [1, 5_000, 10_000, 15_000] as [Int64] {
            try write("c", Int32(7 + time / 5_000), at: time, commit: true)
            if let plan = try log.planCompaction(now: Timestamp(ms: time)) { try log.install(try plan.run()) }
        }
        let read = try #require(try log.planRead(from: .zero, maxBytes: 1 << 20, onlyCommitted: true)).read()
        #expect(read.aborted.isEmpty)
        #expect(try !records(read.committed, from: .zero).isEmpty)
    }
}
