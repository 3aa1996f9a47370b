import MoldauRecords
import Synchronization
import Testing

@testable import MoldauState

/// The metadata of stores, and how it is used when they are reopened.
struct StoreMetadataTests {
    private let task = TestTask()

    @Test func `metadata is encoded in the oldest version that can hold it, and can be decoded`() throws {
        var full = StoreMetadata()
        full.changelogOffset = Offset(7)
        full.positions = [TopicPartition("in", 1): Offset(5)]
        full.streamTime = 9
        var versions: [UInt8] = []
        func check(_ metadata: StoreMetadata) throws {
            var writer = ByteWriter()
            metadata.encode(into: &writer)
            versions.append(writer.bytes[0])
            #expect(try StoreMetadata(decoding: writer.bytes, store: "s") == metadata)
        }
        try check(StoreMetadata())
        try check(full)
        full.form = StoreForm(.session, key: "utf8", value: nil, sizeMs: 5, retention: .seconds(3))
        full.bucketMs = 60_000
        full.changelogID = TopicID(high: 1, low: 2)
        full.topicIDs = ["in": TopicID(high: 3, low: 4)]
        full.rewriteFrom = [1, 2, 3]
        full.lastDuplicate = 12
        try check(full)
        #expect(versions == [1, 2, 3])
    }

    @Test(arguments: ["", "a|b", "a|b|c|d|e", "|b|c|"]) func `invalid text is not a store's form`(note: String) {
        #expect(StoreForm(note: note) == nil)
    }

    @Test(arguments: [true, false])
    func `the numbering of duplicates continues after a restart, with and without a changelog`(isLogged: Bool) throws {
        let definition = StoreDefinition(
            PlainWindowStoreName<String, String>("d"), size: .seconds(1), retention: .seconds(60),
            retainsDuplicates: true,
            isLogged: isLogged)
        for round in 1...4 {
            let store = try definition.open(in: task.environment) as! WindowStore<String, String>
            try store.put("k", "v\(round)", at: Timestamp(ms: 5))
            // The changelog was recreated: its offsets say nothing about the numbers.
            try store.commit(changelogEnd: isLogged ? 1 : nil)
            #expect(try store.fetch("k", from: Timestamp(ms: 5), to: Timestamp(ms: 5)).collect().count == round)
            try store.close()
            task.reopen()
        }
    }

    @Test func `putIfAbsent of an existing key changes nothing`() throws {
        let store = try task.keyValue(KeyValueStoreName<String, Int64>("plain"))
        let rows = try task.timestamped(TableStoreName<String, Int64>("rows"))
        #expect(try store.putIfAbsent("a", 1) == nil)
        #expect(try rows.putIfAbsent("a", ValueAndTimestamp(1, at: Timestamp(ms: 1))) == nil)
        try store.commit()
        try rows.commit()
        #expect(try store.putIfAbsent("a", 2) == 1)
        #expect(try rows.putIfAbsent("a", ValueAndTimestamp(2, at: Timestamp(ms: 2)))?.value == 1)
        try store.drainChanges { _, _, _ in Issue.record("unexpected change of the plain store") }
        try rows.drainChanges { _, _, _ in Issue.record("unexpected change of the rows") }
        #expect(try store.get("a") == 1)
    }

    /// The process ends after each step of a move into other buckets; the next start, with another bucket width,
    /// continues.
    @Test func `a move of rows between buckets completes after a crash`() throws {
        let shelf = Crashing()
        func definition(_ retention: Duration) -> StoreDefinition {
            StoreDefinition(
                PlainWindowStoreName<String, String>("w"), size: .seconds(1), retention: retention,
                kind: .custom(ByteStoreProvider("crashing") { _ in shelf }))
        }
        let first = try definition(.seconds(7_200)).open(in: task.environment) as! WindowStore<String, String>
        let count = 25_000  // More than two steps.
        for number in 0..<count {
            try first.put("k\(number)", "v", at: Timestamp(ms: 1_600_000_000_000 + Int64(number)))
        }
        try first.commit(store: true)
        try first.close()
        for (writes, retention) in [(1, 86_400), (0, 172_800), (1, 172_800), (2, 86_400)] {
            shelf.allow(writes)
            #expect(throws: StateError.self) { try definition(.seconds(retention)).open(in: task.environment) }
            task.reopen()
        }
        shelf.allow(.max)
        let last = try definition(.seconds(864_000)).open(in: task.environment) as! WindowStore<String, String>
        #expect(try last.all().collect().count == count)
        for number in stride(from: 0, to: count, by: 1_000) {
            #expect(try last.fetch("k\(number)", at: Timestamp(ms: 1_600_000_000_000 + Int64(number))) == "v")
        }
    }
}

/// A custom store that fails after some writes, as if the process had ended.
private final class Crashing: CustomByteStore, Sendable {
    private let held = Mutex<(entries: [[UInt8]: [UInt8]], writesLeft: Int)>(([:], .max))

    func allow(_ writes: Int) { held.withLock { $0.writesLeft = writes } }

    func get(_ key: [UInt8]) -> [UInt8]? { held.withLock { $0.entries[key] } }

    func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) throws {
        try held.withLock { held in
            guard held.writesLeft > 0 else { throw StateError.closed(store: "w") }
            held.writesLeft -= 1
            for (key, value) in changes { held.entries[key] = value }
        }
    }

    func range(
        from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ) -> () throws -> (key: [UInt8], value: [UInt8])? {
        let found = held.withLock { $0.entries }.filter { key, _ in
            !key.lexicographicallyPrecedes(lower) && upper.map { key.lexicographicallyPrecedes($0) } ?? true
        }
        var next = found.sorted { $0.key.lexicographicallyPrecedes($1.key) != reversed }.makeIterator()
        return { next.next().map { ($0.key, $0.value) } }
    }

    func close() {}
}
