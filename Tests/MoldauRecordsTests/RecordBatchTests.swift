import MoldauRecords
import Testing

/// A record as a test compares it.
struct Seen: Equatable {
    var offset: Int64
    var timestamp: Int64
    var key: String?
    var value: String?
    var headers: Headers = []
}

/// Reads records one by one, and checks that reading several at once finds the same ones, up to the same error.
func walk(_ bytes: [UInt8], from: Int64 = 0) throws -> [Seen] {
    let (seen, error) = walk(bytes, from) { reader in try reader.next().map { [Seen.read($0)] } ?? [] }
    for limit in [1, 3, 16] {
        let (several, theirError) = walk(bytes, from) { try $0.read(upTo: limit) }
        #expect(several == seen && "\(theirError, default: "")" == "\(error, default: "")", "\(limit) at once")
    }
    if let error { throw error }
    return seen
}

private func walk(
    _ bytes: [UInt8], _ from: Int64, _ read: (inout RecordBatchReader) throws -> [Result<Seen, any Error>]
) -> (seen: [Seen], error: (any Error)?) {
    var seen: [Seen] = []
    do {
        try bytes.withUnsafeBytes { buffer in
            var reader = RecordBatchReader(buffer, from: Offset(from))
            while true {
                let records = try read(&reader)
                if records.isEmpty { return }
                for record in records { seen.append(try record.get()) }
            }
        }
    } catch {
        return (seen, error)
    }
    return (seen, nil)
}

extension RecordBatchReader {
    fileprivate mutating func read(upTo limit: Int) throws -> [Result<Seen, any Error>] {
        let records = UnsafeMutablePointer<RecordView>.allocate(capacity: limit)
        defer { records.deallocate() }
        let count = try read(into: records, upTo: limit)
        #expect(count <= limit)
        return (0..<count).map { Seen.read(records[$0]) }
    }
}

extension Seen {
    fileprivate static func read(_ record: RecordView) -> Result<Seen, any Error> {
        Result {
            Seen(
                offset: record.offset.value, timestamp: record.timestamp.ms,
                key: record.key.map { String(decoding: $0, as: UTF8.self) },
                value: record.value.map { String(decoding: $0, as: UTF8.self) }, headers: try record.headers())
        }
    }
}

private func build(_ records: [Seen], producer: ProducerStamp = .none) -> [UInt8] {
    var builder = RecordBatchBuilder(capacity: 1)
    builder.producer = producer
    for record in records {
        let (key, value) = (record.key.map { Array($0.utf8) }, record.value.map { Array($0.utf8) })
        builder.append(key: key, value: value, timestamp: Timestamp(ms: record.timestamp), headers: record.headers)
    }
    return Array(builder.finish())
}

extension RecordBatchBuilder {
    fileprivate mutating func append(key: [UInt8]?, value: [UInt8]?, timestamp: Timestamp, headers: Headers) {
        (key ?? []).withUnsafeBytes { keyBytes in
            (value ?? []).withUnsafeBytes { valueBytes in
                append(
                    key: key == nil ? nil : keyBytes, value: value == nil ? nil : valueBytes, timestamp: timestamp,
                    headers: headers)
            }
        }
    }
}

private let three = [
    Seen(offset: 0, timestamp: 1000, key: "k", value: "v"),
    Seen(offset: 1, timestamp: 1001, key: nil, value: "v2"),
    Seen(offset: 2, timestamp: 1005, key: "k3", value: nil, headers: [Header("h", "x")]),
]

struct RecordBatchTests {
    /// Sizes on both sides of those at which a length takes another byte.
    @Test func `records written in place equal those that are copied in`() throws {
        struct Refused: Error {}
        var inPlace = RecordBatchBuilder(capacity: 1)
        var copied = RecordBatchBuilder(capacity: 1)
        let sizes: [Int?] = [nil, 0, 1, 15, 16, 62, 63, 64, 65, 130, 8_191, 8_192, 20_000]
        for (keySize, valueSize) in sizes.flatMap({ key in sizes.map { (key, $0) } }) {
            let time = Timestamp(ms: 1_000 + Int64(inPlace.recordCount * 97 % 5_000) - 300)
            let headers: Headers = inPlace.recordCount % 5 == 0 ? [Header("h", "x")] : []
            let key = keySize.map { [UInt8](repeating: 7, count: $0) }
            let value = valueSize.map { [UInt8](repeating: 9, count: $0) }
            // A serde that fails halfway leaves nothing behind.
            do {
                try inPlace.append(timestamp: Timestamp(ms: 100_000), headers: headers, hasKey: true, hasValue: true) {
                    $0.append(contentsOf: key ?? [1])
                } value: {
                    $0.append(contentsOf: value ?? [2])
                    throw Refused()
                }
                Issue.record("the error was not rethrown")
            } catch is Refused {}
            inPlace.append(timestamp: time, headers: headers, hasKey: key != nil, hasValue: value != nil) {
                $0.append(contentsOf: key ?? [])
            } value: {
                $0.append(contentsOf: value ?? [])
            }
            copied.append(key: key, value: value, timestamp: time, headers: headers)
            #expect(inPlace.byteCount == copied.byteCount)
        }
        let (bytes, expected) = (Array(inPlace.finish()), Array(copied.finish()))
        #expect(bytes == expected)
        let seen = try walk(bytes)
        #expect(seen.count == sizes.count * sizes.count)
        #expect(seen.map { $0.key?.utf8.count } == sizes.flatMap { key in sizes.map { _ in key } })
        #expect(seen.map { $0.value?.utf8.count } == sizes.flatMap { _ in sizes })
    }

    @Test func `batches are built byte for byte as Kafka builds them`() {
        #expect(build(three) == Golden.batch("none"))
        let stamp = ProducerStamp(id: 7, epoch: 2, baseSequence: 5)
        #expect(build(three, producer: stamp) == Golden.batch("idempotent"))
    }

    @Test(arguments: ["none", "idempotent"])
    func `Kafka's batches can be read`(name: String) throws {
        #expect(try walk(Golden.batch(name)) == three)
    }

    @Test func `offsets count from the batch's base`() throws {
        let bytes = Golden.batch("transactional")
        #expect(try walk(bytes).map(\.offset) == [42, 43, 44])
        let header = try bytes.withUnsafeBytes { try RecordBatchHeader($0) }
        #expect(header.producer == ProducerStamp(id: 7, epoch: 2, baseSequence: 5, isTransactional: true))
        #expect(header.leaderEpoch == 3)
        #expect(header.lastOffset == Offset(44))
    }

    @Test func `records before the requested offset are skipped`() throws {
        #expect(try walk(Golden.batch("none"), from: 1) == Array(three[1...]))
        #expect(try walk(Golden.batch("none") + Golden.batch("transactional"), from: 43).map(\.offset) == [43, 44])
    }

    @Test func `control batches are skipped, and reading continues after them`() throws {
        let bytes = Golden.batch("control batch COMMIT")
        #expect(try walk(bytes) == [])
        let nextOffset = try bytes.withUnsafeBytes { buffer in
            var reader = RecordBatchReader(buffer)
            while try reader.next() != nil {}
            return reader.nextOffset
        }
        #expect(nextOffset == Offset(1))
    }

    @Test func `a truncated batch at the end is ignored`() throws {
        let whole = Golden.batch("none")
        for length in 0..<whole.count { #expect(try walk(whole + whole[..<length]).count == 3) }
    }

    @Test func `log append time gives every record the batch's largest timestamp`() throws {
        var bytes = Golden.batch("none")
        bytes[22] |= 0x08
        #expect(try walk(bytes).map(\.timestamp) == [1005, 1005, 1005])
    }

    @Test func `the checksum detects a flipped bit in each byte after it`() throws {
        let good = Golden.batch("none")
        for position in 17..<good.count {
            var bytes = good
            bytes[position] ^= 0x10
            #expect(throws: RecordBatchError.self) {
                try bytes.withUnsafeBytes { try RecordBatchHeader($0).validateChecksum($0) }
            }
        }
    }

    @Test func `the reader does not trap on damaged bytes`() {
        let good = build(three + [Seen(offset: 3, timestamp: -5, key: String(repeating: "x", count: 300), value: "")])
        for position in good.indices {
            for replacement: UInt8 in [0x00, 0x01, 0x7f, 0x80, 0xff, good[position] ^ 0x10] {
                var bytes = good
                bytes[position] = replacement
                _ = try? walk(bytes + good)
            }
            _ = try? walk(Array(good[..<position]))
        }
    }

    @Test func `a reset builder builds the next batch as a new one would`() {
        var builder = RecordBatchBuilder()
        builder.append(key: [1], value: Array(repeating: 7, count: 100_000), timestamp: Timestamp(ms: 9), headers: [])
        _ = builder.finish()
        builder.reset()
        let isEmpty = builder.isEmpty
        #expect(isEmpty)
        builder.append(key: Array("k".utf8), value: nil, timestamp: Timestamp(ms: 1), headers: [])
        let bytes = Array(builder.finish())
        #expect(bytes == build([Seen(offset: 0, timestamp: 1, key: "k", value: nil)]))
        let byteCount = builder.byteCount
        #expect(byteCount == bytes.count)
    }

    @Test func `timestamps that are far apart or before the first survive encoding`() throws {
        let records = [Int64.max, .min, 0, -1].enumerated().map { index, time in
            Seen(offset: Int64(index), timestamp: time, key: "", value: nil)
        }
        #expect(try walk(build(records)) == records)
    }

    @Test func `headers with null values and repeated names survive encoding`() throws {
        let headers: Headers = [Header("a", "1"), Header("a", nil), Header("é", [])]
        let records = [Seen(offset: 0, timestamp: 0, key: nil, value: nil, headers: headers)]
        #expect(try walk(build(records)) == records)
    }
}
