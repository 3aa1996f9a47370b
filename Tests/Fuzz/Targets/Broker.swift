import MoldauBroker
import MoldauLog
import MoldauRecords

private let words = TopicPartition("words", 0)

private func open(_ files: MemoryFileSystem) throws -> Broker<MemoryFileSystem> {
    try Broker(files, directory: "data", durability: .sync) { Timestamp(ms: 1_000) }
}

/// A broker that has acknowledged some records of a topic, and crashed.
private func crashedBroker() throws -> MemoryFileSystem {
    let files = MemoryFileSystem()
    let broker = try open(files)
    let settings = ["cleanup.policy": "compact"]
    try broker.create([
        TopicMetadata(name: "words", partitionCount: 1),
        TopicMetadata(name: "__consumer_offsets", partitionCount: 2, configuration: settings),
        TopicMetadata(name: "__transaction_state", partitionCount: 2, configuration: settings),
    ])
    for number in 0..<5 as Range<UInt8> {
        try broker.partition(words).append(batch([([number], [number])]))
        try broker.flush()
    }
    return files.copy()
}

let crashed = Result { try crashedBroker() }

extension BrokerPartition {
    fileprivate func append(_ bytes: [UInt8]) throws { _ = try bytes.withUnsafeBytes { try append($0) } }
}

/// Starts a broker whose journal is the input: what was acknowledged exists, or is reported as missing.
func fuzzJournal(_ input: [UInt8]) throws {
    var input = FuzzInput(input)
    if input.has(0) { repairRounds(&input.bytes) }
    let files = try crashed.get().copy()
    try files.removeFile("data/durable.journal")
    try files.open("data/durable.journal").write(input.bytes, at: 0)
    do {
        let broker = try open(files)
        let read = try broker.partition(words).read(from: .zero, maxBytes: 1 << 16)
        try expect(read?.next.offset == Offset(5), "all records exist")
        try broker.partition(words).append(batch([([9], [9])]))
        try broker.flush()
        try broker.close()
    } catch {
        // Records that only the forged journal knows of are missing.
        let cause = if case BrokerError.log(_, let cause) = error { cause } else { error as? LogError }
        guard input.has(0), case .missingRecords = cause else { throw error }
    }
}

/// Corrects the lengths and checksums of the journal's rounds.
private func repairRounds(_ bytes: inout [UInt8]) {
    var start = 0
    while start + 8 <= bytes.count {
        let length = min(Int(bytes.number(at: start + 4) & 0xff), bytes.count - start - 8)
        bytes.put(UInt32(length), at: start + 4)
        bytes.put(bytes.checksum((start + 4)..<(start + 8 + length)), at: start)
        start += 8 + length
    }
}

/// Starts a broker whose own topics contain the input's parts, alternately as keys and values.
func fuzzRecords(_ input: [UInt8]) throws {
    let input = FuzzInput(input)
    let files = try crashed.get().copy()
    let topic = input.has(0) ? "__transaction_state" : "__consumer_offsets"
    var entries: [(key: [UInt8], value: [UInt8]?)] = []
    var parts = input.parts[...]
    while let key = parts.popFirst() {
        let value = parts.popFirst()
        entries.append((key, value?.isEmpty == false ? value : nil))
    }
    guard !entries.isEmpty else { return }
    do {
        let writer = try open(files)
        _ = try batch(entries).withUnsafeBytes { try writer.partition(TopicPartition(topic, 1)).appendOwn($0) }
        try writer.flush()
        if input.has(1) { try writer.close() }
    } catch BrokerError.log(_, .batchTooLarge) {
        return
    }
    let broker = try open(input.has(1) ? files : files.copy())
    for group in broker.groupsWithOffsets() { _ = broker.committedOffsets(of: group) }
    try broker.abortExpired()
    // Ids and groups of malformed records may be refused.
    for part in input.parts.prefix(4) {
        let name = String(decoding: part, as: UTF8.self)
        _ = try? broker.makeProducer(name, timeout: .seconds(1))
        try? broker.commit([words: GroupOffset(offset: Offset(1), metadata: "", time: Timestamp(ms: 1))], of: name)
    }
    let read = try broker.partition(words).read(from: .zero, maxBytes: 1 << 16)
    try expect(read?.next.offset == Offset(5), "records of other topics exist")
    try broker.close()
    _ = try open(files)
}
