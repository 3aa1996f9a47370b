import MoldauRecords
import Testing

@testable import MoldauState

/// The typed stores.
struct KeyValueStoreTests {
    private struct Refused: Error {}
    private let task = TestTask()
    private let name = KeyValueStoreName<String, Int64>("counts")

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `get, putIfAbsent and delete return the existing value`(kind: StoreKind) throws {
        let store = try task.keyValue(name, kind)
        try store.put("a", 1)
        #expect(try store.get("a") == 1)
        #expect(try store.putIfAbsent("a", 2) == 1)
        #expect(try store.putIfAbsent("b", 2) == nil)
        #expect(try store.delete("a") == 1)
        #expect(try store.get("a") == nil)
        #expect(try store.delete("a") == nil)
        #expect(try store.all().collect().map(\.key) == ["b"])
    }

    @Test func `an update that throws writes nothing, nor does one from nil to nil`() throws {
        let store = try task.keyValue(name)
        #expect(throws: Refused.self) { try store.update("a") { _ in throw Refused() } }
        try store.update("b") { _ in nil }
        var changes = 0
        try store.drainChanges { _, _, _ in changes += 1 }
        #expect(changes == 0)
        #expect(try store.update("a") { ($0 ?? 0) + 1 } == (old: nil, new: 1))
        #expect(try store.update("a") { ($0 ?? 0) + 1 } == (old: 1, new: 2))
    }

    @Test func `ranges include both ends and can be reversed`() throws {
        let store = try task.keyValue(name)
        for (number, key) in ["apple", "bee", "beech", "cat"].enumerated() { try store.put(key, Int64(number)) }
        try store.commit(store: true)
        try store.put("beef", 9)
        #expect(try store.range(from: "bee", to: "beef").collect().map(\.key) == ["bee", "beech", "beef"])
        #expect(try store.reverseRange(from: "bee").collect().map(\.key) == ["cat", "beef", "beech", "bee"])
        #expect(try store.range(to: "b").collect().map(\.value) == [0])
        #expect(try store.range(from: "z", to: "a").next() == nil)
        #expect(try store.prefixScan("bee").collect().map(\.value) == [1, 2, 9])
        #expect(try store.reverseAll().next()?.key == "cat")
    }

    @Test func `bytes that cannot be decoded are the store's error`() throws {
        let store = try task.keyValue(name)
        try store.restore(key: [97], value: [1, 2, 3], timestamp: .none)
        #expect(throws: StateError.damaged(store: "counts", reason: "Int64 takes 8 bytes, got 3")) {
            try store.get("a")
        }
        #expect(throws: StateError.damaged(store: "counts", reason: "Int64 takes 8 bytes, got 3")) {
            try store.all().next()
        }
    }

    @Test func `a null key is rejected, a null value deletes`() throws {
        let store = try task.keyValue(KeyValueStoreName<String?, Int64?>("optional"))
        #expect(throws: StateError.nullKey(store: "optional")) { try store.put(nil, 1) }
        try store.put("a", 1)
        try store.put("a", .some(nil))
        #expect(try store.get("a") == nil)
    }

    @Test(arguments: [
        (Int64(5), "v", "000000000000000576"), (0, "", "0000000000000000"), (-1, "é", "ffffffffffffffffc3a9"),
    ])
    func `a timestamped value is stored as its timestamp followed by its bytes`(
        ms: Int64, value: String, expected: String
    ) throws {
        let store = try task.timestamped(TableStoreName<String, String>("rows"))
        try store.put("k", ValueAndTimestamp(value, at: Timestamp(ms: ms)))
        let bytes = try store.cache.value(Array("k".utf8)) ?? []
        #expect(hex(bytes) == expected)
        #expect(try store.get("k") == ValueAndTimestamp(value, at: Timestamp(ms: ms)))
    }

    @Test func `the changelog has value and timestamp separately, and a restore combines them`() throws {
        let first = try task.timestamped(TableStoreName<String, String>("first"))
        let second = try task.timestamped(TableStoreName<String, String>("second"))
        try first.put("k", ValueAndTimestamp("v", at: Timestamp(ms: 5)))
        try first.put("gone", nil)
        let changes = try changes(of: first)
        #expect(changes.map(\.value) == [[118], nil])
        #expect(changes.map(\.timestamp) == [Timestamp(ms: 5), nil])
        for change in changes {
            try second.restore(key: change.key, value: change.value, timestamp: change.timestamp ?? Timestamp(ms: 9))
        }
        try second.restored(upTo: Offset(2))
        #expect(try second.get("k") == ValueAndTimestamp("v", at: Timestamp(ms: 5)))
        #expect(try second.get("gone") == nil)
        #expect(second.changelogOffset == Offset(2))
    }

    @Test func `a stored value that is too short for its timestamp is an error`() throws {
        let store = try task.timestamped(TableStoreName<String, Int64>("rows"))
        try store.cache.put([97], [1, 2, 3])
        #expect(throws: StateError.self) { try store.get("a") }
    }

    @Test func `a store definition has its name, kind and settings`() {
        let store = StoreDefinition(
            name, kind: .inMemory, isLogged: false, changelogSettings: ["a": "b"])
        #expect(store.name == "counts")
        #expect(store.kind == .inMemory)
        #expect(!store.isLogged)
        #expect(store.changelogSettings == ["a": "b"])
    }
}
