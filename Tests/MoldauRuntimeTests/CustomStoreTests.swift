import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization
import Testing

@testable import MoldauTesting

/// The content of custom stores, which outlives the stores.
final class Shelf: Sendable {
    typealias Entries = [[UInt8]: [UInt8]]

    let stores = Mutex<[String: Entries]>([:])
    var provider: ByteStoreProvider {
        ByteStoreProvider("shelf") { place in ShelfStore(self, "\(place.task)/\(place.store)") }
    }
}

/// A custom store whose entries are kept on the shelf.
final class ShelfStore: CustomByteStore {
    private let shelf: Shelf
    private let name: String

    init(_ shelf: Shelf, _ name: String) { (self.shelf, self.name) = (shelf, name) }

    private var entries: Shelf.Entries { shelf.stores.withLock { $0[name] ?? [:] } }

    func get(_ key: [UInt8]) -> [UInt8]? { entries[key] }

    func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) {
        shelf.stores.withLock { stores in
            for (key, value) in changes { stores[name, default: [:]][key] = value }
        }
    }

    func range(
        from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ) -> () throws -> (key: [UInt8], value: [UInt8])? {
        let found = entries.filter { key, _ in
            !key.lexicographicallyPrecedes(lower) && upper.map { key.lexicographicallyPrecedes($0) } ?? true
        }
        let sorted = found.sorted { $0.key.lexicographicallyPrecedes($1.key) != reversed }
        var next = sorted.makeIterator()
        return { next.next().map { ($0.key, $0.value) } }
    }

    func close() {}
    var approximateEntryCount: Int { entries.count }
}

/// Custom stores in place of the built-in kinds.
struct CustomStoreTests {
    private let input = Topic<String, String>("input")
    private let rows = Topic<String, String>("rows")

    /// A topology with stores of all kinds.
    private func topology(_ stores: StoreKinds) throws -> Topology {
        try Topology(TopologyOptions(storeKinds: stores)) { streams in
            let (stream, table) = (streams.stream(input), streams.table(rows, as: TableStoreName("rows")))
            let grouped = stream.groupByKey()
            grouped.count().toStream().to(Topic("counts", key: String.serde, value: Int64.serde.optional))
            grouped.windowedBy(.hopping(.seconds(60), every: .seconds(20), grace: .seconds(5)))
                .count(as: WindowStoreName("windows"))
                .suppress(.untilWindowCloses(), value: Int64.serde)
                .toStream { key, _ in "\(key)" }.to(Topic("windows", key: String.serde, value: Int64.serde.optional))
            grouped.windowedBy(.sessions(gap: .seconds(30), grace: .seconds(5)))
                .count(as: SessionStoreName("sessions"))
                .toStream { key, _ in "\(key)" }.to(Topic("sessions", key: String.serde, value: Int64.serde.optional))
            stream.outerJoin(stream.mapValues { $0 + "!" }, within: JoinWindows(difference: .seconds(10), grace: .zero))
            {
                "\($0 ?? "-")\($1 ?? "-")"
            }.to(Topic("joined"))
            table.join(table, on: { $0 }) { $0 + $1 }.toStream()
                .to(Topic("referred", key: String.serde, value: String.serde.optional))
        }
    }

    /// Each commit writes the cached changes, so that reads reach the stores.
    @Test func `a topology has the same results on custom stores as in memory and on disk`() throws {
        let shelf = Shelf()
        var results: [[String: [RawRecord]]] = []
        for stores in [StoreKinds.inMemory, .rocksDB, .custom(shelf.provider)] {
            let driver = try TopologyTestDriver(try topology(stores))
            driver.writesStoresAtCommit = true
            for step in 0..<60 as Range<Int64> {
                let (key, time) = ("k\(step * 7 % 5)", Timestamp(ms: step * 3_000 - step % 4 * 2_000 + 10_000))
                try driver.pipe(step % 3 == 0 ? rows : input, key: key, value: "k\(step * 11 % 6)", at: time)
            }
            results.append(driver.writtenTopics.reduce(into: [:]) { $0[$1] = driver.readBytes(from: $1) })
            try driver.close()
        }
        #expect(results[0].count > 12)
        #expect(
            results[1].filter { !$0.key.hasSuffix("changelog") } == results[0].filter { !$0.key.hasSuffix("changelog") }
        )
        #expect(results[2] == results[1])
        #expect(try shelf.stores.withLock { $0.count } == topology(.inMemory).stores.count)
    }

    @Test func `a custom store is reused after a restart, and restored from its changelog if it was lost`() throws {
        let (fixture, shelf) = (try ClusterFixture(), Shelf())
        try fixture.create(["input": 1, "out": 1])
        let topology = try Topology { streams in
            streams.stream(input).groupByKey().count(as: Materialized(kind: .custom(shelf.provider)))
                .toStream()
                .to(Topic("out", key: String.serde, value: Int64.serde.optional))
        }
        for (round, restored) in [(1, 0), (2, 0), (3, 1)] as [(Int64, Int64)] {
            if round == 3 { shelf.stores.withLock { $0 = [:] } }
            try fixture.write("input", "a", "x", at: round)
            let thread = try fixture.thread(topology)
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
            // By then the changelog has two records, of one key each.
            #expect(thread.report.restored == restored * 2)
        }
        #expect(try fixture.read(Topic<String, Int64>("out")).map(\.value) == [1, 2, 3])
        #expect(shelf.stores.withLock { $0.keys.sorted() } == ["0_0/input-count"])
    }

    @Test func `an operator's choice of store overrides the topology's`() throws {
        let kinds = StoreKinds(keyValue: .inMemory, window: .custom(Shelf().provider), session: .rocksDB)
        let topology = try Topology(TopologyOptions(storeKinds: kinds)) { streams in
            let grouped = streams.stream(input).groupByKey()
            _ = grouped.count(as: TableStoreName("a-count"))
            _ = grouped.count(as: Materialized(TableStoreName("b-count-own"), kind: .rocksDB))
            _ = grouped.windowedBy(.tumbling(.seconds(1), grace: .zero)).count(as: WindowStoreName("c-windows"))
            _ = grouped.windowedBy(.sessions(gap: .seconds(1), grace: .zero)).count(as: SessionStoreName("d-sessions"))
        }
        let found = topology.stores.sorted { $0.name < $1.name }.map(\.kind)
        #expect(found == [.inMemory, .rocksDB, kinds.window, .rocksDB])
    }

    @Test func `an error on opening a custom store is thrown and names the store`() throws {
        struct Jammed: Error {}
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        let jammed = ByteStoreProvider("jammed") { _ in throw Jammed() }
        let topology = try Topology(TopologyOptions(storeKinds: .custom(jammed))) { streams in
            _ = streams.stream(input).groupByKey().count()
        }
        let error = #expect(throws: StateError.self) { try fixture.thread(topology) }
        #expect(error == .customStore(store: "input-count", operation: "open", message: "Jammed()"))
    }
}
