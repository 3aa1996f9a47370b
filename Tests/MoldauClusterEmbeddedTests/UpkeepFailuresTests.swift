import Logging
import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

/// Keeps what was logged.
private final class Lines: Sendable {
    let texts = Mutex<[String]>([])
}

private struct KeepingHandler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(_ lines: Lines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        lines.texts.withLock { $0.append("\(event.level) \(event.message) \(details.joined(separator: " "))") }
    }
}

struct UpkeepFailuresTests {
    private let lines = Lines()

    private var logger: Logger {
        let lines = lines
        return Logger(label: "test") { _ in KeepingHandler(lines) }
    }

    @Test func `a partition that cannot be compacted is named, once, and it is said when that is over`() throws {
        let files = MemoryFileSystem()
        let broker = try Broker(files, directory: "data", durability: .os, clock: { Timestamp(ms: 1_000) })
        let settings = ["cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0.01"]
        try broker.create([TopicMetadata(name: "table", partitionCount: 1, configuration: settings)])
        for number in 0..<20 as Range<UInt8> {
            var builder = RecordBatchBuilder()
            [number % 2].withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 0)) }
            _ = try broker.partition(TopicPartition("table", 0)).append(builder.finish())
        }
        let file = try files.open("data/table-0/00000000000000000000.log")
        let byte = try file.read(1, at: 65)
        try file.write([byte[0] ^ 1], at: 65)
        var failures = UpkeepFailures(logger)
        for _ in 0..<3 { failures.run(.compact, of: broker) }
        let told = lines.texts.withLock { $0 }
        #expect(told.count == 1 && told[0].hasPrefix("error upkeep failed"), "\(told)")
        #expect(told[0].contains("job=compact") && told[0].contains("table-0"), "\(told)")
        try file.write(byte, at: 65)
        for _ in 0..<2 { failures.run(.compact, of: broker) }
        #expect(lines.texts.withLock { $0.count } == 2)
        #expect(lines.texts.withLock { $0[1] } == "notice upkeep works again failures=3 job=compact")
    }
}
