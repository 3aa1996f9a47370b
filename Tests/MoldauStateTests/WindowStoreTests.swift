import MoldauRecords
import Testing

@testable import MoldauState

/// Window stores over both kinds of byte store: what is found, what expires, what the changelog gets.
struct WindowStoreTests {
    private let task = TestTask()
    private let name = PlainWindowStoreName<String, Int64>("windows")

    private func store(
        _ kind: StoreKind, retention: Int = 100_000, order: WindowOrder = .byKey, duplicates: Bool = false
    ) throws -> WindowStore<String, Int64> {
        let definition = StoreDefinition(
            name, size: .milliseconds(10), retention: .milliseconds(retention), retainsDuplicates: duplicates,
            order: order, kind: kind)
        return try definition.open(in: task.environment) as! WindowStore<String, Int64>
    }

    private func found(_ iterator: StoreIterator<Windowed<String>, Int64>) throws -> [String] {
        try iterator.collect().map { "\($0.key.key)\($0.key.window.start)=\($0.value)" }
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory], [WindowOrder.byKey, .byTime])
    func `windows are found by key and time, across segments, in both directions`(
        kind: StoreKind, order: WindowOrder
    ) throws {
        let store = try store(kind, retention: 200_000, order: order)
        for (start, value) in [(0, 1), (50, 2), (99_999, 3), (100_000, 4), (150_000, 5)] as [(Int64, Int64)] {
            try store.put("a", value, at: Timestamp(ms: start))
            try store.put("ab", -value, at: Timestamp(ms: start))
            if start == 50 { try store.commit(store: true) }
        }
        func fetch(_ from: Int64, _ to: Int64) throws -> [String] {
            let (from, to) = (Timestamp(ms: from), Timestamp(ms: to))
            let forward = try found(try store.fetch("a", from: from, to: to))
            #expect(try found(try store.reverseFetch("a", from: from, to: to)) == forward.reversed())
            return forward
        }
        #expect(try fetch(0, .max) == ["a0=1", "a50=2", "a99999=3", "a100000=4", "a150000=5"])
        #expect(try fetch(50, 99_999) == ["a50=2", "a99999=3"])
        #expect(try fetch(51, 99_998) == [])
        #expect(try fetch(100, 50) == [])
        #expect(try store.fetch("ab", at: Timestamp(ms: 50)) == -2)
        #expect(try store.fetch("a", at: Timestamp(ms: 51)) == nil)
        try store.put("a", nil, at: Timestamp(ms: 50))
        #expect(try fetch(0, 60) == ["a0=1"])
    }

    @Test func `the number of a duplicate is never negative`() throws {
        let store = try store(.inMemory, duplicates: true)
        store.cache.metadata.lastDuplicate = .max
        try store.put("a", 1, at: Timestamp(ms: 5))
        #expect(store.cache.metadata.lastDuplicate == 0)
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `key ranges are exact, although some keys are prefixes of others`(kind: StoreKind) throws {
        let store = try store(kind)
        for key in ["", "a", "a\0", "aa", "b", "b\u{7f}", "c"] { try store.put(key, 1, at: Timestamp(ms: 5)) }
        try store.commit(store: true)
        func keys(_ first: String?, _ last: String?) throws -> [String] {
            let (zero, end) = (Timestamp(ms: 0), Timestamp(ms: 9))
            let forward = try store.fetch(keysFrom: first, through: last, from: zero, to: end).collect()
            let backward = try store.reverseFetch(keysFrom: first, through: last, from: zero, to: end).collect()
            #expect(backward.map(\.key.key) == forward.map(\.key.key).reversed())
            // In the store a key is followed by its time, so a longer key may come before its own prefix.
            return forward.map(\.key.key).sorted()
        }
        #expect(try keys("a", "b") == ["a", "a\0", "aa", "b"])
        #expect(try keys("a\0", "a\0") == ["a\0"])
        #expect(try keys(nil, "a") == ["", "a"])
        #expect(try keys("aa", nil) == ["aa", "b", "b\u{7f}", "c"])
        #expect(try keys("c", "a") == [])
        #expect(try store.all().collect().count == 7)
        #expect(try store.reverseAll().next()?.key.key == "c")
    }

    @Test func `stores ordered by time return the windows of all keys in time order`() throws {
        let store = try store(.rocksDB, order: .byTime)
        for (key, start) in [("b", 7), ("a", 9), ("c", 7), ("a", 3)] {
            try store.put(key, 1, at: Timestamp(ms: Int64(start)))
        }
        let windows = try store.fetch(keysFrom: nil, through: nil, from: Timestamp(ms: 4), to: Timestamp(ms: 9))
        #expect(try found(windows) == ["b7=1", "c7=1", "a9=1"])
    }

    /// Retention 100 000: segments of a minute on disk, exact in memory.
    @Test(arguments: [(StoreKind.rocksDB, Int64(59_999), Int64(60_000)), (.inMemory, 100_000, 100_001)])
    func `windows older than the retention are neither found nor written`(
        kind: StoreKind, lastRefused: Int64, firstTaken: Int64
    ) throws {
        let store = try store(kind)
        var refused = 0
        store.onExpired = { refused += 1 }
        try store.put("a", 1, at: Timestamp(ms: 10))
        try store.put("a", 2, at: Timestamp(ms: 100_001))
        try store.commit(store: true)
        try store.put("b", 3, at: Timestamp(ms: 200_000))
        #expect(try store.fetch("a", at: Timestamp(ms: 10)) == nil)
        #expect(try store.fetch("a", at: Timestamp(ms: 100_001)) == 2)
        #expect(try found(store.all()) == ["a100001=2", "b200000=3"])
        #expect(try store.put("c", 4, at: Timestamp(ms: lastRefused)) == false)
        #expect(refused == 1)
        #expect(try store.put("c", 4, at: Timestamp(ms: firstTaken)) == true)
        #expect(try store.update("c", at: Timestamp(ms: lastRefused)) { ($0 ?? 0) + 1 } == (old: nil, new: 1))
        #expect(refused == 2)
        #expect(try store.fetch("c", at: Timestamp(ms: lastRefused)) == nil)
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `expired windows are deleted from the byte store with the next write-behind`(kind: StoreKind) throws {
        let store = try store(kind)
        for start in 0..<500 as Range<Int64> { try store.put("old", start, at: Timestamp(ms: start * 10)) }
        try store.commit(store: true)
        #expect(try byteStoreKeys(store.cache) == 500)
        for start in 0..<100 as Range<Int64> { try store.put("unsaved", start, at: Timestamp(ms: start * 10)) }
        try store.put("new", 1, at: Timestamp(ms: 1_000_000))
        try store.commit(store: true)
        #expect(try byteStoreKeys(store.cache) == 1)
        #expect(try found(store.all()) == ["new1000000=1"])
        try store.close()
    }

    @Test func `expired entries stay deleted, also among ingested ones`() throws {
        let count = Int64(RocksDBByteStore.ingestThreshold)
        var store = try store(.rocksDB)
        for round in 0..<4 as Range<Int64> {
            for number in 0..<count { try store.put("\(number)", round, at: Timestamp(ms: round * 1_000_000)) }
            try store.commit(changelogEnd: round + 1, store: true)
            #expect(try byteStoreKeys(store.cache) == count)
        }
        try store.close()
        task.reopen()
        store = try self.store(.rocksDB)
        #expect(store.changelogOffset == Offset(4))
        #expect(try byteStoreKeys(store.cache) == count)
        #expect(try store.fetch("7", at: Timestamp(ms: 3_000_000)) == 3)
        #expect(try store.fetch("7", at: Timestamp(ms: 2_000_000)) == nil)
    }

    private func byteStoreKeys(_ cache: CachedByteStore) throws -> Int {
        let cursor = try cache.byteStore.cursor(.all, reverse: false)
        var count = 0
        while cursor.key != nil {
            count += 1
            try cursor.advance()
        }
        return count
    }

    @Test func `a reopened store keeps its data and its stream time`() throws {
        let store = try store(.rocksDB)
        try store.put("a", 1, at: Timestamp(ms: 100_000))
        try store.put("a", 2, at: Timestamp(ms: 500_000))
        try store.commit(changelogEnd: 2, store: true)
        try store.close()
        task.reopen()
        let again = try self.store(.rocksDB)
        #expect(again.changelogOffset == Offset(2))
        #expect(try found(again.all()) == ["a500000=2"])
        #expect(try again.put("b", 1, at: Timestamp(ms: 100_000)) == false)
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `duplicates are kept in the order of their puts, and nil adds nothing`(kind: StoreKind) throws {
        let store = try store(kind, duplicates: true)
        for value in [3, 1, nil, 2] as [Int64?] { try store.put("a", value, at: Timestamp(ms: 5)) }
        try store.put("a", 9, at: Timestamp(ms: 4))
        let time = Timestamp(ms: 5)
        #expect(try found(store.fetch("a", from: time, to: time)) == ["a5=3", "a5=1", "a5=2"])
        #expect(try found(store.reverseFetch("a", from: Timestamp(ms: 0), to: time)).last == "a4=9")
        let keys = try changes(of: store).map { $0.key.suffix(4) }
        #expect(keys == [[0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 3], [0, 0, 0, 4]])
    }

    @Test func `duplicates from before and after a restart are kept`() throws {
        let time = Timestamp(ms: 5)
        let before = try store(.rocksDB, duplicates: true)
        for value in [1, 2] as [Int64] { try before.put("a", value, at: time) }
        try before.commit(changelogEnd: 2, store: true)
        task.reopen()
        let after = try store(.rocksDB, duplicates: true)
        try after.put("a", 3, at: time)
        #expect(try found(after.fetch("a", from: time, to: time)) == ["a5=1", "a5=2", "a5=3"])
    }

    @Test func `changelog keys have Kafka Streams' format, and a restore reads them`() throws {
        let store = try store(.rocksDB)
        try store.put("k", 1, at: Timestamp(ms: 1_000))
        try store.put("k", 2, at: Timestamp(ms: 70_000))
        try store.put("k", nil, at: Timestamp(ms: 70_000))
        let changes = try changes(of: store)
        // golden-bytes.json, windowed_keys, with sequence number 0.
        #expect(hex(changes[0].key) == "6b00000000000003e800000000")
        #expect(changes.map(\.timestamp) == [Timestamp(ms: 1_000), Timestamp(ms: 70_000)])
        #expect(changes[1].value == nil)
        let restored = try task.restored(
            from: changes, into: StoreDefinition(name.renamed, size: .milliseconds(10), retention: .seconds(100)))
        let again = restored as! WindowStore<String, Int64>
        #expect(try found(again.all()) == ["k1000=1"])
        var restoredChanges = 0
        try again.drainChanges { _, _, _ in restoredChanges += 1 }
        #expect(restoredChanges == 0)
        #expect(throws: SerdeError.self) {
            try task.restored(
                from: [Change(key: [1], value: nil, timestamp: nil)],
                into: StoreDefinition(
                    PlainWindowStoreName<String, Int64>("third"), size: .milliseconds(10), retention: .seconds(100)))
        }
    }

    @Test func `a timestamped window's value is in the changelog without its timestamp`() throws {
        let rows = WindowStoreName<String, Int64>("rows")
        let definition = StoreDefinition(rows, size: .milliseconds(10), retention: .seconds(100))
        let store = try definition.open(in: task.environment) as! TimestampedWindowStore<String, Int64>
        try store.put("k", ValueAndTimestamp(7, at: Timestamp(ms: 1_005)), at: Timestamp(ms: 1_000))
        let changes = try changes(of: store)
        #expect(hex(changes[0].value ?? []) == "0000000000000007")
        #expect(changes[0].timestamp == Timestamp(ms: 1_005))
        let other = StoreDefinition(
            WindowStoreName<String, Int64>("others"), size: .milliseconds(10), retention: .seconds(100))
        let again = try task.restored(from: changes, into: other) as! TimestampedWindowStore<String, Int64>
        #expect(try again.fetch("k", at: Timestamp(ms: 1_000)) == ValueAndTimestamp(7, at: Timestamp(ms: 1_005)))
    }

    @Test func `prefetching does not change rows, whatever the records look like`() throws {
        let definition = StoreDefinition(
            WindowStoreName<String, Int64>("counts"), size: .milliseconds(10), retention: .milliseconds(100_000))
        let store = try definition.open(in: task.environment) as! TimestampedWindowStore<String, Int64>
        for start in [0, 10, 20] as [Int64] {
            try store.put("a", ValueAndTimestamp(start, at: Timestamp(ms: start)), at: Timestamp(ms: start))
        }
        var builder = RecordBatchBuilder()
        for key in [Array("a".utf8), nil, Array("unknown".utf8)] {
            for time in [0, 13, 25, .max, -1] as [Int64] {
                func append(_ key: UnsafeRawBufferPointer?) {
                    builder.append(key: key, value: nil, timestamp: Timestamp(ms: time), headers: Headers())
                }
                if let key { key.withUnsafeBytes(append) } else { append(nil) }
            }
        }
        var (reader, records) = (RecordBatchReader(builder.finish()), [RecordView]())
        while let record = try reader.next() { records.append(record) }
        #expect(records.count == 15)
        records.withUnsafeBufferPointer { store.expect($0, inWindowsOf: 10) }
        let rows = try store.all().collect().map { "\($0.key.key)\($0.key.window.start)=\($0.value.value)" }
        #expect(rows == ["a0=0", "a10=10", "a20=20"])
        #expect(store.segments.streamTime == 20)
    }

    @Test func `a restore skips expired windows`() throws {
        let store = try store(.rocksDB)
        try store.put("a", 1, at: Timestamp(ms: 10))
        try store.put("a", 2, at: Timestamp(ms: 900_000))
        try store.put("a", 3, at: Timestamp(ms: 10))  // Rejected: not in the changelog.
        let changes = try changes(of: store)
        #expect(changes.count == 2)
        let definition = StoreDefinition(name.renamed, size: .milliseconds(10), retention: .seconds(100))
        let again = try task.restored(from: changes.reversed(), into: definition) as! WindowStore<String, Int64>
        #expect(try found(again.all()) == ["a900000=2"])
        #expect(again.approximateEntryCount == 1)
    }

    @Test func `a definition has the retention of its windows`() {
        let definition = StoreDefinition(
            name, size: .milliseconds(10), retention: .seconds(100), changelogSettings: ["segment.bytes": "9"])
        #expect(definition.windowRetention == .seconds(100))
        #expect(definition.changelogSettings == ["segment.bytes": "9"])
    }
}

extension PlainWindowStoreName {
    fileprivate var renamed: PlainWindowStoreName { PlainWindowStoreName("\(name)-2", key: key, value: value) }
}
