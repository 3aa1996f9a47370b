import MoldauLog
import MoldauRecords
import Testing

/// A batch of two records with keys and one header each, as a producer sends it.
private let good: [UInt8] = {
    var builder = RecordBatchBuilder()
    for (key, time) in [("a", 7), ("b", 5)] as [(String, Int64)] {
        Array(key.utf8).withUnsafeBytes {
            builder.append(key: $0, value: $0, timestamp: Timestamp(ms: time), headers: [Header("h", "v")])
        }
    }
    return Array(builder.finish())
}()

/// A batch with a change, and with a checksum and length that match the change.
private func forged(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = good
    change(&bytes)
    bytes.replaceSubrange(8..<12, with: withUnsafeBytes(of: Int32(bytes.count - 12).bigEndian) { Array($0) })
    let checksum = bytes[21...].withUnsafeBytes { crc32c($0) }
    bytes.replaceSubrange(17..<21, with: withUnsafeBytes(of: checksum.bigEndian) { Array($0) })
    return bytes
}

typealias Change = @Sendable (inout [UInt8]) -> Void

private func put<Number: FixedWidthInteger & Sendable>(_ number: Number, at place: Int) -> Change {
    { bytes in
        bytes.replaceSubrange(
            place..<(place + MemoryLayout<Number>.size), with: withUnsafeBytes(of: number.bigEndian) { Array($0) })
    }
}

private func malformed(_ field: BatchField) -> LogError {
    .invalidBatch(.malformed(baseOffset: .zero, field: field))
}

struct ValidationTests {
    @Test func `a valid batch is accepted`() throws {
        var log = try openLog(MemoryFileSystem(), ["cleanup.policy": "compact"])
        let appended = try forged { _ in }.withUnsafeBytes { try log.append($0, now: .none) }
        #expect(appended.end == Offset(2))
    }

    /// Each of them has a matching length and checksum.
    @Test(
        arguments: [
            ("a count far beyond its bytes", put(Int32.max, at: 57), malformed(.recordCount)),
            ("no records", put(Int32(0), at: 57), malformed(.recordCount)),
            (
                "a count and a delta beyond its records",
                {
                    put(Int32(3), at: 57)(&$0); put(Int32(2), at: 23)(&$0)
                }, malformed(.recordLength)
            ),
            (
                "a count and a delta below its records",
                {
                    put(Int32(1), at: 57)(&$0); put(Int32(0), at: 23)(&$0)
                }, malformed(.trailingBytes)
            ),
            (
                "a body of zeros", { $0.replaceSubrange(61..., with: [UInt8](repeating: 0, count: 40)) },
                malformed(.recordLength)
            ),
            ("no body", { $0.removeSubrange(61...) }, malformed(.recordLength)),
            ("a trailing byte", { $0.append(0) }, malformed(.trailingBytes)),
            ("an unknown codec", put(Int16(7), at: 21), .invalidBatch(.unsupportedCompression(codec: 7))),
            ("invalid gzip data", put(Int16(1), at: 21), malformed(.compression)),
            ("invalid Snappy data", put(Int16(2), at: 21), malformed(.compression)),
            ("invalid LZ4 data", put(Int16(3), at: 21), malformed(.compression)),
            ("invalid Zstandard data", put(Int16(4), at: 21), malformed(.compression)),
            ("a log append time", put(Int16(8), at: 21), malformed(.attributes)),
            ("a delete horizon", put(Int16(0x40), at: 21), malformed(.attributes)),
            ("a control batch", put(Int16(0x30), at: 21), .controlBatch),
            ("a wrong maximum timestamp", put(Int64.max, at: 35), malformed(.recordTimestamp)),
            ("a duplicate offset", { $0[64] = 2 }, malformed(.recordOffset)),
            ("an invalid producer id", put(Int64(-2), at: 43), malformed(.producer)),
            ("a transaction without a producer", put(Int16(0x10), at: 21), malformed(.producer)),
            ("a producer without an epoch", put(Int64(5), at: 43), malformed(.producer)),
            ("a header name that is not text", { $0[$0.count - 3] = 0xff }, malformed(.headers)),
        ] as [(String, Change, LogError)])
    func `a batch that readers could not decode is refused`(what: String, change: Change, error: LogError) throws {
        var log = try openLog(MemoryFileSystem())
        let bytes = SharedBytes(copying: forged(change))
        #expect(throws: error, "\(what)") { try log.append(bytes.bytes, now: .none) }
        #expect(log.endOffset == .zero, "\(what)")
    }

    @Test(
        arguments: [
            (
                "a count and a delta beyond its records",
                {
                    put(Int32(3), at: 57)(&$0); put(Int32(2), at: 23)(&$0)
                }, malformed(.recordLength)
            ),
            (
                "a count and a delta below its records",
                {
                    put(Int32(1), at: 57)(&$0); put(Int32(0), at: 23)(&$0)
                }, malformed(.trailingBytes)
            ),
            ("no body", { $0.removeSubrange(61...) }, malformed(.recordLength)),
            ("a trailing byte", { $0.append(0) }, malformed(.trailingBytes)),
            ("a wrong maximum timestamp", put(Int64.max, at: 35), malformed(.recordTimestamp)),
            ("a duplicate offset", { $0[64] = 2 }, malformed(.recordOffset)),
            ("a header name that is not text", { $0[$0.count - 3] = 0xff }, malformed(.headers)),
        ] as [(String, Change, LogError)], [Compression.gzip, .snappy, .lz4, .zstd])
    func `the records of a compressed batch are checked too`(
        case: (what: String, change: Change, error: LogError), codec: Compression
    ) throws {
        let batch = SharedBytes(copying: forged(`case`.change))
        let packed = try RecordBatchHeader(batch.bytes).packed(batch.bytes, as: codec)
        var log = try openLog(MemoryFileSystem())
        #expect(throws: `case`.error, "\(`case`.what)") { try log.append(packed.bytes, now: .none) }
        #expect(log.endOffset == .zero)
    }

    @Test func `a compacted topic refuses a null key, and names its record`() throws {
        var builder = RecordBatchBuilder()
        builder.append(key: UnsafeRawBufferPointer(start: nil, count: 0), value: nil, timestamp: .none)
        builder.append(key: nil, value: nil, timestamp: .none)
        let bytes = SharedBytes(copying: builder.finish())
        for policy in ["compact", "compact,delete"] {
            var log = try openLog(MemoryFileSystem(), ["cleanup.policy": policy])
            #expect(throws: LogError.nullKey(record: 1)) { try log.append(bytes.bytes, now: .none) }
        }
        var log = try openLog(MemoryFileSystem())
        #expect(try log.append(bytes.bytes, now: .none).end == Offset(2))
    }

    @Test func `a builder reports whether a record lacks a key`() {
        var builder = RecordBatchBuilder()
        let (text, long) = ([UInt8(1)], [UInt8](repeating: 1, count: 100))
        for bytes in [text, long] {
            bytes.withUnsafeBytes { builder.append(key: $0, value: nil, timestamp: .none) }
            var lacksKey = builder.lacksKey
            #expect(!lacksKey)
            bytes.withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: .none) }
            lacksKey = builder.lacksKey
            #expect(lacksKey)
            text.withUnsafeBytes { builder.append(key: $0, value: nil, timestamp: .none) }
            lacksKey = builder.lacksKey
            #expect(lacksKey)
            builder.reset()
        }
    }

    @Test func `timestamps of any value are accepted and read back unchanged`() throws {
        let times = [Int64.max, .min, -1, 0, .min, .max].map { Timestamp(ms: $0) }
        var builder = RecordBatchBuilder()
        for time in times { builder.append(key: nil, value: nil, timestamp: time) }
        var log = try openLog(MemoryFileSystem(), ["segment.bytes": "80", "index.interval.bytes": "0"])
        for _ in 0..<3 { _ = try log.append(builder.finish(), now: Timestamp(ms: 5)) }
        let read = try #require(try log.read(from: Offset(6), maxBytes: 1))
        var reader = RecordBatchReader(read.bytes)
        for time in times { #expect(try reader.next()?.timestamp == time) }
        #expect(try log.offset(atOrAfter: Timestamp(ms: .max)) == .zero)
        try log.close()
    }
}
