import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Stores that keep the headers of the records that wrote them.
struct HeadersStoreTests {
    private static let rows = HeadersStoreName<String, String>("rows")
    private static let windows = HeadersWindowStoreName<String, String>("windows")
    private let input = Topic<String, String>("input")
    private let out = Topic<String, String>("out")

    /// Forwards the previous row with its headers and time, and stores the record.
    private final class Keeper: Processor {
        private var context: ProcessorContext<String, String>?
        private var rows: HeadersKeyValueStore<String, String>?
        private var windows: HeadersWindowStore<String, String>?

        func start(_ context: ProcessorContext<String, String>) throws {
            self.context = context
            rows = try context.store(HeadersStoreTests.rows)
            windows = try context.store(HeadersStoreTests.windows)
        }

        func process(_ record: Record<String, String>) throws {
            let row = RecordedValue(record.value, at: record.timestamp, headers: record.headers)
            let old = try rows?.update(record.key) { _ in record.value == "-" ? nil : row }.old
            let oldWindow = try windows?.update(record.key, at: Timestamp(ms: 0)) { _ in row }.old
            if let oldWindow { #expect(oldWindow.headers == old?.headers) }
            guard let old else { return }
            try context?.forward(
                Record(key: record.key, value: old.value, timestamp: old.timestamp, headers: old.headers))
        }
    }

    private func keeping(_ kind: StoreKind) throws -> Topology {
        var topology = Topology()
        try topology.addSource("source", reading: [input])
        try topology.addProcessor("keeper", after: ["source"]) { Keeper() }
        try topology.add(StoreDefinition(Self.rows, kind: kind), for: ["keeper"])
        try topology.add(
            StoreDefinition(Self.windows, size: .seconds(1), retention: .seconds(60), kind: kind), for: ["keeper"])
        try topology.addSink("sink", to: out, after: ["keeper"])
        return topology
    }

    private let some: Headers = [Header("trace", "é1"), Header("empty", []), Header("null", nil), Header("trace", "2")]

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a value is read with its headers and timestamp`(kind: StoreKind) throws {
        let driver = try TopologyTestDriver(try keeping(kind))
        try driver.pipe(input, key: "a", value: "1", at: Timestamp(ms: 5), headers: some)
        try driver.pipe(input, key: "a", value: "2", at: Timestamp(ms: 4))
        try driver.pipe(input, key: "a", value: "3", at: Timestamp(ms: 6), headers: [Header("x", "y")])
        let found = try driver.read(from: out)
        #expect(found.map(\.headers) == [some, []])
        #expect(found.map(\.timestamp.ms) == [5, 4])
    }

    /// Kafka Streams' format, so that either can restore what the other wrote.
    @Test func `a changelog record has the headers as its own, and the plain value`() throws {
        let driver = try TopologyTestDriver(try keeping(.inMemory))
        try driver.pipe(input, key: "a", value: "1", at: Timestamp(ms: 5), headers: some)
        for store in ["rows", "windows"] {
            let record = try #require(driver.readBytes(from: "test-\(store)-changelog").last)
            #expect(record.value == Array("1".utf8))
            #expect(record.timestamp.ms == 5)
            #expect(record.headers == some)
        }
    }

    @Test func `headers are restored from the changelog`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        func run() throws {
            let thread = try fixture.thread(try keeping(.rocksDB))
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
        }
        try fixture.write("input", "a", "1", at: 5, headers: some)
        try run()
        try fixture.write("input", "a", "2", at: 6)
        try run()
        #expect(try fixture.read(out).map(\.headers) == [some])
    }

    /// On disk and in the changelog.
    @Test(arguments: [false, true])
    func `values that a store without headers wrote are read as values without headers`(inMemory: Bool) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        let before = try Topology { streams in
            streams.table(input, as: TableStoreName(Self.rows.name)).toStream().to(
                Topic("other", key: String.serde, value: String.serde.optional))
        }
        try fixture.create(["other": 1])
        try fixture.write("input", "a", "1", at: 5, headers: some)
        let thread = try fixture.thread(before, inMemory: inMemory)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        try fixture.write("input", "a", "2", at: 6)
        let later = try fixture.thread(try keeping(.rocksDB), inMemory: inMemory)
        try later.runUntilIdle()
        try later.stop(now: Timestamp(ms: 0))
        let found = try fixture.read(out)
        #expect(found.map(\.value) == ["1"])
        #expect(found.map(\.timestamp.ms) == [5])
        #expect(found.map(\.headers) == [[]])
    }

    @Test func `a table cannot read what a store with headers wrote`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1, "other": 1])
        try fixture.write("input", "a", "1", at: 5, headers: some)
        let thread = try fixture.thread(try keeping(.rocksDB), inMemory: false)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        let table = try Topology { streams in
            streams.table(input, as: TableStoreName(Self.rows.name)).toStream().to(
                Topic("other", key: String.serde, value: String.serde.optional))
        }
        let refused = #expect(throws: (any Error).self) {
            try fixture.thread(table, inMemory: false).runUntilIdle()
        }
        #expect("\(refused as Any)".contains("has the store rows as a key-value with headers store"))
    }

    @Test func `a serde that uses headers gets the stored ones`() throws {
        let headed = Serde<String>(
            encode: { text, _, headers in headers.append(Header("text", text)) },
            decode: { _, headers in headers["text"].map { String(decoding: $0, as: UTF8.self) } ?? "lost" })
        let name = HeadersStoreName("headed", key: String.serde, value: headed)
        let environment = StoreEnvironment(inMemory: StateMemory(budgetBytes: 1 << 20))
        let store = try #require(
            try StoreDefinition(name).open(in: environment) as? HeadersKeyValueStore<String, String>)
        try store.put("k", RecordedValue("v", at: Timestamp(ms: 1), headers: [Header("own", "1")]))
        #expect(try store.get("k")?.value == "v")
        #expect(try store.get("k")?.headers.map(\.name) == ["own", "text"])
    }

    @Test func `rows with headers are found by prefix and in reverse`() throws {
        let environment = StoreEnvironment(inMemory: StateMemory(budgetBytes: 1 << 20))
        let rows = try #require(
            try StoreDefinition(Self.rows).open(in: environment) as? HeadersKeyValueStore<String, String>)
        for key in ["ab", "b", "ac"] { try rows.put(key, RecordedValue("v", at: Timestamp(ms: 1), headers: some)) }
        #expect(try rows.reverseAll().collect().map(\.key) == ["b", "ac", "ab"])
        #expect(try rows.prefixScan("a").collect().map(\.key) == ["ab", "ac"])
        #expect(try rows.prefixScan("a").collect().map(\.value.headers) == [some, some])
        let windows = try #require(
            try StoreDefinition(Self.windows, size: .milliseconds(10), retention: .seconds(1)).open(in: environment)
                as? HeadersWindowStore<String, String>)
        for start in [0, 10, 20] {
            let time = Timestamp(ms: Int64(start))
            try windows.put("k", RecordedValue("v", at: time, headers: some), at: time)
        }
        #expect(try windows.reverseAll().collect().map(\.key.window.start.ms) == [20, 10, 0])
    }
}
