import MoldauRecords

/// Walks bytes that may be batches: every record, its headers, what compaction keeps, the marker in it.
func fuzzBatches(_ input: [UInt8]) {
    var input = FuzzInput(input)
    if input.has(0) { input.bytes.repairBatches() }
    let shared = SharedBytes(copying: input.bytes)
    var rest = shared.bytes
    while let header = try? RecordBatchHeader(rest) {
        try? header.validateChecksum(rest)
        guard header.byteCount <= rest.count else { break }
        let whole = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
        _ = TransactionMarker(batch: whole)
        _ = try? header.filtered(whole, horizon: input.has(1) ? Timestamp(ms: 5) : nil) { $0.offset.value % 2 == 0 }
        rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
    }
    var reader = RecordBatchReader(shared.bytes, from: Offset(input.has(2) ? 3 : 0))
    var count = 0
    while let record = try? reader.next() {
        readAll(of: record)
        count += 1
    }
    var several = RecordBatchReader(shared.bytes, from: Offset(input.has(2) ? 3 : 0))
    let records = UnsafeMutablePointer<RecordView>.allocate(capacity: 16)
    defer { records.deallocate() }
    while let read = try? several.read(into: records, upTo: 16), read > 0 {
        for number in 0..<read { readAll(of: records[number]) }
        count -= read
    }
    precondition(count == 0, "reading several records at once gives as many as one by one")
}

/// Reads all bytes, so that the sanitizer reports any that are outside the batch.
private func readAll(of record: RecordView) {
    var sum = 0
    for bytes in [record.key, record.value] { sum &+= bytes?.reduce(0) { $0 &+ Int($1) } ?? 0 }
    _ = try? record.headers()
    blackHole(sum)
}

@inline(never) private func blackHole(_ value: Int) {}
