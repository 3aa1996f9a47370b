import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Invalid bytes in stores: if they cause an error, it is one that names the store.
struct DamagedStoreTests {
    private static let input = Topic<String, String>("input")
    private static let others = Topic<String, String>("others")
    private static let table = Topic<String, String>("table")
    private static let out = Topic<String, String>("out")

    /// A store of each kind that the DSL makes.
    private static func everything() throws -> Topology {
        try Topology { streams in
            let input = streams.stream(input)
            let grouped = input.groupByKey()
            grouped.count(as: TableStoreName<String, Int64>("counts")).toStream().mapValues { "\($0 ?? 0)" }.to(out)
            grouped.windowedBy(.tumbling(.seconds(60), grace: .seconds(60)), emit: .onWindowClose)
                .count(as: WindowStoreName<String, Int64>("closing")).toStream { "\($0.key) \($1 ?? 0)" }
                .mapValues { "\($0 ?? 0)" }.to(out)
            grouped.windowedBy(.tumbling(.seconds(60), grace: .seconds(60)))
                .count(as: WindowStoreName<String, Int64>("windows")).suppress(.untilWindowCloses(), named: "waits")
                .toStream { "\($0.key) \($1 ?? 0)" }.mapValues { "\($0 ?? 0)" }.to(out)
            grouped.windowedBy(.sliding(.seconds(60), grace: .seconds(60)))
                .count(as: WindowStoreName<String, Int64>("sliding")).toStream { "\($0.key) \($1 ?? 0)" }
                .mapValues { "\($0 ?? 0)" }.to(out)
            grouped.windowedBy(.sessions(gap: .seconds(60), grace: .seconds(60)))
                .count(as: SessionStoreName<String, Int64>("sessions")).toStream { "\($0.key) \($1 ?? 0)" }
                .mapValues { "\($0 ?? 0)" }.to(out)
            input.outerJoin(
                streams.stream(others), within: JoinWindows(difference: .seconds(60), grace: .seconds(1)),
                storesNamed: "join"
            ) { "\($0 ?? "")\($1 ?? "")" }.to(out)
            let table = streams.table(table, as: TableStoreName<String, String>("table-store"))
            let versioned = input.toTable(
                as: VersionedStoreName<String, String>("versions", historyRetention: .seconds(60)))
            input.join(versioned, grace: .seconds(1)) { $0 + $1 }.to(out)
            table.join(
                table.mapValues { $0 }, on: { value in value }, as: TableStoreName<String, String>("foreign")
            ) { $0 + $1 }.toStream().mapValues { $0 ?? "" }.to(out)
        }
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `random rows in any kind of store cause an error that names the store, or none`(seed: UInt64) throws {
        let topology = try Self.everything()
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "others": 1, "table": 1, "out": 1])
        for number in 0..<20 as Range<Int64> {
            for topic in ["input", "others", "table"] {
                try fixture.write(topic, ["a", "key", ""][Int(number) % 3], "value", at: 1_000_000 + number * 40_000)
            }
        }
        let forms = Dictionary(topology.stores.map { ($0.name, $0.form) }) { $1 }
        #expect(forms.values.allSatisfy { $0 != nil })
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { failure in
            Issue.record("reported as a processing failure: \(failure)")
            return .skip
        }
        let memory = StateMemory(budgetBytes: 8 << 20)
        let configured = configuration
        do {
            let thread = try fixture.thread(topology, configuration: configured) { name in
                StoreEnvironment(memory: memory, name: name) { () throws(StateError) in
                    JunkStorage(forms: forms, seed: seed)
                }
            }
            do { try thread.runUntilIdle() } catch {
                try? thread.stop(now: Timestamp(ms: 0))
                throw error
            }
            try thread.stop(now: Timestamp(ms: 0))
        } catch let error as StateError {
            guard case .damaged(let store, _) = error else {
                Issue.record("unexpected error: \(error)")
                return
            }
            #expect(forms[store] != nil)
        }
    }

    @Test func `an unreadable row is a store error, and no record goes to the dead-letter topic`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1, "dead": 1])
        try fixture.write("input", "a", "x", at: 1)
        let topology = try Topology { streams in
            streams.stream(Self.input).groupByKey().count(as: TableStoreName<String, Int64>("counts")).toStream()
                .mapValues { "\($0 ?? 0)" }.to(Self.out)
        }
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .deadLetter(topic: "dead") }
        var metadata = StoreMetadata()
        metadata.form = topology.stores[0].form
        let (memory, held) = (StateMemory(budgetBytes: 8 << 20), metadata)
        let thread = try fixture.thread(topology, configuration: configuration) { name in
            StoreEnvironment(memory: memory, name: name) { () throws(StateError) in
                OneStore(MemoryByteStore(name: "counts", entries: [Array("a".utf8): [1, 2, 3]], metadata: held))
            }
        }
        let error = #expect(throws: StateError.self) { try thread.runUntilIdle() }
        guard case .damaged(store: "counts", _) = error else {
            Issue.record("unexpected error: \(String(describing: error))")
            return
        }
        #expect("\(error!)".hasPrefix("the store counts holds bytes that are not its own"))
        try? thread.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(Topic<String, String>("dead")).isEmpty)
    }
}

/// Stores filled with random rows.
private final class JunkStorage: StateStorage {
    private let forms: [String: StoreForm?]
    private var random: SeededGenerator

    init(forms: [String: StoreForm?], seed: UInt64) {
        self.forms = forms
        random = SeededGenerator(seed: seed)
    }

    func byteStore(named name: String) throws(StateError) -> any ByteStore {
        var metadata = StoreMetadata()
        metadata.form = forms[name] ?? nil
        metadata.bucketMs = [nil, 1, 60_000][Int.random(in: 0..<3, using: &random)]
        var rows: [[UInt8]: [UInt8]] = [:]
        // A few bad rows only: with many, each run would end at the first.
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            rows[bytes(upTo: 40)] = bytes(upTo: 30)
        }
        return MemoryByteStore(name: name, entries: rows, metadata: metadata)
    }

    /// Random bytes that include small numbers and the records' keys.
    private func bytes(upTo limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, Int.random(in: 0..<5, using: &random) > 0 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes += [0, 0, 0, UInt8.random(in: 0...4, using: &random)]
            case 1: bytes += Array("key".utf8)
            case 2:
                bytes += withUnsafeBytes(of: Int64.random(in: 0...2_000_000, using: &random).bigEndian) { Array($0) }
            case 3: bytes += withUnsafeBytes(of: Int64.random(in: 0...40, using: &random).bigEndian) { Array($0) }
            default: bytes.append(UInt8.random(in: 0...255, using: &random))
            }
        }
        return bytes
    }

    func close() {}
}

private final class OneStore: StateStorage {
    private let store: MemoryByteStore
    init(_ store: MemoryByteStore) { self.store = store }
    func byteStore(named name: String) throws(StateError) -> any ByteStore { store }
    func close() {}
}
