import MoldauRecords
import Testing

@testable import MoldauState

/// Stores that are ahead of their changelogs, which have lost records at their ends.
struct ChangelogRewriteTests {
    private struct Change {
        let key: [UInt8]
        let value: [UInt8]?
        let time: Timestamp

        func with(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws -> Void) throws {
            try key.withUnsafeBytes { key in
                guard let value else { return try body(key, nil) }
                try value.withUnsafeBytes { try body(key, $0) }
            }
        }
    }

    /// Creates a store that has more than `lost` changes, truncates that many from its changelog, and appends what is
    /// missing.
    /// - Returns: the rows of the store, and those of a store that is then restored from the changelog.
    private func rewritten<Store: CacheBackedStore>(
        losing lost: Int, _ definition: StoreDefinition, as type: Store.Type, _ fill: (Store) throws -> Void
    ) throws -> (rows: [Entry], restored: [Entry]) {
        let task = TestTask()
        var store = try #require(try definition.open(in: task.environment) as? Store)
        var changelog: [Change] = []
        func drain() throws {
            try store.drainChanges { key, value, time in
                changelog.append(
                    Change(key: Array(key), value: value.map { Array($0) }, time: time ?? Timestamp(ms: 0)))
            }
            store.committed(changelogEnd: Offset(Int64(changelog.count)), positions: [:])
        }
        try fill(store)
        try drain()
        try store.close()
        changelog.removeLast(lost)
        task.reopen()
        store = try #require(try definition.open(in: task.environment) as? Store)
        #expect(try store.rewriteChangelog(from: Offset(Int64(changelog.count))))
        store.beginComparison()
        for change in changelog { try change.with { try store.compare(key: $0, value: $1) } }
        while store.cache.metadata.rewriteFrom != nil {
            try store.resumeRewriting()
            try drain()
        }
        let other = TestTask()
        let restored = try #require(try definition.open(in: other.environment) as? Store)
        for change in changelog {
            try change.with { try restored.restore(key: $0, value: $1, timestamp: change.time) }
        }
        return (try store.cache.scanned(), try restored.cache.scanned())
    }

    private func time(_ ms: Int64) -> Timestamp { Timestamp(ms: ms) }

    @Test(arguments: [0, 1, 2, 3])
    func `a key-value store's deletions are appended again`(lost: Int) throws {
        let name = TableStoreName<String, Int64>("map")
        let found = try rewritten(
            losing: lost, StoreDefinition(name), as: TimestampedKeyValueStore<String, Int64>.self
        ) { store in
            for key in ["a", "b", "c", "d"] { try store.put(key, ValueAndTimestamp(1, at: time(1))) }
            try store.commit()
            for key in ["a", "c"] { try store.put(key, nil) }
            try store.put("e", ValueAndTimestamp(2, at: time(2)))
        }
        #expect(found.rows.count == 3 && found.restored == found.rows)
    }

    @Test func `more deletions than fit one commit are appended by several`() throws {
        let name = KeyValueStoreName<Int64, Int64>("map")
        let task = TestTask()
        let store = try task.keyValue(name)
        for key in 0..<25_000 as Range<Int64> {
            store.cache.lostDeletions.insert(try Int64.serde.bytes(of: key))
        }
        try store.put(-1, 1)
        try store.commit()
        store.cache.metadata.rewriteFrom = []
        var portions: [Int] = []
        while store.cache.metadata.rewriteFrom != nil {
            try store.resumeRewriting()
            portions.append(try store.cache.drained().count)
            store.committed(changelogEnd: nil, positions: [:])
        }
        #expect(portions.prefix(2) == [10_000, 10_000] && portions.reduce(0, +) == 25_000)
    }

    @Test(arguments: [0, 1, 3])
    func `windows are appended again, although some have expired`(lost: Int) throws {
        let windows = StoreDefinition(
            WindowStoreName<String, Int64>("w"), size: .milliseconds(10), retention: .milliseconds(100))
        let found = try rewritten(losing: lost, windows, as: TimestampedWindowStore<String, Int64>.self) { store in
            for start in [0, 50, 60, 1_000] as [Int64] {
                for key in ["a", "b"] { try store.put(key, ValueAndTimestamp(1, at: time(start)), at: time(start)) }
            }
            try store.put("a", nil, at: time(1_000))
        }
        #expect(found.restored == found.rows)
    }

    /// Older versions are deleted without a record, and a deletion is a version.
    @Test(arguments: [0, 1, 2, 5])
    func `versions are appended again`(lost: Int) throws {
        let name = VersionedStoreName<String, Int64>("v", historyRetention: .milliseconds(100))
        let found = try rewritten(
            losing: lost, StoreDefinition(name), as: VersionedKeyValueStore<String, Int64>.self
        ) { store in
            for ms in [10, 20, 30] as [Int64] { try store.put("k", ms, at: time(ms)) }
            try store.put("other", 1, at: time(40))
            try store.put("other", nil, at: time(1_000))
            try store.put("last", 1, at: time(1_000))
        }
        // A key's latest version has the key alone; those before are followed by a time, and have expired.
        func latest(_ rows: [Entry]) -> [Entry] { rows.filter { $0.key.count == 4 + Int($0.key[3]) } }
        #expect(latest(found.restored) == latest(found.rows) && latest(found.rows).count == 3)
    }

    @Test func `a key's versions are appended in one commit, the latest one last`() throws {
        let name = VersionedStoreName<String, Int64>("v", historyRetention: .seconds(3_600))
        let task = TestTask()
        let store = try task.versioned(name)
        // 9,999 rows come before the key's.
        for number in 0..<9_999 { try store.put("a\(10_000 + number)", 1, at: time(1)) }
        for ms in [10, 20, 30] as [Int64] { try store.put("b00000", ms, at: time(ms)) }
        try store.commit()
        try store.writeBehind(force: true)
        store.cache.metadata.rewriteFrom = []
        var last: (commit: Int, time: Timestamp?) = (0, nil)
        var (commit, count) = (0, 0)
        while store.cache.metadata.rewriteFrom != nil {
            commit += 1
            try store.resumeRewriting()
            try store.drainChanges { key, _, time in
                guard String(decoding: key, as: UTF8.self) == "b00000" else { return }
                last = (commit, time)
                count += 1
            }
            store.committed(changelogEnd: nil, positions: [:])
        }
        #expect(count == 3 && last.time == time(30) && last.commit == 1)
    }
}
