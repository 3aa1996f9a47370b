import MoldauLog
import MoldauRecords

/// Opens a log whose newest producer snapshot is the input.
func fuzzSnapshot(_ input: [UInt8]) throws {
    var input = FuzzInput(input)
    if input.has(0), input.bytes.count >= 10 {
        (input.bytes[0], input.bytes[1]) = (0, 1)
        // As many entries as fit.
        let count = (input.bytes.count - 10) / 46
        input.bytes = Array(input.bytes.prefix(10 + 46 * count))
        input.bytes.put(UInt32(count), at: 6)
        input.bytes.put(input.bytes.checksum(6..<input.bytes.count), at: 2)
    }
    let files = try files([:], in: ["p"])
    var log = try openLog(files, wasClean: false)
    for sequence in 0..<3 as Range<Int32> { try append(sequence, to: &log) }
    try log.close()
    for name in try files.names(in: "p") where name.hasSuffix(".snapshot") {
        try files.removeFile("p/\(name)")
        try files.open("p/\(name)").write(input.bytes, at: 0)
    }
    log = try openLog(files, wasClean: !input.has(1))
    _ = try? log.readAll(onlyCommitted: true)
    _ = (log.openTransactions, log.producerEpochs, log.lastStableOffset)
    try? append(3, to: &log)
    _ = try? log.append(TransactionMarker(isCommit: input.has(2)), of: stamp(-1), now: Timestamp(ms: 3))
    _ = try? log.readAll(onlyCommitted: true)
    try log.close()
    _ = try openLog(files, wasClean: true)
}

private func stamp(_ sequence: Int32) -> ProducerStamp {
    ProducerStamp(id: 7, epoch: 0, baseSequence: sequence, isTransactional: true)
}

private func append(_ sequence: Int32, to log: inout MemoryLog) throws {
    let bytes = batch([([1], [2])], by: stamp(sequence))
    _ = try bytes.withUnsafeBytes { try log.append($0, now: Timestamp(ms: 2)) }
}
