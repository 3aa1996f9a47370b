import MoldauRecords
import Testing

@testable import MoldauState

@Suite struct VersionedKeyValueStoreTests {
    private let prices = VersionedStoreName<String, Int64>("prices", historyRetention: .milliseconds(100))

    private func time(_ ms: Int64) -> Timestamp { Timestamp(ms: ms) }

    @Test("A lookup returns the version that was valid at its timestamp", arguments: [StoreKind.rocksDB, .inMemory])
    func asOf(kind: StoreKind) throws {
        let task = TestTask()
        let store = try task.versioned(prices, kind)
        #expect(try store.put("tea", 3, at: time(10)) == .latest)
        #expect(try store.put("tea", 5, at: time(30)) == .latest)
        #expect(try store.put("tea", 4, at: time(20)) == .history(validTo: time(30)))
        try store.put("teapot", 90, at: time(15))
        #expect(try store.get("tea") == VersionedRecord(value: 5, timestamp: time(30), validTo: nil))
        #expect(try store.get("tea", asOf: time(9)) == nil)
        #expect(
            try store.get("tea", asOf: time(19)) == VersionedRecord(value: 3, timestamp: time(10), validTo: time(20)))
        #expect(
            try store.get("tea", asOf: time(29)) == VersionedRecord(value: 4, timestamp: time(20), validTo: time(30)))
        #expect(try store.get("tea", asOf: time(1_000))?.value == 5)
    }

    @Test("A deletion is a version too", arguments: [StoreKind.rocksDB, .inMemory])
    func deletion(kind: StoreKind) throws {
        let task = TestTask()
        let store = try task.versioned(prices, kind)
        try store.put("tea", 3, at: time(10))
        #expect(try store.put("tea", nil, at: time(20)) == .latest)
        #expect(try store.get("tea") == nil)
        #expect(try store.get("tea", asOf: time(25)) == nil)
        #expect(try store.get("tea", asOf: time(15))?.value == 3)
        try store.put("tea", 4, at: time(30))
        #expect(try store.get("tea", asOf: time(25)) == nil)
        #expect(try store.get("tea", asOf: time(30))?.value == 4)
    }

    @Test(
        "Versions older than the history are rejected, and no longer found", arguments: [StoreKind.rocksDB, .inMemory])
    func retention(kind: StoreKind) throws {
        let task = TestTask()
        let store = try task.versioned(prices, kind)
        for ms in [Int64(10), 20, 30] { try store.put("tea", ms, at: time(ms)) }
        try store.put("milk", 1, at: time(125))
        #expect(try store.put("tea", 9, at: time(24)) == .refused)
        #expect(try store.get("tea", asOf: time(24)) == nil)
        #expect(try store.get("tea", asOf: time(25))?.value == 20)
        // The next write deletes what no lookup can reach.
        try store.put("tea", 130, at: time(130))
        #expect(try store.get("tea", asOf: time(30))?.value == 30)
        var rows = 0
        let cursor = try store.cache.scan(KeyRange(from: [], through: Array(repeating: 255, count: 64)), reverse: false)
        while try cursor.next() { rows += 1 }
        #expect(rows == 3, "tea now and at 30, milk now")
    }

    @Test(
        "All versions are restored from the changelog, in any order",
        arguments: [StoreKind.rocksDB, .inMemory])
    func changelog(kind: StoreKind) throws {
        let source = TestTask()
        let store = try source.versioned(prices, kind)
        try store.put("tea", 3, at: time(10))
        try store.put("tea", 5, at: time(30))
        try store.put("tea", nil, at: time(50))
        try store.put("old", 1, at: time(1))
        try store.put("milk", 7, at: time(140))
        var changes: [(key: [UInt8], value: [UInt8]?, timestamp: Timestamp)] = []
        try store.drainChanges { key, value, timestamp in
            changes.append((Array(key), value.map { Array($0) }, try #require(timestamp)))
        }
        #expect(changes.count == 5)
        let ofTea = changes.filter { $0.key == Array("tea".utf8) }
        #expect(ofTea.last?.timestamp == time(50) && ofTea.last?.value == nil, "compaction keeps the latest version")

        for order in [changes, changes.reversed()] {
            let target = TestTask()
            let restored = try target.versioned(prices, kind)
            for change in order {
                try change.key.withUnsafeBytes { key in
                    guard let value = change.value else {
                        return try restored.restore(key: key, value: nil, timestamp: change.timestamp)
                    }
                    try value.withUnsafeBytes { try restored.restore(key: key, value: $0, timestamp: change.timestamp) }
                }
            }
            #expect(try restored.get("old")?.value == 1)
            #expect(try restored.get("milk")?.value == 7)
            #expect(try restored.get("tea") == nil)
            #expect(try restored.get("tea", asOf: time(45))?.value == 5)
        }
    }

    @Test("Versions that were written to disk are kept after a reopen")
    func reopened() throws {
        let task = TestTask()
        let store = try task.versioned(prices)
        try store.put("tea", 3, at: time(10))
        try store.put("tea", 5, at: time(30))
        try store.commit(changelogEnd: 2, store: true)
        task.reopen()
        let again = try task.versioned(prices)
        #expect(try again.get("tea", asOf: time(15))?.value == 3)
        #expect(try again.get("tea")?.value == 5)
    }
}
