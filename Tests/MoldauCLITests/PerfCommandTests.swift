import Foundation
import MoldauRecords
import ProgramSupport
import Testing

@testable import MoldauCLI

/// `moldau perf`.
struct PerfCommandTests {
    private let moldau = BuiltProgram("moldau")

    private func withTopic(_ body: (_ data: String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.expectSuccess(["topics", "create", "load", "--partitions", "2", "--data", data])
            try body(data)
        }
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test(arguments: [[], ["--each"], ["--transactional-id", "load", "--transaction-duration-ms", "5"]])
    func `the requested number of records is written and read`(way: [String]) throws {
        try withTopic { data in
            let load = ["--topic", "load", "--num-records", "2000", "--data", data]
            let produced = try moldau.expectSuccess(
                ["perf", "produce", "--record-size", "50", "--command-property", "compression.type=lz4"] + load + way)
            let rate = "N records sent, N records/sec (N MB/sec), N ms avg latency, N ms max latency, "
            let percentiles = "N ms Nth, N ms Nth, N ms Nth, N ms Nth.\n"
            #expect(produced.replacing(/\d+(\.\d+)?/, with: "N") == rate + percentiles, "\(produced)")
            #expect(produced.hasPrefix("2000 records sent"))
            #expect(try moldau.expectSuccess(["consume", "load", "--data", data]).utf8.count == 2_000 * 51)
            let consumed = try moldau.expectSuccess(["perf", "consume"] + load)
            let rows = consumed.split(separator: "\n")
            #expect(rows.first?.hasPrefix("start.time, end.time, data.consumed.in.MB, MB.sec") == true)
            #expect(rows.last?.split(separator: ", ")[4] == "2000", "\(consumed)")
            let read = try object(
                try moldau.expectSuccess(["perf", "consume", "--json", "--each", "--group", "g"] + load))
            #expect(read["records"] as? Int == 2_000 && read["bytes"] as? Int == 100_000)
        }
    }

    @Test func `--throughput limits the records per second`() throws {
        try withTopic { data in
            let text = try moldau.expectSuccess([
                "perf", "produce", "--topic", "load", "--num-records", "300", "--throughput", "300", "--json", "--data",
                data,
            ])
            let told = try object(text)
            #expect(try #require(told["seconds"] as? Double) > 0.9)
            #expect(try #require(told["latencyMs99"] as? Double) > 0)
        }
    }

    @Test func `reports missing topics and records, and invalid settings`() throws {
        try withTopic { data in
            let produce = ["perf", "produce", "--num-records", "1", "--data", data, "--topic"]
            try moldau.expectFailure(produce + ["other"], says: "there is no topic 'other'")
            try moldau.expectFailure(
                produce + ["load", "--command-property", "acks=2"],
                says: "the setting acks takes all, -1, 0 or 1, not '2'")
            try moldau.expectFailure(
                ["perf", "consume", "--topic", "load", "--num-records", "1", "--timeout", "100", "--data", data],
                says: "no record came for 100 ms")
        }
    }

    @Test func `latency percentiles are accurate to a 64th`() {
        var histogram = LatencyHistogram()
        for ms in 1...1_000 { histogram.add(Double(ms) / 1_000) }
        #expect(abs(histogram.meanMs - 500.5) < 0.001)
        for (share, ms) in [(0.5, 500.0), (0.95, 950), (0.999, 999), (1, 1_000)] {
            #expect(abs(histogram.percentileMs(share) - ms) <= ms / 64, "\(share)")
        }
        #expect(histogram.longest == 1 && LatencyHistogram().percentileMs(0.5) == 0)
    }
}
