import MoldauRecords
import Testing

@testable import MoldauState

/// Reading, scanning and change capture over both kinds of byte store.
struct CachedByteStoreTests {
    let task = TestTask()

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `an empty key and an empty value are not absent`(kind: StoreKind) throws {
        let store = try task.bytes(kind)
        try store.put([], [])
        #expect(try store.value([]) == [])
        #expect(try store.value([0]) == nil)
        try store.commitAll(store: true)
        #expect(try store.scanned() == [Entry([], [])])
    }

    /// In the byte store: 10 … 50. In the cache: 20 changed, 30 deleted, 35 new.
    private func mixed(_ kind: StoreKind) throws -> CachedByteStore {
        let store = try task.bytes(kind)
        for key in [10, 20, 30, 40, 50] as [UInt8] { try store.put([key], [1]) }
        try store.commitAll(store: true)
        try store.put([20], [2])
        try store.put([30], nil)
        try store.put([35], [2])
        return store
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a scan merges cache and store in key order and honours deletions`(kind: StoreKind) throws {
        let store = try mixed(kind)
        let all = [Entry([10], [1]), Entry([20], [2]), Entry([35], [2]), Entry([40], [1]), Entry([50], [1])]
        #expect(try store.scanned() == all)
        #expect(try store.scanned(reverse: true) == all.reversed())
    }

    @Test(
        arguments: [
            (KeyRange(from: [20], upTo: [40]), [20, 35]), (KeyRange(from: [20], through: [40]), [20, 35, 40]),
            (KeyRange(from: [30], upTo: [31]), []), (KeyRange(from: [60]), []), (KeyRange(from: [40], upTo: [20]), []),
            (KeyRange(from: nil, through: [9]), []), (KeyRange(from: [36]), [40, 50]),
        ] as [(KeyRange, [UInt8])])
    func `a scan keeps to its bounds in both directions`(range: KeyRange, keys: [UInt8]) throws {
        for kind in [StoreKind.rocksDB, .inMemory] {
            let store = try mixed(kind)
            #expect(try store.scanned(range).map(\.key) == keys.map { [$0] })
            #expect(try store.scanned(range, reverse: true).map(\.key) == keys.reversed().map { [$0] })
        }
    }

    @Test func `a prefix of highest bytes has no upper bound`() throws {
        #expect(KeyRange(prefix: [1, 0xff]) == KeyRange(from: [1, 0xff], upTo: [2]))
        #expect(KeyRange(prefix: [0xff, 0xff]) == KeyRange(from: [0xff, 0xff], upTo: nil))
        let store = try task.bytes(.rocksDB)
        for key in [[0xfe], [0xff], [0xff, 0xff], [0xff, 0xff, 3]] as [[UInt8]] { try store.put(key, [1]) }
        try store.commitAll(store: true)
        #expect(try store.scanned(KeyRange(prefix: [0xff, 0xff])).map(\.key) == [[0xff, 0xff], [0xff, 0xff, 3]])
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory], [false, true])
    func `a scan continues at its position while the store is written, committed and stored`(
        kind: StoreKind, reverse: Bool
    ) throws {
        let store = try task.bytes(kind)
        for key in 0..<100 as Range<UInt8> { try store.put([key], [0]) }
        let cursor = try store.scan(.all, reverse: reverse)
        var seen: [UInt8] = []
        while try cursor.next() {
            let key = cursor.key[0]
            seen.append(key)
            if key == 50 { #expect(cursor.value[0] == (reverse ? 0 : 9)) }
            try store.put([key], [1])
            if key == 30 { try store.put([50], [9]) }
            if key % 20 == 10 { try store.commitAll(store: true) }
            if key == 40 { try store.put([60], nil) }
        }
        let upwards = [UInt8](0..<100)
        let expected = reverse ? upwards.reversed() : upwards.filter { $0 != 60 }
        #expect(seen == expected)
    }

    @Test func `changes are drained once, in the order of their first write`() throws {
        let store = try task.bytes(.inMemory)
        try store.put([2], [1])
        try store.put([1], [1])
        try store.put([2], nil)
        #expect(try store.drained() == [Entry([2], nil), Entry([1], [1])])
        #expect(try store.drained() == [])
        try store.put([1], [2])
        #expect(try store.drained() == [Entry([1], [2])])
    }

    @Test func `changes that a failed drain did not take are part of the next one`() throws {
        struct Full: Error {}
        let store = try task.bytes(.inMemory)
        for key in [1, 2, 3] as [UInt8] { try store.put([key], [0]) }
        var taken = 0
        #expect(throws: Full.self) {
            try store.drainChanges { _, _ in
                if taken == 1 { throw Full() }
                taken += 1
            }
        }
        #expect(try store.drained().map(\.key) == [[2], [3]])
    }

    /// A task moves from one thread to another and back: the first one only knows the old offset of what it sent
    /// itself.
    @Test func `a commit without changes does not move the changelog's offset back`() throws {
        let store = try task.bytes(.rocksDB)
        try store.put([1], [1])
        try store.commitAll(changelogEnd: 1)
        try store.put([1], [2])
        try store.commitAll(changelogEnd: 5)
        try store.commitAll(changelogEnd: 1)
        #expect(store.metadata.changelogOffset == Offset(5))
        // Changes are sent to the end of the changelog, wherever that is: the topic may be another one.
        try store.put([1], [3])
        try store.commitAll(changelogEnd: 2)
        #expect(store.metadata.changelogOffset == Offset(2))
    }

    @Test func `an unlogged store commits without a drain`() throws {
        let store = try task.bytes(.rocksDB, isLogged: false)
        try store.put([1], [1])
        store.committed(changelogEnd: nil, positions: [:])
        try store.close()
        task.reopen()
        #expect(try task.bytes(.rocksDB, isLogged: false).value([1]) == [1])
    }

    @Test func `an update may use the store for other keys`() throws {
        let task = TestTask(memory: StateMemory(budgetBytes: 1 << 20))
        let store = try task.bytes(.rocksDB)
        for key in 0..<200 as Range<UInt8> { try store.put([key], [UInt8](repeating: key, count: 4_000)) }
        try store.commitAll(store: true)
        try [UInt8](arrayLiteral: 7).withUnsafeBytes { key in
            try store.update(key) { old in
                for other in 0..<200 as Range<UInt8> {
                    let value = try store.value([other])
                    #expect(value?.first == other)
                }
                #expect(old?.first == 7)
                return old
            }
        }
        #expect(try store.drained().map(\.key) == [[7]])
    }

    @Test func `the entry count follows writes that are not stored yet`() throws {
        let store = try task.bytes(.inMemory)
        for key in [1, 2, 3] as [UInt8] { try store.put([key], [0]) }
        #expect(store.approximateEntryCount == 3)
        try store.commitAll(store: true)
        #expect(store.approximateEntryCount == 3)
        try store.put([1], nil)
        #expect(store.approximateEntryCount == 2)
    }

    @Test func `operations on a closed store throw an error`() throws {
        let store = try task.bytes(.rocksDB)
        try store.close()
        try store.close()
        #expect(throws: StateError.closed(store: "bytes")) { try store.put([1], [1]) }
        #expect(throws: StateError.closed(store: "bytes")) { try store.value([1]) }
        #expect(throws: StateError.closed(store: "bytes")) { try store.scanned() }
    }
}
