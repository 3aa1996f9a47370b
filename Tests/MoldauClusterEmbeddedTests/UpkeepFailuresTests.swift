import Logging
import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import ProgramSupport
import Testing

struct UpkeepFailuresTests {
    @Test func `a partition that cannot be compacted is logged once, and its recovery too`() throws {
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
        let log = GatheredLog(level: .trace)
        var failures = UpkeepFailures(log.logger)
        for _ in 0..<3 { failures.run(.compact, of: broker) }
        let told = log.detailed
        #expect(told.count == 1 && told[0].hasPrefix("error upkeep failed"), "\(told)")
        #expect(told[0].contains("job=compact") && told[0].contains("table-0"), "\(told)")
        try file.write(byte, at: 65)
        for _ in 0..<2 { failures.run(.compact, of: broker) }
        #expect(log.detailed.count == 2)
        #expect(log.detailed[1] == "notice upkeep works again failures=3 job=compact")
    }
}
