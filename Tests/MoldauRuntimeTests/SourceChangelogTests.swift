import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Tables that use their source topics as changelogs.
struct SourceChangelogTests {
    private let prices = Topic<String, String>("prices")
    private let orders = Topic<String, String>("orders")
    private let out = Topic<String, String>("out")

    private func topology(
        _ optimizations: Set<TopologyOptimization> = [.reuseSourceTopics],
        _ store: (any TableMaterialization<String, String>)? = nil,
        start: StartPosition = .earliest, naming: Naming = .stable,
        timestamps: TimestampExtractor<String?, String?>? = nil
    ) throws -> Topology {
        try Topology(TopologyOptions(naming: naming, optimizations: optimizations)) { streams in
            let prices = streams.table(self.prices, as: store, start: start, timestamps: timestamps)
            streams.stream(orders).leftJoin(prices) { order, price in "\(order) at \(price ?? "?")" }.to(out)
        }
    }

    private func fixture() throws -> ClusterFixture {
        let fixture = try ClusterFixture()
        try fixture.create(["prices": 1, "orders": 1, "out": 1])
        return fixture
    }

    /// Runs until nothing is left to do, and stops.
    @discardableResult
    private func run(
        _ fixture: ClusterFixture, _ topology: Topology, _ configuration: StreamsConfiguration = StreamsConfiguration(),
        inMemory: Bool
    ) throws -> StreamThreadReport {
        let thread = try fixture.thread(topology, configuration: configuration, inMemory: inMemory)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        return thread.report
    }

    @Test func `no changelog is created or written, and names stay the same`() throws {
        let fixture = try fixture()
        try fixture.write("prices", "k", "5", at: 1)
        try fixture.write("orders", "k", "order", at: 2)
        try run(fixture, try topology(), inMemory: false)
        #expect(fixture.calls.take().filter { $0.hasPrefix("send") } == ["send out-0"])
        #expect(try fixture.admin.describe(["app-prices-table-changelog"]).isEmpty)
        #expect(try fixture.read(out).map(\.value) == ["order at 5"])
        for naming in [Naming.stable, .kafkaStreams] {
            let (plain, optimized) = (try topology([], naming: naming), try topology(.all, naming: naming))
            #expect(plain.describe().description == optimized.describe().description)
            #expect(plain.stores.map(\.name) == optimized.stores.map(\.name))
            #expect(plain.stores.map(\.isLogged) == [true] && optimized.stores.map(\.isLogged) == [false])
        }
    }

    /// The second price was written but not processed when the first run ended.
    @Test(arguments: [false, true])
    func `a restart restores what was committed, with and without the disk, and processes the rest`(
        losesDisk: Bool
    ) throws {
        let fixture = try fixture()
        try fixture.write("prices", "k", "5", at: 1)
        try run(fixture, try topology(), inMemory: losesDisk)
        try fixture.write("orders", "k", "first", at: 2)
        try fixture.write("prices", "k", "6", at: 3)
        try fixture.write("orders", "k", "second", at: 4)
        let report = try run(fixture, try topology(), inMemory: losesDisk)
        #expect(report.restored == (losesDisk ? 1 : 0))
        #expect(report.processed == 3)
        #expect(try fixture.read(out).map(\.value) == ["first at 5", "second at 6"])
    }

    @Test func `after a crash the store continues from what it holds`() throws {
        let fixture = try fixture()
        for price in 1...3 {
            try fixture.write("prices", "k\(price)", "\(price)", at: Int64(price))
            let thread = try fixture.thread(try topology(), inMemory: false)
            try thread.runUntilIdle()
            // Written to disk after the second price only; the rest is lost.
            try thread.commit(now: Timestamp(ms: 0), writeBehind: price == 2)
        }
        for order in 1...3 { try fixture.write("orders", "k\(order)", "order", at: 10) }
        #expect(try run(fixture, try topology(), inMemory: false).restored == 1)
        #expect(try fixture.read(out).map(\.value) == ["order at 1", "order at 2", "order at 3"])
    }

    @Test func `without a committed offset the store is rebuilt by processing`() throws {
        let fixture = try fixture()
        try fixture.write("prices", "gone", "1", at: 1)
        try run(fixture, try topology(), inMemory: false)
        // It is now another topic, with less content than the store has seen.
        try fixture.admin.delete(["prices"])
        try fixture.create(["prices": 1])
        try fixture.write("orders", "gone", "order", at: 2)
        let report = try run(fixture, try topology(), inMemory: false)
        #expect(report.restored == 0)
        #expect(try fixture.read(out).map(\.value) == ["order at ?"])
    }

    @Test func `a restore skips unreadable records, uses the extractor's timestamps, and counts no drops`() throws {
        let fixture = try fixture()
        let numbers = Topic<String, Int32>("prices")
        let topology = try Topology(TopologyOptions(optimizations: .all)) { streams in
            streams.table(
                numbers, as: TableStoreName<String, Int32>("rows"),
                timestamps: .custom { record, _ in Timestamp(ms: record.timestamp.ms + 1_000) }
            ).mapValues { "\($0)" }.toStream().to(Topic("out", key: String.serde, value: String.serde.optional))
        }
        var configuration = StreamsConfiguration()
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "orders") }
        try fixture.write("prices", "bad", "not four bytes", at: 1)
        try fixture.write("prices", "good", "1234", at: 2)
        #expect(try run(fixture, topology, configuration, inMemory: true).drops.values.reduce(0, +) == 1)
        let thread = try fixture.thread(topology, configuration: configuration)
        try thread.runUntilIdle()
        #expect(thread.report.restored == 1)
        #expect(thread.report.drops.isEmpty)
        #expect(try fixture.read(orders).count == 1)
        let store = try #require(
            thread.tasks.flatMap(\.stores.entries).first?.store as? TimestampedKeyValueStore<String, Int32>)
        #expect(try store.get("bad") == nil)
        #expect(try store.get("good")?.timestamp == Timestamp(ms: 1_002))
        try thread.stop(now: Timestamp(ms: 0))
        configuration.onDeserializationFailure = { _ in .fail }
        let strict = try fixture.thread(topology, configuration: configuration)
        #expect(throws: DeserializationFailure.self) { try strict.runUntilIdle() }
        try strict.close()
    }

    @Test func `versioned tables are restored with their history`() throws {
        let fixture = try fixture()
        let versioned = try topology(.all, VersionedStoreName("prices-store", historyRetention: .seconds(1)))
        for (price, time) in [("5", 10), ("7", 30), ("6", 20)] as [(String, Int64)] {
            try fixture.write("prices", "k", price, at: time)
        }
        try run(fixture, versioned, inMemory: true)
        for time in [15, 25, 35] as [Int64] { try fixture.write("orders", "k", "\(time)", at: time) }
        #expect(try run(fixture, versioned, inMemory: true).restored == 3)
        #expect(try fixture.read(out).map(\.value) == ["15 at 5", "25 at 6", "35 at 7"])
    }

    @Test func `a table that does not start at its topic's beginning keeps a changelog`() throws {
        #expect(try topology(start: .latest).stores.map(\.isLogged) == [true])
    }

    @Test func `with exactly once, restores also end at the committed offset`() throws {
        let fixture = try fixture()
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        try fixture.write("prices", "k", "5", at: 1)
        try run(fixture, try topology(), configuration, inMemory: true)
        try fixture.write("orders", "k", "first", at: 2)
        try fixture.write("prices", "k", "6", at: 3)
        #expect(try run(fixture, try topology(), configuration, inMemory: true).restored == 1)
        #expect(try fixture.read(out).map(\.value) == ["first at 5"])
    }
}
