import MoldauRecords
import Testing

@testable import MoldauState

/// Random operations on a window store and on a dictionary, which must agree at every step.
struct WindowStoreModelTests {
    private struct Model {
        /// By window start and key.
        var rows: [Int64: [String: Int64]] = [:]
        var streamTime: Int64 = -1
        let retention: WindowRetention

        mutating func put(_ key: String, _ value: Int64?, _ start: Int64) -> Bool {
            streamTime = max(streamTime, start)
            guard start >= retention.firstWritable(at: streamTime) else { return false }
            rows[start, default: [:]][key] = value
            return true
        }

        func found(_ isIncluded: (String) -> Bool, _ times: ClosedRange<Int64>) -> Set<String> {
            var found: Set<String> = []
            for (start, values) in rows where times.contains(start) && start >= retention.first(at: streamTime) {
                for (key, value) in values where isIncluded(key) { found.insert("\(key)@\(start)=\(value)") }
            }
            return found
        }
    }

    private static let periodMs: Int64 = 150_000

    @Test(arguments: [StoreKind.rocksDB, .inMemory], [WindowOrder.byKey, .byTime])
    func `random operations agree with a dictionary, through expiry, write-behind and reopen`(
        kind: StoreKind, order: WindowOrder
    ) throws {
        var random = SeededGenerator(state: 7)
        let task = TestTask(memory: StateMemory(budgetBytes: 1 << 20))
        let name = PlainWindowStoreName<String, Int64>("windows")
        let definition = StoreDefinition(
            name, size: .seconds(10), retention: .milliseconds(Self.periodMs), order: order, kind: kind)
        func open() throws -> WindowStore<String, Int64> {
            try definition.open(in: task.environment) as! WindowStore<String, Int64>
        }
        var store = try open()
        var model = Model(retention: WindowRetention(.milliseconds(Self.periodMs), isExact: kind == .inMemory))
        var now: Int64 = 0
        for step in 0..<2_000 {
            now += .random(in: 0...2_000, using: &random)
            let start = max(0, now - .random(in: 0...300_000, using: &random))
            let key = ["", "a", "a\0", "ab", "b"].randomElement(using: &random)!
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let value: Int64? = Int.random(in: 0..<6, using: &random) == 0 ? nil : Int64(step)
                #expect(try store.put(key, value, at: Timestamp(ms: start)) == model.put(key, value, start))
            case 5:
                let isHere = model.found({ $0 == key }, start...start).first
                #expect(try store.fetch(key, at: Timestamp(ms: start)).map { "\(key)@\(start)=\($0)" } == isHere)
            case 6, 7:
                let end = start + .random(in: 0...200_000, using: &random)
                let (from, to) = (Timestamp(ms: start), Timestamp(ms: end))
                let (one, expected) = (
                    try text(store.fetch(key, from: from, to: to)), model.found({ $0 == key }, start...end)
                )
                #expect(Set(one) == expected && one.count == expected.count)
                #expect(try text(store.reverseFetch(key, from: from, to: to)) == one.reversed())
                let several = try text(store.fetch(keysFrom: key, through: nil, from: from, to: to))
                let utf8 = Array(key.utf8)
                let following = model.found({ !Array($0.utf8).lexicographicallyPrecedes(utf8) }, start...end)
                #expect(Set(several) == following && several.count == following.count)
            case 8: try store.commit(store: Bool.random(using: &random))
            default:
                guard kind == .rocksDB, step % 5 == 0 else { continue }
                try store.commit(store: true)
                try store.close()
                task.reopen()
                store = try open()
                // Entries that could not be read any more may be lost: stream time may start a bit lower.
                _ = try store.put("", 1, at: Timestamp(ms: model.streamTime))
                _ = model.put("", 1, model.streamTime)
            }
        }
        let all = try text(store.all())
        #expect(Set(all) == model.found({ _ in true }, 0...Int64.max))
    }

    private func text(_ iterator: StoreIterator<Windowed<String>, Int64>) throws -> [String] {
        try iterator.collect().map { "\($0.key.key)@\($0.key.window.start)=\($0.value)" }
    }
}
