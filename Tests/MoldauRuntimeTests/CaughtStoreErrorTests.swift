import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Synchronization
import Testing

/// Errors from a store's reads that user code catches: results based on them would be wrong and are not committed.
struct CaughtStoreErrorTests {
    enum Reading: CaseIterable { case get, update, all, next }

    private static let name = KeyValueStoreName<String, String>("rows")
    private let input = Topic<String, String>("input")
    private let out = Topic<String, String>("out")

    /// Forwards what the store holds for a record's key, or "nothing" if that cannot be read.
    private func topology(_ provider: ByteStoreProvider, _ reading: Reading) throws -> Topology {
        var topology = Topology()
        try topology.addSource("source", reading: [input])
        try topology.add(
            TopologyNode(
                "read",
                .processor { context in
                    let store: KeyValueStore<String, String> = try context.store(named: Self.name.name)
                    let forward = try context.next(String.self, String.self).receive
                    return Inlet<String, String> { record in
                        let found: String?
                        do { found = try Self.read(record.key, in: store, reading) } catch { found = nil }
                        try forward(record.with(value: found ?? "nothing"))
                        if record.value != "read" { try store.put(record.key, record.value) }
                    }
                }, parents: ["source"]))
        try topology.add(StoreDefinition(Self.name, kind: .custom(provider)), for: ["read"])
        try topology.addSink("sink", to: out, after: ["read"])
        return topology
    }

    private static func read(
        _ key: String, in store: KeyValueStore<String, String>, _ reading: Reading
    ) throws -> String? {
        switch reading {
        case .get: return try store.get(key)
        case .update: return try store.update(key) { $0 }.old
        case .all, .next:
            let rows = try store.all()
            var last: String?
            while let row = try rows.next() { last = row.value }
            return last
        }
    }

    @Test(arguments: Reading.allCases, [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a store error that user code catches still ends the thread, and nothing is lost`(
        reading: Reading, guarantee: ProcessingGuarantee
    ) throws {
        let (shelf, refusal) = (Shelf(), Refusal())
        let topology = try topology(refusal.provider(of: shelf, of: reading), reading)
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.onProcessingFailure = { _ in .skip }
        func thread() throws -> StreamThread { try fixture.thread(topology, configuration: configuration) }
        try fixture.write("input", "a", "kept", at: 1)
        let first = try thread()
        try first.runUntilIdle()
        try first.commit(now: Timestamp(ms: 1), writeBehind: true)
        try first.stop(now: Timestamp(ms: 2))
        try fixture.write("input", "a", "read", at: 3)
        refusal.isOn.withLock { $0 = true }
        let second = try thread()
        let error = #expect(throws: StateError.self) {
            try second.runUntilIdle(now: 3)
            try second.commit(now: Timestamp(ms: 4))
        }
        guard case .customStore(store: "rows", _, _)? = error else { throw try #require(error) }
        #expect(throws: StateError.self) { try second.stop(now: Timestamp(ms: 5)) }
        #expect(try fixture.committed("input")?.offset == Offset(1))
        refusal.isOn.withLock { $0 = false }
        let third = try thread()
        try third.runUntilIdle(now: 6)
        try third.stop(now: Timestamp(ms: 7))
        #expect(try fixture.read(out).map(\.value) == ["nothing", "kept"])
    }
}

/// Makes the reads of its stores fail while it is on.
private final class Refusal: Sendable {
    let isOn = Mutex(false)

    func provider(of shelf: Shelf, of reading: CaughtStoreErrorTests.Reading) -> ByteStoreProvider {
        ByteStoreProvider("refusing") { place in
            RefusingStore(ShelfStore(shelf, "\(place.task)/\(place.store)"), self, reading)
        }
    }

    func check() throws { if isOn.withLock({ $0 }) { throw ReadError() } }
}

private struct ReadError: Error {}

private final class RefusingStore: CustomByteStore {
    private let inner: ShelfStore
    private let refusal: Refusal
    private let reading: CaughtStoreErrorTests.Reading

    init(_ inner: ShelfStore, _ refusal: Refusal, _ reading: CaughtStoreErrorTests.Reading) {
        (self.inner, self.refusal, self.reading) = (inner, refusal, reading)
    }

    func get(_ key: [UInt8]) throws -> [UInt8]? {
        // The store's own key, a single byte, is read when it is opened.
        if reading == .get || reading == .update, key.count > 1 { try refusal.check() }
        return inner.get(key)
    }
    func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) { inner.write(changes) }
    func range(
        from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ) throws -> () throws -> (key: [UInt8], value: [UInt8])? {
        if reading == .all { try refusal.check() }
        let next = inner.range(from: lower, upTo: upper, reversed: reversed)
        var count = 0
        return { [refusal, reading] in
            if reading == .next, count > 0 { try refusal.check() }
            count += 1
            return try next()
        }
    }
    func close() {}
    var approximateEntryCount: Int { inner.approximateEntryCount }
}
