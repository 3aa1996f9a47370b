import MoldauRecords

@testable import MoldauState
import Testing

struct LRUKeyValueStoreTests {
    private let task = TestTask()

    private func open(maxEntries: Int = 3) throws -> LRUKeyValueStore<String, Int> {
        try #require(
            try StoreDefinition(LRUStoreName<String, Int>("recent", maxEntries: maxEntries)).open(in: task.environment)
                as? LRUKeyValueStore<String, Int>)
    }

    private func keys(_ store: LRUKeyValueStore<String, Int>) throws -> [String] {
        try store.all().collect().map(\.key)
    }

    @Test func `a row above the limit evicts the least recently used one`() throws {
        let store = try open()
        for (value, key) in ["a", "b", "c"].enumerated() { try store.put(key, value) }
        #expect(try store.get("a") == 0)
        try store.put("b", 7)
        try store.put("d", 3)
        #expect(try keys(store) == ["a", "b", "d"])
        #expect(try store.putIfAbsent("a", 9) == 0)
        #expect(try store.putIfAbsent("e", 4) == nil)
        #expect(try keys(store) == ["a", "d", "e"])
        #expect(store.entryCount == 3)
    }

    @Test func `deleted keys free space`() throws {
        let store = try open()
        for key in ["a", "b", "c"] { try store.put(key, 1) }
        #expect(try store.delete("a") == 1)
        try store.put("b", nil)
        for key in ["d", "e"] { try store.put(key, 2) }
        #expect(try keys(store) == ["c", "d", "e"])
    }

    @Test func `evicted rows are deleted in the changelog, and a restore keeps the order of use`() throws {
        let store = try open()
        var changelog: [(key: [UInt8], value: [UInt8]?)] = []
        func drain() throws {
            try store.drainChanges { key, value, _ in changelog.append((Array(key), value.map(Array.init))) }
        }
        for key in ["a", "b", "c"] { try store.put(key, 1) }
        try drain()
        try store.put("d", 1)
        try drain()
        #expect(changelog.map { String(decoding: $0.key, as: UTF8.self) } == ["a", "b", "c", "d", "a"])
        #expect(changelog.last?.value == nil)

        task.reopen()
        let restored = try open()
        for entry in changelog {
            try entry.key.withUnsafeBytes { key in
                try (entry.value ?? []).withUnsafeBytes { value in
                    try restored.restore(
                        key: key, value: entry.value == nil ? nil : value, timestamp: Timestamp(ms: 0))
                }
            }
        }
        #expect(try keys(restored) == ["b", "c", "d"])
        try restored.put("e", 1)
        #expect(try keys(restored) == ["c", "d", "e"])
    }

    /// The same operations on a list with linear search.
    @Test func `agrees with a plain list over many operations`() throws {
        let store = try open(maxEntries: 8)
        var list: [(key: String, value: Int)] = []
        var seed: UInt64 = 1
        for step in 0..<5_000 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = "k\(seed >> 59)"
            let index = list.firstIndex { $0.key == key }
            switch seed >> 40 & 7 {
            case 0:
                try store.delete(key)
                if let index { list.remove(at: index) }
            case 1...4:
                #expect(try store.get(key) == index.map { list[$0].value })
                if let index { list.append(list.remove(at: index)) }
            default:
                try store.put(key, step)
                if let index { list.remove(at: index) }
                list.append((key, step))
                if list.count > 8 { list.removeFirst() }
            }
        }
        #expect(try keys(store) == list.map(\.key).sorted())
    }
}
