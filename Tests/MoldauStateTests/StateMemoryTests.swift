import MoldauRecords
import Testing

@testable import MoldauState

/// The budget that all stores share.
struct StateMemoryTests {
    /// Writes 32 MB of data to two stores, and commits whenever one requests it.
    @Test func `used memory stays within the budget while more data than that is written and read`() throws {
        let budget = 8 << 20
        let slackBytes = 2 << 20  // For memtables that are being flushed, and for what a commit holds back.
        let task = TestTask(memory: StateMemory(budgetBytes: budget))
        let stores = [try task.bytes(.rocksDB, "left"), try task.bytes(.rocksDB, "right")]
        let value = [UInt8](repeating: 1, count: 2_000)
        var most = 0
        for number in 0..<16_000 {
            let store = stores[number % 2]
            try store.put(withUnsafeBytes(of: UInt32(number)) { Array($0) }, value)
            _ = try store.value(withUnsafeBytes(of: UInt32(number / 3)) { Array($0) })
            if store.needsCommit { try store.commitAll() }
            if number % 100 == 0 { most = max(most, task.memory.usage.usedBytes) }
        }
        #expect(most > budget / 4)
        #expect(most <= budget + slackBytes)
        for store in stores {
            try store.commitAll()
            try store.close()
        }
        #expect(task.memory.usage.writeBackBytes == 0)
    }

    @Test func `a store requests a commit when its uncommitted writes take half its share`() throws {
        let task = TestTask(memory: StateMemory(budgetBytes: 1 << 20))
        let store = try task.bytes(.inMemory)
        var written = 0
        while !store.needsCommit {
            try store.put([UInt8(written)], [UInt8](repeating: 0, count: 4_096))
            written += 1
        }
        #expect((60...65).contains(written))  // 256 KiB.
        try store.commitAll()
        #expect(!store.needsCommit)
    }
}
