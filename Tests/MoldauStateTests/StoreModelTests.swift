import MoldauRecords
import Testing

@testable import MoldauState

/// Random operations on a store and on a dictionary, which must agree at every step.
struct StoreModelTests {
    /// The expected content of a store: everything written, and the committed part of it.
    private struct Model {
        var now: [[UInt8]: [UInt8]] = [:]
        var committed: [[UInt8]: [UInt8]] = [:]
        var changed: [[UInt8]] = []
        /// The changelog: what was drained and committed, in order.
        var changelog: [Entry] = []

        func values(_ view: StoreView) -> [[UInt8]: [UInt8]] { view == .newest ? now : committed }

        mutating func put(_ key: [UInt8], _ value: [UInt8]?) {
            now[key] = value
            if !changed.contains(key) { changed.append(key) }
        }

        func entries(_ range: KeyRange, _ view: StoreView = .newest) -> [Entry] {
            values(view).filter { entry in
                !entry.key.lexicographicallyPrecedes(range.lower)
                    && range.upper.map { entry.key.lexicographicallyPrecedes($0) } ?? true
            }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { Entry($0.key, $0.value) }
        }
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory], [UInt64(1), 2, 3])
    func `random operations agree with a dictionary, through eviction, write-behind and reopen`(
        kind: StoreKind, seed: UInt64
    ) throws {
        print("seed \(seed), \(kind)")
        var random = SeededGenerator(state: seed)
        // The store's share is 512 KiB; values of up to 4 KiB take much of it.
        let task = TestTask(memory: StateMemory(budgetBytes: 1 << 20))
        var store = try task.bytes(kind)
        var model = Model()
        for step in 0..<1_500 {
            try operate(store, &model, &random)
            if step % 197 == 196 {
                store = try restart(task, store, kind, &model, &random)
            }
            #expect(store.cachedBytes <= 512 << 10 || store.needsCommit || store.unsavedBytes > 0)
        }
        #expect(try store.scanned() == model.entries(.all))
    }

    private func operate(_ store: CachedByteStore, _ model: inout Model, _ random: inout SeededGenerator) throws {
        let key = randomKey(&random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35:
            let value = [UInt8](
                repeating: .random(in: 0...255, using: &random), count: .random(in: 0...4_096, using: &random))
            try store.put(key, value)
            model.put(key, value)
        case 35..<45:
            try store.put(key, nil)
            model.put(key, nil)
        case 45..<75:
            #expect(try store.value(key) == model.now[key])
        case 75..<90:
            let before = model.now[key]
            let after = (before ?? []).suffix(100) + [7]
            try key.withUnsafeBytes { key in
                try after.withUnsafeBytes { after in
                    try store.update(key) { old in
                        #expect(old.map { Array($0) } == before)
                        return after
                    }
                }
            }
            model.put(key, Array(after))
        case 90..<92:
            let range = randomRange(&random)
            #expect(try store.scanned(range) == model.entries(range))
            #expect(try store.scanned(range, reverse: true) == model.entries(range).reversed())
        case 92..<95:
            try commit(store, &model, store: Bool.random(using: &random))
        case 95..<98:
            try query(store, key, model, &random)
        default:
            #expect(try store.value(key) == model.now[key])
        }
        if store.needsCommit { try commit(store, &model, store: false) }
    }

    /// What queries see in both views; they leave the cache as it is.
    private func query(
        _ store: CachedByteStore, _ key: [UInt8], _ model: Model, _ random: inout SeededGenerator
    ) throws {
        let (size, range) = (store.cachedBytes, randomRange(&random))
        let keys = (0..<8).map { _ in randomKey(&random) }
        for view in [StoreView.newest, .committed] where view == .newest || store.knowsCommittedValues {
            let expected = model.entries(range, view)
            try store.queried(view) { () throws in
                #expect(try store.value(key) == model.values(view)[key])
                #expect(try store.rows(keys, maxReads: 8) == keys.map { model.values(view)[$0] })
                #expect(try store.scanned(range) == expected)
                #expect(try store.scanned(range, reverse: true) == expected.reversed())
            }
            // A scan in two parts gives the same entries as a single one.
            let place = randomKey(&random)
            let (before, after) = (expected.filter { !place.lexicographicallyPrecedes($0.key) }, expected.count)
            #expect(
                try store.queried(view, after: place) { try store.scanned(range) }
                    == expected.suffix(after - before.count))
            let reversed = expected.prefix { $0.key.lexicographicallyPrecedes(place) }.reversed()
            #expect(
                try store.queried(view, after: place) { try store.scanned(range, reverse: true) } == Array(reversed))
        }
        #expect(store.cachedBytes == size)
    }

    private func commit(_ store: CachedByteStore, _ model: inout Model, store force: Bool) throws {
        let expected = model.changed.map { Entry($0, model.now[$0]) }
        #expect(try store.drained() == expected)
        model.changelog += expected
        model.changed = []
        model.committed = model.now
        store.committed(changelogEnd: Offset(Int64(model.changelog.count)), positions: [:])
        try store.writeBehind(force: force)
    }

    /// Closes the store with or without uncommitted writes, reopens it, and replays the changelog.
    private func restart(
        _ task: TestTask, _ old: CachedByteStore, _ kind: StoreKind, _ model: inout Model,
        _ random: inout SeededGenerator
    ) throws -> CachedByteStore {
        if Bool.random(using: &random) { try commit(old, &model, store: false) }
        try old.close()
        if kind == .rocksDB { task.reopen() }
        let store = try task.bytes(kind)
        let start = Int(store.metadata.changelogOffset?.value ?? 0)
        for (index, change) in model.changelog.enumerated().dropFirst(start) {
            try store.restore(change.key, change.value)
            if index % 50 == 0 { try store.restored(upTo: Offset(Int64(index + 1))) }
        }
        try store.restored(upTo: Offset(Int64(model.changelog.count)))
        model.now = model.committed
        model.changed = []
        #expect(try store.scanned() == model.entries(.all))
        return store
    }

    private func randomKey(_ random: inout SeededGenerator) -> [UInt8] {
        let length = Int.random(in: 0...10, using: &random)
        return (0..<length).map { _ in [0, 1, 0x7f, 0xff].randomElement(using: &random)! }.prefix(5)
            + (length > 5 ? [UInt8](repeating: 0, count: length - 5) : [])
    }

    private func randomRange(_ random: inout SeededGenerator) -> KeyRange {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: .all
        case 1: KeyRange(from: randomKey(&random), through: randomKey(&random))
        case 2: KeyRange(from: randomKey(&random))
        default: KeyRange(prefix: randomKey(&random))
        }
    }
}
