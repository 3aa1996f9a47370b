import MoldauRecords
import Testing

private let codecs = Compression.allCases.filter { $0 != .none }

/// Some kibibytes that compress, and that no codec writes as one block of copies.
private let text: [UInt8] = (0..<40_000).map { UInt8(truncatingIfNeeded: ($0 * $0) >> 7 ^ $0 % 11) }

private func pack(_ bytes: [UInt8], _ codec: Compression) -> [UInt8] {
    bytes.withUnsafeBytes {
        let packed = codec.pack($0)
        return Array(packed.bytes)
    }
}

private func unpack(_ bytes: [UInt8], _ codec: Compression, limit: Int = 1 << 20) throws -> [UInt8] {
    try bytes.withUnsafeBytes {
        let unpacked = try codec.unpack($0, limit: limit)
        return Array(unpacked.bytes)
    }
}

/// The framing of Java's xerial library around raw blocks.
private func framed(_ blocks: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    for block in blocks { bytes += withUnsafeBytes(of: Int32(block.count).bigEndian) { Array($0) } + block }
    return bytes
}

/// A batch of ten equal records, compressed.
private func batch(_ codec: Compression, at base: Int64 = 0) -> [UInt8] {
    var builder = RecordBatchBuilder()
    builder.compression = codec
    for number in 0..<10 {
        Array("value".utf8).withUnsafeBytes {
            builder.append(key: $0, value: $0, timestamp: Timestamp(ms: Int64(number)))
        }
    }
    var bytes = Array(builder.finish())
    bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: base.bigEndian) { Array($0) })
    return bytes
}

/// A batch of one record whose value is `count` zeros.
private func zeros(_ count: Int, _ codec: Compression) -> [UInt8] {
    var builder = RecordBatchBuilder()
    builder.compression = codec
    [UInt8](repeating: 0, count: count).withUnsafeBytes {
        builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 0))
    }
    return Array(builder.finish())
}

struct CompressionTests {
    @Test(arguments: ["gzip", "snappy", "lz4", "zstd"])
    func `Kafka's compressed batches have the records of its uncompressed one`(name: String) throws {
        #expect(try walk(Golden.batch(name)) == walk(Golden.batch("none")))
    }

    @Test(arguments: Golden.clientBatches)
    func `batches that clients compressed can be read and are valid`(batch: Golden.ClientBatch) throws {
        let bytes = Golden.bytes(batch.hex)
        try bytes.withUnsafeBytes { buffer in
            let header = try RecordBatchHeader(buffer)
            #expect(try header.compression.name == batch.compression)
            try header.validateChecksum(buffer)
            #expect(try header.validateRecords(buffer, isKeyed: true) == nil)
        }
        let seen = try walk(bytes)
        #expect(seen.count == batch.count)
        #expect(seen.allSatisfy { $0.key?.dropFirst() == $0.value?.dropFirst() && $0.key?.first == "k" })
        #expect(seen.map(\.offset) == (0..<Int64(batch.count)).map { $0 })
    }

    @Test(arguments: codecs, [0, 1, 300, 40_000])
    func `packed bytes can be unpacked`(codec: Compression, count: Int) throws {
        let bytes = Array(text.prefix(count))
        #expect(try unpack(pack(bytes, codec), codec) == bytes)
    }

    @Test(arguments: codecs)
    func `the limit of unpacked bytes is exact`(codec: Compression) throws {
        let packed = pack(text, codec)
        #expect(try unpack(packed, codec, limit: text.count) == text)
        for limit in [0, 1, 4_096, text.count - 1] {
            #expect(throws: Compression.Failure.tooLarge) { try unpack(packed, codec, limit: limit) }
        }
    }

    @Test(arguments: [Compression.gzip, .lz4, .zstd])
    func `concatenated streams are unpacked as one`(codec: Compression) throws {
        #expect(try unpack(pack(text, codec) + pack([1, 2], codec), codec) == text + [1, 2])
    }

    @Test func `Snappy blocks in Java's framing are unpacked as one`() throws {
        let blocks = [pack(text, .snappy), pack([7], .snappy)]
        #expect(try unpack(framed(blocks), .snappy) == text + [7])
        #expect(try unpack(framed([]), .snappy) == [])
        #expect(throws: Compression.Failure.tooLarge) { try unpack(framed(blocks), .snappy, limit: text.count) }
    }

    @Test(arguments: codecs)
    func `truncated bytes are rejected`(codec: Compression) {
        let packed = pack(Array(text.prefix(600)), codec)
        for count in packed.indices {
            #expect(throws: Compression.Failure.malformed) { try unpack(Array(packed[..<count]), codec) }
        }
        #expect(throws: Compression.Failure.malformed) { try unpack(framed([[3, 0]]), .snappy) }
        #expect(throws: Compression.Failure.malformed) { try unpack(framed([[1, 0, 7]]).dropLast(), .snappy) }
    }

    @Test(arguments: codecs)
    func `unpacking does not trap on damaged bytes`(codec: Compression) {
        let packed = pack(Array(text.prefix(600)), codec)
        for position in packed.indices {
            for replacement: UInt8 in [0x00, 0x01, 0x7f, 0x80, 0xff, packed[position] ^ 0x10] {
                var bytes = packed
                bytes[position] = replacement
                _ = try? unpack(bytes, codec, limit: 10_000)
            }
        }
    }

    /// Sizes that would be reserved: Snappy and Zstandard have them in the first bytes.
    @Test(arguments: [
        (Compression.snappy, [0xff, 0xff, 0xff, 0x1f] as [UInt8]),
        (.zstd, [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 2, 1, 0, 0]),
    ])
    func `a size that the bytes cannot unpack to is rejected`(codec: Compression, bytes: [UInt8]) {
        #expect(throws: Compression.Failure.malformed) { try unpack(bytes, codec, limit: .max - 1) }
    }

    @Test(arguments: codecs)
    func `a batch that unpacks to more than the limit is rejected`(codec: Compression) throws {
        let bytes = zeros(BatchFormat.unpackedLimit, codec)
        #expect(bytes.count < BatchFormat.unpackedLimit / 20)
        let refusal = RecordBatchError.unpackedTooLarge(baseOffset: .zero, limit: BatchFormat.unpackedLimit)
        #expect(throws: refusal) { try walk(bytes) }
        #expect(throws: refusal) {
            try bytes.withUnsafeBytes { try RecordBatchHeader($0).validateRecords($0) }
        }
        #expect(try walk(zeros(BatchFormat.unpackedLimit - 100, codec)).count == 1)
    }

    @Test(arguments: [5, 6, 7])
    func `an unknown codec is rejected`(codec: Int) {
        var bytes = Golden.batch("none")
        bytes[22] |= UInt8(codec)
        #expect(throws: RecordBatchError.unsupportedCompression(codec: codec)) { try walk(bytes) }
    }

    @Test(arguments: codecs)
    func `reading can start inside a compressed batch, and continues with the next ones`(codec: Compression) throws {
        let bytes = batch(codec, at: 0) + batch(.none, at: 10) + batch(.gzip, at: 20)
        #expect(try walk(bytes, from: 7).map(\.offset) == Array(7..<30))
    }

    @Test(arguments: codecs)
    func `a compressed batch unpacks to the batch that is built without compression`(codec: Compression) throws {
        let plain = batch(.none)
        let packed = batch(codec)
        try packed.withUnsafeBytes { buffer in
            let header = try RecordBatchHeader(buffer)
            try header.validateChecksum(buffer)
            #expect(header.byteCount == packed.count && packed.count < plain.count)
            let unpacked = try header.packed(buffer, as: .none)
            #expect(Array(unpacked.bytes) == plain)
        }
    }

    @Test(arguments: codecs, [nil, Compression.none, .gzip] as [Compression?])
    func `compaction keeps a batch's codec, or uses another`(codec: Compression, other: Compression?) throws {
        let bytes = batch(codec)
        let kept = try bytes.withUnsafeBytes { buffer in
            try RecordBatchHeader(buffer).filtered(buffer, horizon: nil, as: other) { $0.offset.value % 3 == 0 }
        }
        #expect(try walk(kept).map(\.offset) == [0, 3, 6, 9])
        let header = try kept.withUnsafeBytes { buffer in
            let header = try RecordBatchHeader(buffer)
            try header.validateChecksum(buffer)
            return header
        }
        #expect(try header.compression == other ?? codec)
        let empty = try bytes.withUnsafeBytes { buffer in
            try RecordBatchHeader(buffer).filtered(buffer, horizon: nil) { _ in false }
        }
        #expect(empty.count == BatchFormat.headerSize)
        #expect(try empty.withUnsafeBytes { try RecordBatchHeader($0).codec } == 0)
    }
}
