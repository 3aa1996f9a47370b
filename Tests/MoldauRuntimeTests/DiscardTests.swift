import Moldau
import MoldauRecords
import MoldauTesting
import MoldauTopology
import Testing

/// Records that are dropped are counted under a reason, even if Kafka Streams does not count them.
struct DiscardTests {
    private let input = Topic<String?, String?>("input")
    private let rows = Topic<String, String>("rows")

    private func drops(
        of inputs: [(key: String?, value: String?, time: Int64)], _ declare: (StreamsBuilder) throws -> Void
    ) throws -> [DropReason: Int64] {
        let driver = try TopologyTestDriver(try Topology { try declare($0) }, state: .memory)
        for input in inputs {
            try driver.pipe(self.input, key: input.key, value: input.value, at: Timestamp(ms: input.time))
        }
        #expect(driver.kafkaDroppedRecords == 0)
        return driver.drops.reduce(into: [:]) { $0[$1.key.reason, default: 0] += $1.value }
    }

    @Test func `a stream record without a match in an inner join with a table or global table is counted`() throws {
        let text = Topic<String, String>("input")
        let table = try drops(of: [("a", "x", 1)]) { streams in
            streams.stream(text).join(streams.table(rows)) { $0 + $1 }.print()
        }
        #expect(table == [.noMatch: 1])
        let global = try drops(of: [("a", "x", 1)]) { streams in
            streams.stream(text).join(streams.globalTable(rows), on: { key, _ in key }) { $0 + $1 }.print()
        }
        #expect(global == [.noMatch: 1])
        let left = try drops(of: [("a", "x", 1)]) { streams in
            streams.stream(text).leftJoin(streams.table(rows)) { $0 + ($1 ?? "") }.forEach { _, _ in }
        }
        #expect(left == [:])
    }

    @Test func `a record that matches no branch of a split is counted`() throws {
        let counted = try drops(of: [("a", "x", 1), ("b", "x", 2)]) { streams in
            streams.stream(input).split().branch { key, _ in key == "a" }
        }
        #expect(counted == [.noBranch: 1])
    }

    @Test func `a record outside all windows is counted`() throws {
        let counted = try drops(of: [("a", "x", 5), ("a", "x", 12)]) { streams in
            _ = streams.stream(input).groupByKey().windowedBy(.unlimited(from: Timestamp(ms: 10))).count()
        }
        #expect(counted == [.outsideWindows: 1])
    }

    @Test func `a row for which a grouping returns a null key or value is counted once`() throws {
        let counted = try drops(of: [("a", "key", 1), ("a", "value", 2), ("a", "good", 3)]) { streams in
            _ = streams.table(Topic<String, String>("input"))
                .groupBy { _, row -> (String?, String?)? in (row == "key" ? nil : "k", row == "value" ? nil : row) }
                .count()
        }
        #expect(counted == [.nullKeyBeforeRepartition: 1, .nullValueBeforeRepartition: 1])
    }

    @Test func `a null key before a repartition is counted`() throws {
        let counted = try drops(of: [("a", nil, 1), ("a", "b", 2)]) { streams in
            _ = streams.stream(input).groupBy { _, value in value }.count()
        }
        #expect(counted == [.nullKeyBeforeRepartition: 1])
    }
}
