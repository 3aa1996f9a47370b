import MoldauLog
import MoldauRecords

private let suffixes = [".index", ".timeindex", ".txnindex", ".checksums"]

/// A closed log of two segments: the first has an aborted transaction, and records after it.
private func closedLog() throws -> MemoryFileSystem {
    let files = try files([:], in: ["p"])
    var log = try openLog(files, wasClean: false)
    let aborted = ProducerStamp(id: 7, epoch: 0, baseSequence: 0, isTransactional: true)
    try append(batch([([1], [2])], by: aborted), to: &log)
    _ = try log.append(TransactionMarker(isCommit: false), of: aborted, now: Timestamp(ms: 1))
    for number in 0..<60 as Range<UInt8> {
        try append(batch([([number], Array(repeating: number, count: 60))]), to: &log)
    }
    try log.close()
    return files
}

private func append(_ bytes: [UInt8], to log: inout MemoryLog) throws {
    _ = try bytes.withUnsafeBytes { try log.append($0, now: Timestamp(ms: 1)) }
}

private let closed = Result { try closedLog() }

/// Puts the input's parts into the files beside a segment. With corrected checksums answers may be wrong, but there
/// must be answers; otherwise they must be the same as without the damage, or an error.
func fuzzIndex(_ input: [UInt8]) throws {
    let input = FuzzInput(input)
    let original = try closed.get()
    let files = original.copy()
    let base = "p/00000000000000000000"
    for (part, suffix) in zip(input.parts, suffixes) where !part.isEmpty {
        try files.removeFile(base + suffix)
        try files.open(base + suffix).write(part, at: 0)
    }
    if input.has(0) { try repairChecksums(files, base) }
    var undamaged = try openLog(original.copy(), wasClean: true)
    let expected = try undamaged.readAll(onlyCommitted: true)
    do {
        var log = try openLog(files, wasClean: !input.has(1))
        let found = try log.readAll(onlyCommitted: true)
        if !input.has(0) { try expect(found == expected, "files beside a segment change no answer") }
        _ = try log.offset(atOrAfter: Timestamp(ms: 1))
        _ = try log.planRead(from: Offset(20), maxBytes: 100)?.read()
    } catch let error as LogError {
        try expect(error.tellsOfDamage, "\(error)")
    }
}

/// Corrects the checksums of the indexes in the checksum file, and its own.
private func repairChecksums(_ files: MemoryFileSystem, _ base: String) throws {
    guard var sums = try files.contents(of: base + ".checksums"), sums.count > 54 else { return }
    for (place, suffix) in zip([34, 38, 42], suffixes) {
        let bytes = try files.contents(of: base + suffix) ?? []
        sums.put(bytes.checksum(0..<bytes.count), at: place)
    }
    sums.put(sums.checksum(0..<sums.count - 4), at: sums.count - 4)
    try files.open(base + ".checksums").write(sums, at: 0)
}

extension LogError {
    fileprivate var tellsOfDamage: Bool {
        switch self {
        case .damagedRecords, .missingRecords, .offsetOutOfRange, .invalidBatch: true
        default: false
        }
    }
}
