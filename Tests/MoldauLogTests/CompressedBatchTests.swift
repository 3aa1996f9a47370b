import MoldauLog
import MoldauRecords
import Testing

private let codecs: [Compression] = [.gzip, .snappy, .lz4, .zstd]

/// A batch of records with these keys, each a millisecond after the one before.
private func batch(
    _ keys: [String], _ codec: Compression, from time: Int64 = 0, valueBytes: Int = 20,
    by producer: ProducerStamp = .none
) -> [UInt8] {
    var builder = RecordBatchBuilder()
    builder.compression = codec
    builder.producer = producer
    let value = [UInt8](repeating: 7, count: valueBytes)
    for (index, key) in keys.enumerated() {
        Array(key.utf8).withUnsafeBytes { key in
            value.withUnsafeBytes {
                builder.append(key: key, value: $0, timestamp: Timestamp(ms: time + Int64(index)))
            }
        }
    }
    return Array(builder.finish())
}

extension PartitionLog {
    @discardableResult
    fileprivate mutating func append(_ batch: [UInt8], now: Int64 = 0) throws -> Appended {
        try batch.withUnsafeBytes { try append($0, now: Timestamp(ms: now)) }
    }

    fileprivate mutating func keys() throws -> [String] {
        let bytes = try whole()
        var reader = RecordBatchReader(bytes.bytes)
        var keys: [String] = []
        while let record = try reader.next() { keys.append(String(decoding: record.key!, as: UTF8.self)) }
        return keys
    }

    private mutating func whole() throws -> SharedBytes {
        try read(from: startOffset, maxBytes: 1 << 20) ?? SharedBytes(copying: [])
    }

    /// The headers of all batches, whose checksums are right.
    fileprivate mutating func headers() throws -> [RecordBatchHeader] {
        let bytes = try whole()
        var (rest, headers) = (bytes.bytes, [RecordBatchHeader]())
        while rest.count > 0 {
            let header = try RecordBatchHeader(rest)
            try header.validateChecksum(rest)
            headers.append(header)
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
        return headers
    }
}

struct CompressedBatchTests {
    @Test(arguments: codecs)
    func `a compressed batch is stored as received, and can be read`(codec: Compression) throws {
        var log = try openLog(MemoryFileSystem())
        let sent = batch(["a", "b", "c"], codec)
        #expect(try log.append(sent).end == Offset(3))
        let stored = try #require(try log.read(from: .zero, maxBytes: 1 << 20))
        #expect(Array(stored.bytes[21...]) == Array(sent[21...]))
        #expect(try log.keys() == ["a", "b", "c"])
    }

    @Test(arguments: codecs)
    func `a timestamp is looked up inside a compressed batch`(codec: Compression) throws {
        var log = try openLog(MemoryFileSystem())
        try log.append(batch(["a", "b", "c"], codec, from: 100))
        try log.append(batch(["d", "e", "f"], codec, from: 200))
        for (time, offset) in [(0, 0), (101, 1), (103, 3), (202, 5)] as [(Int64, Int64)] {
            #expect(try log.offset(atOrAfter: Timestamp(ms: time)) == Offset(offset))
        }
        #expect(try log.offset(atOrAfter: Timestamp(ms: 203)) == nil)
    }

    @Test(arguments: codecs, ["producer", "uncompressed", "gzip", "zstd"])
    func `compaction keeps the last record of each key in compressed batches too`(
        codec: Compression, topic: String
    ) throws {
        let files = MemoryFileSystem()
        var settings = [
            "cleanup.policy": "compact", "segment.bytes": "60", "min.cleanable.dirty.ratio": "0.01",
        ]
        var log = try openLog(files, settings)
        try log.append(batch(["a", "b", "c", "b"], codec))
        try log.append(batch(["a", "d"], codec))
        try log.append(batch(["z"], .none))
        settings["compression.type"] = topic
        log.configuration = try LogConfiguration(settings)
        let plan = try #require(try log.planCompaction(now: .none))
        try log.install(try plan.run())
        var keys: [String] = []
        var codecs: [Int] = []
        for offset in [0, 4, 6] as [Int64] {
            let bytes = try #require(try log.read(from: Offset(offset), maxBytes: 1))
            let header = try RecordBatchHeader(bytes.bytes)
            try header.validateChecksum(bytes.bytes)
            codecs.append(header.codec)
            var reader = RecordBatchReader(bytes.bytes)
            while let record = try reader.next() {
                keys.append("\(record.offset):\(String(decoding: record.key!, as: UTF8.self))")
            }
        }
        #expect(keys == ["2:c", "3:b", "4:a", "5:d", "6:z"])
        // Only the first batch lost records, and was rewritten.
        let wanted = log.configuration.compression ?? codec
        #expect(codecs == [wanted.rawValue, codec.rawValue, 0])
    }

    @Test(arguments: Compression.allCases, ["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"])
    func `batches are stored with the topic's compression type`(codec: Compression, topic: String) throws {
        var log = try openLog(MemoryFileSystem(), ["compression.type": topic])
        try log.append(batch(["a", "b"], codec, by: ProducerStamp(id: 3, epoch: 0, baseSequence: 0)))
        let again = try log.append(batch(["a", "b"], codec, by: ProducerStamp(id: 3, epoch: 0, baseSequence: 0)))
        #expect(again.first == .zero && again.end == Offset(2))
        try log.append(batch(["c"], codec, by: ProducerStamp(id: 3, epoch: 0, baseSequence: 2)))
        let names = try log.headers().map { try $0.compression.name }
        let wanted = topic == "producer" ? codec.name : topic == "uncompressed" ? "none" : topic
        #expect(names == [wanted, wanted])
        #expect(try log.headers().map(\.producer.baseSequence) == [0, 2])
        #expect(try log.keys() == ["a", "b", "c"])
    }

    @Test func `a batch that is too large once uncompressed is refused`() throws {
        var log = try openLog(MemoryFileSystem(), ["compression.type": "uncompressed", "max.message.bytes": "500"])
        let large = batch(["a"], .zstd, valueBytes: 1_000)
        #expect(large.count < 500)
        let error = #expect(throws: LogError.self) { try log.append(large) }
        #expect(error?.kafkaErrorCode == 10)
        #expect(log.endOffset == .zero)
    }

    @Test(arguments: ["", "none", "GZIP", "brotli"])
    func `an unknown compression type is refused`(value: String) {
        #expect(throws: LogError.invalidConfiguration(key: "compression.type", value: value)) {
            try LogConfiguration(["compression.type": value])
        }
    }

    @Test(arguments: Compression.allCases)
    func `the log append time is stored in the header, and returned`(codec: Compression) throws {
        var log = try openLog(MemoryFileSystem(), ["message.timestamp.type": "LogAppendTime"])
        let producer = ProducerStamp(id: 3, epoch: 0, baseSequence: 0)
        let appended = try log.append(batch(["a", "b"], codec, by: producer), now: 77)
        #expect(appended.logAppendTime == Timestamp(ms: 77))
        let header = try #require(try log.headers().first)
        #expect(header.isLogAppendTime && header.maxTimestamp == Timestamp(ms: 77))
        // A duplicate batch keeps its timestamp.
        #expect(try log.append(batch(["a", "b"], codec, by: producer), now: 99).logAppendTime == nil)
        #expect(try log.offset(atOrAfter: Timestamp(ms: 77)) == .zero)
    }

    @Test(arguments: Compression.allCases)
    func `timestamps outside of the topic's bounds are refused`(codec: Compression) throws {
        let bounds = ["message.timestamp.before.max.ms": "10", "message.timestamp.after.max.ms": "5"]
        var log = try openLog(MemoryFileSystem(), bounds)
        try log.append(batch(["a", "b", "c"], codec, from: 90), now: 100)
        try log.append(batch(["a"], codec, from: 105), now: 100)
        let allowed = Timestamp(ms: 90)...Timestamp(ms: 105)
        #expect(throws: LogError.timestampOutOfBounds(record: 0, time: Timestamp(ms: 89), allowed: allowed)) {
            try log.append(batch(["a", "b"], codec, from: 89), now: 100)
        }
        let error = #expect(throws: LogError.self) { try log.append(batch(["a", "b"], codec, from: 105), now: 100) }
        #expect(error == .timestampOutOfBounds(record: 1, time: Timestamp(ms: 106), allowed: allowed))
        #expect(error?.kafkaErrorCode == 32)
        #expect(log.endOffset == Offset(4))
        // A record without a timestamp is not checked.
        try log.append(batch(["a"], codec, from: -1), now: 100)
        var appendTime = try openLog(
            MemoryFileSystem(), bounds.merging(["message.timestamp.type": "LogAppendTime"]) { $1 })
        try appendTime.append(batch(["a"], codec, from: 1), now: 100)
        var onlyAfter = try openLog(MemoryFileSystem(), ["message.timestamp.after.max.ms": "5"])
        try onlyAfter.append(batch(["a"], codec, from: 1), now: 100)
        #expect(throws: LogError.self) { try onlyAfter.append(batch(["a"], codec, from: 106), now: 100) }
    }

    @Test func `a client sends one batch per partition, with offsets from 0`() throws {
        func check(_ bytes: [UInt8]) throws {
            try bytes.withUnsafeBytes { try RecordBatchHeader.checkSent($0) }
        }
        let one = batch(["a"], .none)
        try check(one)
        #expect(throws: LogError.notOneBatch(size: one.count, sent: one.count * 2)) { try check(one + one) }
        #expect(throws: LogError.notOneBatch(size: one.count, sent: one.count - 1)) { try check(one.dropLast()) }
        #expect(throws: LogError.invalidBatch(.truncated(needed: 61, got: 0))) { try check([]) }
        var (based, old) = (one, one)
        based[7] = 1
        old[16] = 1
        #expect(throws: LogError.invalidBatch(.malformed(baseOffset: Offset(1), field: .baseOffset))) {
            try check(based)
        }
        #expect(throws: LogError.invalidBatch(.unsupportedMagic(1))) { try check(old) }
    }

    @Test(
        arguments: [
            (.offsetOutOfRange(requested: .zero, held: .zero..<Offset(1)), 1),
            (.invalidBatch(.checksumMismatch(baseOffset: .zero, stored: 0, computed: 1)), 2),
            (.invalidBatch(.malformed(baseOffset: .zero, field: .batchLength)), 2),
            (.invalidBatch(.malformed(baseOffset: .zero, field: .compression)), 87),
            (.invalidBatch(.unsupportedMagic(1)), 87),
            (.invalidBatch(.unsupportedCompression(codec: 6)), 76),
            (.invalidBatch(.unpackedTooLarge(baseOffset: .zero, limit: 1)), 10),
            (.batchTooLarge(bytes: 2, limit: 1), 10),
            (.controlBatch, 87), (.nullKey(record: 0), 87), (.notOneBatch(size: 1, sent: 2), 87),
            (.producerFenced(id: 1, epoch: 0, current: 1), 47),
            (.outOfOrderSequence(producer: 1, expected: 0, got: 1), 45),
            (.invalidConfiguration(key: "a", value: "b"), 40),
            (.offline(reason: ""), 56),
        ] as [(LogError, Int16)])
    func `each error maps to Kafka's error code`(error: LogError, code: Int16) { #expect(error.kafkaErrorCode == code) }
}
