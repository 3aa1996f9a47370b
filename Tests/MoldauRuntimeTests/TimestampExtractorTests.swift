import Moldau
import Testing

/// The timestamps of a source's records. The records of each test are from 10 ms, -5 ms and 20 ms.
struct TimestampExtractorTests {
    private let input = Topic<String, String>("input")
    private let output = Topic<String, String>("output")

    /// The timestamps of the results, with the wall clock at 1 s.
    private func times(
        _ timestamps: TimestampExtractor<String, String>?, of times: [Int64] = [10, -5, 20],
        _ configuration: StreamsConfiguration = StreamsConfiguration()
    ) throws -> [Int64] {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "output": 1])
        for time in times { try fixture.write("input", "k", "v", at: time) }
        let topology = try Topology { $0.stream(input, timestamps: timestamps).to(output) }
        let thread = try fixture.thread(topology, configuration: configuration)
        try thread.runUntilIdle(now: 1_000)
        return try fixture.read(output).map(\.timestamp.ms)
    }

    @Test func `the record's own timestamp is the default, and negative ones are dropped`() throws {
        #expect(try times(nil) == [10, 20])
    }

    @Test func `the wall clock can be the timestamp`() throws {
        #expect(try times(.wallClock) == [1_000, 1_000, 1_000])
    }

    @Test func `the partition's time replaces a negative timestamp`() throws {
        #expect(try times(.partitionTimeIfNegative) == [10, 10, 20])
    }

    @Test func `a negative timestamp fails if the partition has no time yet`() throws {
        let failure = #expect(throws: DeserializationFailure.self) {
            try times(.partitionTimeIfNegative, of: [-5])
        }
        #expect(failure?.underlying as? NegativeTimestamp == NegativeTimestamp(timestamp: Timestamp(ms: -5)))
    }

    @Test func `a negative timestamp stops the thread, unless the handler skips it`() throws {
        let failure = #expect(throws: DeserializationFailure.self) { try times(.failIfNegative) }
        #expect(failure?.origin.offset == Offset(1))
        var configuration = StreamsConfiguration()
        configuration.onDeserializationFailure = { _ in .skip }
        #expect(try times(.failIfNegative, of: [10, -5, 20], configuration) == [10, 20])
    }

    @Test func `a closure chooses the timestamp`() throws {
        let shifted = TimestampExtractor<String, String>.custom { record, partitionTime in
            Timestamp(ms: abs(record.timestamp.ms) + max(partitionTime.ms, 0))
        }
        #expect(try times(shifted) == [10, 15, 35])
    }
}
