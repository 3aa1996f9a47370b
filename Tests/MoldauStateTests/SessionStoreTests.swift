import MoldauRecords
import Testing

@testable import MoldauState

/// Session stores over both kinds of byte store.
struct SessionStoreTests {
    private let task = TestTask()
    private let name = SessionStoreName<String, Int64>("sessions")

    private func store(_ kind: StoreKind, retention: Int = 100_000) throws -> SessionStore<String, Int64> {
        try StoreDefinition(name, retention: .milliseconds(retention), kind: kind)
            .open(in: task.environment) as! SessionStore<String, Int64>
    }

    private func session(_ key: String, _ start: Int64, _ end: Int64) -> Windowed<String> {
        Windowed(key, in: Window(start: Timestamp(ms: start), end: Timestamp(ms: end)))
    }

    private func found(_ iterator: StoreIterator<Windowed<String>, Int64>) throws -> [String] {
        try iterator.collect().map { "\($0.key)=\($0.value)" }
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a search finds the sessions that overlap a time range`(kind: StoreKind) throws {
        let store = try store(kind)
        try store.put(session("a", 0, 10), 1)
        try store.put(session("a", 20, 65_000), 2)
        try store.commit(store: true)
        try store.put(session("a", 65_010, 65_020), 3)
        try store.put(session("ab", 0, 65_020), 9)
        func touched(_ first: Int64, _ last: Int64) throws -> [String] {
            let (first, last) = (Timestamp(ms: first), Timestamp(ms: last))
            let forward = try found(store.sessions(of: "a", endingFrom: first, beginningTo: last))
            #expect(
                try found(store.reverseSessions(of: "a", endingFrom: first, beginningTo: last)) == forward.reversed())
            return forward
        }
        #expect(try touched(10, 20) == ["[a@0/10]=1", "[a@20/65000]=2"])
        #expect(try touched(11, 19) == [])
        #expect(try touched(30, 40) == ["[a@20/65000]=2"])
        #expect(try touched(0, .max) == ["[a@0/10]=1", "[a@20/65000]=2", "[a@65010/65020]=3"])
        #expect(try store.fetch(session("a", 20, 65_000)) == 2)
        #expect(try store.fetch(session("a", 20, 65_001)) == nil)
        try store.remove(session("a", 20, 65_000))
        try store.put(session("a", 0, 10), nil)
        #expect(try found(store.fetch("a")) == ["[a@65010/65020]=3"])
        #expect(try found(store.sessions(keysFrom: "ab", through: nil)) == ["[ab@0/65020]=9"])
        #expect(try found(store.reverseSessions(keysFrom: nil, through: nil)).count == 2)
        #expect(try found(store.sessions(endingFrom: Timestamp(ms: 65_020), to: Timestamp(ms: 65_020))).count == 2)
        #expect(try found(store.sessions(endingFrom: Timestamp(ms: 65_021), to: Timestamp(ms: 65_020))).isEmpty)
    }

    @Test func `a merged session precedes the removals of its parts in the changelog`() throws {
        let store = try store(.inMemory)
        try store.put(session("a", 0, 10), 1)
        try store.put(session("a", 20, 30), 2)
        try store.commit(store: true)
        try store.remove(session("a", 0, 10))
        try store.remove(session("a", 20, 30))
        try store.put(session("a", 0, 30), 3)
        let drained = try changes(of: store)
        #expect(drained.map { $0.value == nil } == [false, true, true])
        #expect(drained.map(\.timestamp?.ms) == [30, 10, 30])
    }

    @Test(arguments: [(StoreKind.rocksDB, Int64(59_999), Int64(60_000)), (.inMemory, 100_000, 100_001)])
    func `sessions that ended before the retention are neither found nor written`(
        kind: StoreKind, lastRefused: Int64, firstTaken: Int64
    ) throws {
        let store = try store(kind)
        var refused = 0
        store.onExpired = { refused += 1 }
        try store.put(session("a", 0, 100_000), 1)
        try store.put(session("b", 200_000, 200_000), 2)
        #expect(try store.fetch(session("a", 0, 100_000)) == nil)
        #expect(try found(store.all()) == ["[b@200000/200000]=2"])
        #expect(try store.put(session("c", 0, lastRefused), 3) == false)
        #expect(refused == 1)
        #expect(try store.put(session("c", 0, firstTaken), 3))
    }

    @Test func `changelog keys have Kafka Streams' format, and a restore reads them`() throws {
        let store = try store(.rocksDB)
        try store.put(session("k", 1_000, 6_000), 1)
        try store.put(session("k", 1_000, 5_000), 2)
        try store.remove(session("k", 1_000, 5_000))
        let changes = try changes(of: store)
        // golden-bytes.json, windowed_keys.
        #expect(hex(changes[0].key) == "6b000000000000177000000000000003e8")
        #expect(changes.map(\.timestamp) == [Timestamp(ms: 6_000), Timestamp(ms: 5_000)])
        #expect(changes[1].value == nil)
        let other = SessionStoreName<String, Int64>("other")
        let again = try task.restored(from: changes, into: StoreDefinition(other, retention: .seconds(100)))
        #expect(try found((again as! SessionStore<String, Int64>).all()) == ["[k@1000/6000]=1"])
    }

    @Test(arguments: [("6b00000000000003e8", false), ("6b000000000000177000000000000003e8", true)])
    func `windowed keys are encoded as in Kafka Streams`(expected: String, isSession: Bool) throws {
        let serde =
            isSession
            ? Windowed.sessionSerde(of: String.serde) : Windowed.serde(of: String.serde, size: .milliseconds(5_000))
        let key = session("k", 1_000, 6_000)
        var writer = ByteWriter()
        try serde.encode(key, &writer)
        #expect(hex(Array(writer.bytes)) == expected)
        #expect(try serde.decode(writer.bytes) == key)
        #expect(serde.trailerBytes == writer.count - 1)
        #expect(throws: SerdeError.self) {
            try [UInt8](repeating: 0, count: 7).withUnsafeBytes { try serde.decode($0) }
        }
    }

    @Test func `a window's end is limited to the maximum timestamp`() {
        #expect(Window(start: Timestamp(ms: 5), size: .milliseconds(Int64.max)).end == Timestamp(ms: .max))
    }
}
