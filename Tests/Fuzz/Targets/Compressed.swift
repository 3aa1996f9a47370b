import MoldauLog
import MoldauRecords

/// Unpacks bytes that may be compressed, and appends batches compressed and not: the contents decide, and not how they
/// were packed.
func fuzzCompressed(_ input: [UInt8]) throws {
    var input = FuzzInput(input)
    let codec = [Compression.gzip, .snappy, .lz4, .zstd][Int(input.options >> 6)]
    let limit = input.has(1) ? 100 : 1 << 16
    let bytes = SharedBytes(copying: input.bytes)
    if let unpacked = try? codec.unpack(bytes.bytes, limit: limit) {
        try expect(unpacked.count <= limit, "nothing unpacks to more than the limit")
        try expectRoundTrip(unpacked, codec)
    }
    try expectRoundTrip(bytes, codec)
    guard input.has(0) else { return }
    input.bytes.repairBatches()
    let shared = SharedBytes(copying: input.bytes)
    guard let header = try? RecordBatchHeader(shared.bytes), header.byteCount <= shared.count, header.codec == 0 else {
        return
    }
    let plain = SharedBytes(copying: UnsafeRawBufferPointer(rebasing: shared.bytes[..<header.byteCount]))
    let packed = try header.packed(plain.bytes, as: codec)
    try expect(try taken(plain) == taken(packed), "a batch is accepted by its contents, compressed or not")
}

private func expectRoundTrip(_ bytes: SharedBytes, _ codec: Compression) throws {
    let packed = codec.pack(bytes.bytes)
    let again = try codec.unpack(packed.bytes, limit: bytes.count)
    try expect(Array(again.bytes) == Array(bytes.bytes), "packed bytes are unpacked unchanged")
}

/// The records of a log that has accepted the batch; nil if it was refused.
private func taken(_ batch: SharedBytes) throws -> [String]? {
    var log = try openLog(try files([:], in: ["p"]), wasClean: false)
    guard (try? log.append(batch.bytes, now: Timestamp(ms: 7))) != nil else { return nil }
    let all = SharedBytes(copying: try log.readAll(onlyCommitted: false))
    var reader = RecordBatchReader(all.bytes)
    var records: [String] = []
    while let record = try reader.next() {
        let (key, value) = (record.key.map(Array.init), record.value.map(Array.init))
        records.append("\(record.offset) \(record.timestamp) \(String(describing: key)) \(String(describing: value))")
    }
    return records
}
