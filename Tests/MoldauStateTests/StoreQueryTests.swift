import MoldauRecords
import Testing

@testable import MoldauState

/// What queries see of a store while its task uses it; the model test compares both views at random.
struct StoreQueryTests {
    let task = TestTask()

    @Test func `committed values are known after the next commit`() throws {
        let store = try task.bytes(.rocksDB)
        try store.put([1], [1])
        try store.commitAll()
        try store.put([1], [2])
        #expect(!store.knowsCommittedValues)
        try store.commitAll()
        #expect(store.knowsCommittedValues)
        try store.put([1], [3])
        try store.put([1], nil)
        #expect(try store.queried(.committed) { try store.value([1]) } == [2])
        #expect(try store.queried(.newest) { try store.value([1]) } == nil)
    }

    @Test func `a value changed between drain and commit is not known as committed before the next commit`() throws {
        let store = try task.bytes(.rocksDB)
        #expect(store.knowsCommittedValues)
        try store.put([1], [1])
        _ = try store.drained()
        try store.put([1], [2])
        store.committed(changelogEnd: Offset(1), positions: [:])
        #expect(!store.knowsCommittedValues)
        try store.commitAll()
        #expect(try store.queried(.committed) { try store.value([1]) } == [2])
    }

    @Test func `a read of many rows stops after a number of cache misses`() throws {
        var store = try task.bytes(.rocksDB)
        for key in 0..<10 as Range<UInt8> { try store.put([key], [key]) }
        try store.commitAll()
        try store.close()
        task.reopen()
        store = try task.bytes(.rocksDB)
        // Two are cached again, and one is cached as a deletion.
        _ = try (store.value([0]), store.value([5]))
        try store.put([6], nil)
        let keys = (0..<12).map { [UInt8($0)] }
        let rows: [[UInt8]?] = keys.map { $0[0] == 6 || $0[0] > 9 ? nil : $0 }
        #expect(try store.rows(keys, maxReads: 3) == Array(rows.prefix(4)))
        #expect(try store.rows(keys, from: 4, maxReads: 3) == Array(rows[4..<9]))
        #expect(try store.rows(keys, from: 9, maxReads: 3) == Array(rows[9...]))
        #expect(try store.rows(keys, maxReads: 0) == [[0]])
    }

    @Test func `a query does not count as a use of a row`() throws {
        let name = LRUStoreName<String, Int64>("recent", maxEntries: 2)
        let store = try #require(
            try StoreDefinition(name).open(in: task.environment) as? LRUKeyValueStore<String, Int64>)
        try store.put("a", 1)
        try store.put("b", 2)
        #expect(try store.cache.queried(.newest) { try store.get("a") } == 1)
        try store.put("c", 3)
        #expect(try store.get("a") == nil)
        #expect(try store.get("b") == 2)
    }

    @Test(arguments: [StoreKind.inMemory, .rocksDB], [false, true])
    func `a query's scan ends after a number of rows, whether they match or not`(
        kind: StoreKind, reverse: Bool
    ) throws {
        let name = WindowStoreName<String, Int64>("windows")
        let definition = StoreDefinition(name, size: .milliseconds(10), retention: .seconds(1), kind: kind)
        let store = try #require(try definition.open(in: task.environment) as? TimestampedWindowStore<String, Int64>)
        for time in stride(from: Int64(0), to: 900, by: 10) {
            for key in ["a", "b", "c"] {
                try store.put(key, ValueAndTimestamp(time, at: Timestamp(ms: time)), at: Timestamp(ms: time))
            }
        }
        var (place, found, parts): ([UInt8]?, [String], Int) = (nil, [], 0)
        repeat {
            try store.cache.queried(.newest, after: place, steps: 20) {
                let (from, to) = (Timestamp(ms: 500), Timestamp(ms: 500))
                let windows =
                    reverse
                    ? try store.reverseFetch(keysFrom: nil, through: nil, from: from, to: to)
                    : try store.fetch(keysFrom: nil, through: nil, from: from, to: to)
                while let (key, _) = try windows.next() { found.append(key.key) }
                place = windows.cut
            }
            parts += 1
        } while place != nil
        #expect(found == (reverse ? ["c", "b", "a"] : ["a", "b", "c"]) && (13...15).contains(parts), "\(parts)")
        // Outside of queries nothing is cut short.
        let all = try store.fetch(keysFrom: nil, through: nil, from: Timestamp(ms: 0), to: Timestamp(ms: 900))
        #expect(try all.collect().count == 270 && all.cut == nil)
    }

    @Test func `a range whose last key precedes its first key is empty`() {
        let range = KeyRange(from: [2], through: [1])
        #expect(range.isEmpty && range.upper == range.lower)
        #expect(!KeyRange(from: [1], through: [1]).isEmpty)
    }

    @Test func `windows are listed in parts, oldest first and newest first`() throws {
        let name = WindowStoreName<String, Int64>("windows")
        let definition = StoreDefinition(name, size: .milliseconds(10), retention: .seconds(1))
        let store = try #require(try definition.open(in: task.environment) as? TimestampedWindowStore<String, Int64>)
        for time in stride(from: Int64(0), to: 900, by: 10) {
            for key in ["a", "b"] {
                try store.put(key, ValueAndTimestamp(time, at: Timestamp(ms: time)), at: Timestamp(ms: time))
            }
        }
        for reverse in [false, true] {
            func scan() throws -> StoreIterator<Windowed<String>, ValueAndTimestamp<Int64>> {
                let (from, to) = (Timestamp(ms: 100), Timestamp(ms: 700))
                return reverse
                    ? try store.reverseFetch(keysFrom: nil, through: nil, from: from, to: to)
                    : try store.fetch(keysFrom: nil, through: nil, from: from, to: to)
            }
            let whole = try scan().collect().map { "\($0.key)" }
            #expect(whole.count == 122)
            var (parts, place): ([String], [UInt8]?) = ([], nil)
            while true {
                let part = try store.cache.queried(.newest, after: place) {
                    let iterator = try scan()
                    var keys: [String] = []
                    while keys.count < 7, let entry = try iterator.next() {
                        keys.append("\(entry.key)")
                        place = iterator.place
                    }
                    return keys
                }
                if part.isEmpty { break }
                parts += part
            }
            #expect(parts == whole)
        }
    }
}
