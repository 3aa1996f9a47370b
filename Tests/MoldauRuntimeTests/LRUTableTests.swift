import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Tables that keep the most recently used rows.
struct LRUTableTests {
    private let input = Topic<String, String>("input")
    private let cities = Topic<String, String>("cities")
    private let out = Topic<String, String>("out")
    private let store = LRUTableStoreName<String, Int64>("counts", maxEntries: 2)

    private func counting(_ store: LRUTableStoreName<String, Int64>) throws -> Topology {
        try Topology { streams in
            streams.stream(input).groupByKey().count(as: store).toStream()
                .mapValues { "\($0 ?? -1)" }.to(out)
        }
    }

    @Test func `an aggregate that was evicted starts from the beginning`() throws {
        let driver = try TopologyTestDriver(try counting(store))
        for (time, key) in ["a", "b", "a", "c", "a", "b"].enumerated() {
            try driver.pipe(input, key: key, value: "x", at: Timestamp(ms: Int64(time)))
        }
        let results: [String] = try driver.read(from: out).map { $0.key + ($0.value ?? "") }
        #expect(results == ["a1", "b1", "a2", "c1", "a3", "b1"])
        let rows = try driver.store(store).all().collect()
        #expect(rows.map(\.key) == ["a", "b"])
        #expect(rows.map(\.value.value) == [3, 1])
        #expect(rows.map(\.value.timestamp.ms) == [4, 5])
    }

    @Test func `a lookup by a join counts as a use`() throws {
        let topology = try Topology { streams in
            let table = streams.table(cities, as: LRUTableStoreName("cities", maxEntries: 2))
            streams.stream(input).leftJoin(table) { "\($0) \($1 ?? "-")" }.to(out)
        }
        let driver = try TopologyTestDriver(topology)
        for key in ["a", "b"] { try driver.pipe(cities, key: key, value: "in \(key)", at: Timestamp(ms: 0)) }
        try driver.pipe(input, key: "a", value: "1", at: Timestamp(ms: 1))
        try driver.pipe(cities, key: "c", value: "in c", at: Timestamp(ms: 2))
        for key in ["a", "b", "c"] { try driver.pipe(input, key: key, value: "2", at: Timestamp(ms: 3)) }
        #expect(try driver.read(from: out).map(\.value) == ["1 in a", "2 in a", "2 -", "2 in c"])
    }

    /// The changelog has a deletion for the evicted key; timestamps are the records'.
    @Test func `a restart restores the rows, their timestamps and their order of use`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        for (time, key) in ["a", "b", "c"].enumerated() {
            try fixture.write("input", key, "x", at: 100 + Int64(time))
            let thread = try fixture.thread(try counting(store))
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
        }
        let changelog = try fixture.read(Topic<String, Int64?>("app-counts-changelog"))
        #expect(changelog.map(\.key) == ["a", "b", "c", "a"])
        #expect(changelog.map(\.value) == [1, 1, 1, nil])
        #expect(changelog.prefix(3).map(\.timestamp.ms) == [100, 101, 102])
        for key in ["b", "d", "c"] { try fixture.write("input", key, "x", at: 50) }
        let thread = try fixture.thread(try counting(store))
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        let last = try fixture.read(out).suffix(3)
        #expect(last.map { "\($0.key)\($0.value)@\($0.timestamp.ms)" } == ["b2@101", "d1@50", "c1@50"])
    }

    @Test func `an LRU table for zero rows is rejected`() {
        let none = LRUTableStoreName<String, Int64>("counts", maxEntries: 0)
        #expect(throws: TopologyError.self) { try counting(none) }
    }
}
