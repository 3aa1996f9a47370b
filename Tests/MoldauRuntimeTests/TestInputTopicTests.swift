import Moldau
import MoldauTesting
import Testing

/// Input topics of the test driver.
struct TestInputTopicTests {
    private let clicks = Topic<String, String>("clicks")
    private let seen = Topic<String, String>("seen")
    private let unkeyed = Topic<String?, String>("unkeyed")

    private func driver() throws -> TopologyTestDriver {
        let topology = try Topology { streams in
            streams.stream(clicks).to(seen)
            streams.stream(unkeyed).selectKey { key, _ in key ?? "none" }.to(seen)
        }
        return try TopologyTestDriver(topology, state: .memory, wallClock: Timestamp(ms: 7))
    }

    @Test func `records without explicit timestamps are a step apart`() throws {
        let driver = try driver()
        let input = driver.input(clicks, from: Timestamp(ms: 1_000), step: .seconds(10))
        try input.pipe(pairs: [("a", "1"), ("b", "2")])
        try input.pipe(key: "c", value: "3", at: Timestamp(ms: 5))
        try input.pipe(key: "d", value: "4")
        input.advance(by: .seconds(-1))
        try input.pipe(key: "e", value: "5")
        let out = try driver.read(from: seen)
        #expect(out.map(\.key) == ["a", "b", "c", "d", "e"])
        #expect(out.map(\.timestamp.ms) == [1_000, 11_000, 5, 21_000, 30_000])
        #expect(input.time == Timestamp(ms: 40_000))
    }

    @Test func `timestamps start at the wall clock and do not advance by default`() throws {
        let driver = try driver()
        let input = driver.input(unkeyed)
        try driver.advanceWallClock(by: .seconds(1))
        try input.pipe(values: ["1", "2"])
        let out = try driver.read(from: seen)
        #expect(out.map(\.key) == ["none", "none"])
        #expect(out.map(\.timestamp.ms) == [7, 7])
    }

    @Test func `records keep their times and headers`() throws {
        let driver = try driver()
        let records = [
            Record<String, String?>(
                key: "a", value: "1", timestamp: Timestamp(ms: 3), headers: [Header("trace", "x")]),
            Record<String, String?>(key: "b", value: "2", timestamp: Timestamp(ms: 1)),
        ]
        try driver.input(clicks).pipe(records: records)
        #expect(try driver.read(from: seen) == records)
    }

    @Test func `a timestamp before 1970 is an error`() throws {
        let input = try driver().input(clicks, from: Timestamp(ms: 0), step: .milliseconds(-1))
        try input.pipe(key: "a", value: "1")
        #expect(throws: TestDriverError.negativeTimestamp(topic: "clicks", ms: -1)) {
            try input.pipe(key: "a", value: "2")
        }
    }
}
