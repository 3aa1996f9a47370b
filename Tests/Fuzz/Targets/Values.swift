import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization

private let words = TopicPartition("words", 0)

/// Times, offsets and counts: the limits of their types, and values near them.
private let values: [Int64] = [
    .min, .min + 1, -1_000_000_000_000, Int64(Int32.min), -2, -1, 0, 1, 2, 3, 1_000, Int64(Int32.max),
    Int64(UInt32.max),
    253_402_300_799_999, .max - Int64(UInt32.max), .max - Int64(Int32.max), .max - 1, .max,
]

/// The broker's clock, which may be set to anything.
private final class Clock: Sendable {
    let ms = Atomic<Int64>(1_000)
    var now: Timestamp { Timestamp(ms: ms.load(ordering: .relaxed)) }
}

/// A broker whose calls, settings and clock get extreme values: two bytes of the input are a call and its value. Calls
/// may be refused; what was accepted must exist.
func fuzzValues(_ input: [UInt8]) throws {
    let input = FuzzInput(input)
    let files = MemoryFileSystem()
    let clock = Clock()
    func open() throws -> Broker<MemoryFileSystem> {
        try Broker(files, directory: "data", durability: .sync, clock: { clock.now })
    }
    var settings = ["cleanup.policy": "compact,delete", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0"]
    if input.has(0) { settings["message.timestamp.type"] = "LogAppendTime" }
    let limits = [
        "retention.ms", "segment.ms", "delete.retention.ms", "min.compaction.lag.ms", "max.compaction.lag.ms",
    ]
    for (index, name) in limits.enumerated() where input.has(1 + index) { settings[name] = "\(Int64.max)" }
    var broker = try open()
    try broker.create([TopicMetadata(name: "words", partitionCount: 1, configuration: settings)])
    var producer: ProducerIdentity?
    var last = Offset.zero
    var calls = input.bytes.prefix(64)[...]
    while calls.count >= 2 {
        let (call, value) = (calls.removeFirst(), values[Int(calls.removeFirst()) % values.count])
        switch call % 12 {
        case 0: clock.ms.store(value, ordering: .relaxed)
        case 1, 2:
            var builder = RecordBatchBuilder()
            for time in [value, 5, value] {
                withUnsafeBytes(of: value) { builder.append(key: $0, value: $0, timestamp: Timestamp(ms: time)) }
            }
            last = try broker.partition(words).append(builder.finish()).end
        case 3:
            let offset = GroupOffset(offset: Offset(value), metadata: "", time: Timestamp(ms: value))
            try? broker.commit([words: offset], of: "group")
        case 4: producer = try broker.makeProducer("id", timeout: .milliseconds(value))
        case 5: producer = try broker.makeProducer("id", timeout: .seconds(value))
        case 6:
            guard let producer else { continue }
            try? broker.enlist([words], "id", producer)
            let offset = GroupOffset(offset: Offset(value), metadata: "", time: Timestamp(ms: value))
            try? broker.commit([words: offset], of: "group", "id", producer)
        case 7: if let producer { try? broker.endTransaction("id", producer, commit: value >= 0) }
        case 8: try broker.abortExpired()
        case 9:
            try broker.applyRetention()
            try broker.compact()
        case 10:
            try? broker.partition(words).deleteRecords(before: Offset(value))
            _ = try broker.partition(words).offset(atOrAfter: Timestamp(ms: value))
            _ = try? broker.partition(words).read(from: Offset(value), maxBytes: Int(clamping: value))
        default:
            if value >= 0 { try broker.close() }
            broker = try open()
            producer = nil
        }
    }
    try expect(try broker.partition(words).endOffset() >= last, "accepted records exist")
    try broker.close()
    _ = try open()
}
