import Foundation
import MoldauRecords
import Testing

@testable import MoldauState

/// What is on disk after a store was closed, cleanly or not, and opened again.
struct DurabilityTests {
    let task = TestTask()
    private let input = TopicPartition("orders", 3)

    @Test func `uncommitted writes are discarded by a close`() throws {
        let store = try task.bytes(.rocksDB)
        try store.put([1], [1])
        try store.commitAll(changelogEnd: 1, store: true)
        try store.put([1], [2])
        try store.put([2], [2])
        try store.close()
        task.reopen()
        let again = try task.bytes(.rocksDB)
        #expect(try again.scanned() == [Entry([1], [1])])
        #expect(again.metadata.changelogOffset == Offset(1))
    }

    @Test func `drained but not committed writes are discarded by a close`() throws {
        let store = try task.bytes(.rocksDB)
        try store.put([1], [1])
        _ = try store.drained()
        try store.close()
        task.reopen()
        #expect(try task.bytes(.rocksDB).scanned() == [])
    }

    @Test func `data and changelog offset agree if a later commit was not stored`() throws {
        let store = try task.bytes(.rocksDB)
        try store.put([1], [1])
        try store.commitAll(changelogEnd: 10, store: true)
        try store.put([1], [2])
        try store.commitAll(changelogEnd: 20)
        #expect(store.metadata.changelogOffset == Offset(20))
        try store.put([1], [3])  // Uncommitted, so the close saves nothing more.
        try store.close()
        task.reopen()
        let again = try task.bytes(.rocksDB)
        #expect(again.metadata.changelogOffset == Offset(10))
        #expect(try again.value([1]) == [1])
    }

    @Test func `a clean close keeps offset, positions and data`() throws {
        let name = TableStoreName<String, Int64>("counts")
        let store = try task.timestamped(name)
        #expect(store.changelogOffset == nil)
        try store.put("a", ValueAndTimestamp(1, at: Timestamp(ms: 7)))
        try store.commit(changelogEnd: 5, positions: [input: Offset(100), TopicPartition("öre", 0): Offset(2)])
        try store.commit(positions: [input: Offset(101)])
        try store.close()
        task.reopen()
        let again = try task.timestamped(name)
        #expect(try again.get("a") == ValueAndTimestamp(1, at: Timestamp(ms: 7)))
        #expect(again.changelogOffset == Offset(5))
        #expect(again.positions == [input: Offset(101), TopicPartition("öre", 0): Offset(2)])
    }

    /// The process ends between two commits without a close: what RocksDB flushed is kept, together with its changelog
    /// offset.
    @Test func `after a crash data and changelog offset agree`() async throws {
        let path = task.directory.path
        await #expect(processExitsWith: .exitCode(7)) { [path = path as String] in
            let environment = StoreEnvironment(directory: path, memory: StateMemory(budgetBytes: 8 << 20))
            let store = try environment.cache(for: StoreDefinition(bytesName("bytes")))
            for commit in 1...3 as ClosedRange<UInt8> {
                for key in 0..<100 as Range<UInt8> { try store.put([key], [commit]) }
                try store.commitAll(changelogEnd: Int64(commit), store: true)
                if commit == 2 { try store.byteStore.flush() }
            }
            _exit(7)
        }
        let again = try task.bytes(.rocksDB)
        #expect(again.metadata.changelogOffset == Offset(2))
        #expect(try again.scanned() == (0..<100).map { Entry([$0], [2]) })
    }

    @Test func `each store of a task keeps its own data and offset`() throws {
        let (left, right) = (try task.bytes(.rocksDB, "left"), try task.bytes(.rocksDB, "right"))
        try left.put([1], [1])
        try right.put([1], [2])
        try left.commitAll(changelogEnd: 1)
        try right.commitAll(changelogEnd: 2)
        try left.close()
        try right.close()
        task.reopen()
        #expect(try task.bytes(.rocksDB, "left").value([1]) == [1])
        let again = try task.bytes(.rocksDB, "right")
        #expect(try again.value([1]) == [2])
        #expect(again.metadata.changelogOffset == Offset(2))
    }

    /// More changes than fit a write batch: puts, overwrites and deletions go through ingested files.
    @Test func `many changes are stored by ingestion, with the offset`() throws {
        let count = RocksDBByteStore.ingestThreshold + 1_000
        let store = try task.bytes(.rocksDB)
        func key(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) } }
        for number in (0..<count).reversed() { try store.put(key(number), [1]) }
        try store.commitAll(changelogEnd: 1, store: true)
        try store.put(key(5), [9])
        try store.commitAll(changelogEnd: 2, store: true)
        for number in 0..<count { try store.put(key(number), number % 2 == 0 ? nil : [2]) }
        try store.commitAll(changelogEnd: 3, store: true)
        #expect(FileManager.default.fileExists(atPath: task.directory.path + "/ingest.tmp") == false)
        try store.close()
        task.reopen()
        let again = try task.bytes(.rocksDB)
        #expect(again.metadata.changelogOffset == Offset(3))
        #expect(try again.value(key(5)) == [2])
        #expect(try again.scanned().map(\.key) == (0..<count).filter { $0 % 2 == 1 }.map(key))
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `restored records can be read, and are stored when they exceed the budget`(kind: StoreKind) throws {
        let task = TestTask(memory: StateMemory(budgetBytes: 1 << 20))
        let store = try task.bytes(kind)
        let value = [UInt8](repeating: 1, count: 4_000)
        for batch in 0..<10 as Range<UInt8> {
            for number in 0..<50 as Range<UInt8> { try store.restore([batch, number], value) }
            try store.restore([batch, 7], nil)
            try store.restored(upTo: Offset(Int64(batch) * 100 + 51))
        }
        #expect(store.byteStore.metadata.changelogOffset != nil)  // Part of it was written from the cache.
        #expect(store.metadata.changelogOffset == Offset(951))
        #expect(try store.scanned().count == 490)
        #expect(try store.value([3, 7]) == nil)
        #expect(try store.value([3, 8]) == value)
        #expect(try store.drained() == [])
        try store.put([3, 7], [1])
        #expect(try store.drained() == [Entry([3, 7], [1])])
    }

    @Test func `a second environment cannot open the same state`() throws {
        let store = try task.bytes(.rocksDB)
        let second = StoreEnvironment(directory: task.directory.path, memory: task.memory)
        let error = #expect(throws: StateError.self) { try second.cache(for: StoreDefinition(bytesName("other"))) }
        guard case .directoryInUse(let path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == task.directory.path)
        try store.put([1], [1])
    }

    /// As if the process had too many open files: the lock cannot even be examined.
    @Test func `a lock file that cannot be opened is not reported as a lock held by another process`() throws {
        try FileManager.default.createDirectory(
            atPath: task.directory.path + "/LOCK", withIntermediateDirectories: true)
        let environment = StoreEnvironment(directory: task.directory.path, memory: task.memory)
        let error = #expect(throws: StateError.self) { try environment.cache(for: StoreDefinition(bytesName("s"))) }
        guard case .rocksDB(let operation, let path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(operation == "open the state" && path == task.directory.path)
    }

    @Test func `too many open files are reported as such`() {
        let message = "IO error: While open a file for lock: state/LOCK: Too many open files"
        let error = StateError.rocksDB(operation: "open the state", path: "state", message: message)
        #expect(error.description.contains("ulimit -n"))
    }

    @Test func `two stores of one task cannot share a name`() throws {
        let first = try task.bytes(.rocksDB, "same")
        #expect(throws: StateError.nameTaken(store: "same")) { try task.bytes(.rocksDB, "same") }
        try first.close()
        #expect(throws: Never.self) { try task.bytes(.rocksDB, "same") }
    }

    @Test func `closing the database ends stores and scans that are still open`() throws {
        let store = try task.bytes(.rocksDB)
        for key in 0..<10 as Range<UInt8> { try store.put([key], [1]) }
        try store.commitAll(store: true)
        let cursor = try store.scan(.all)
        #expect(try cursor.next())
        task.environment.close()
        #expect(throws: StateError.closed(store: "bytes")) { while try cursor.next() {} }
        #expect(throws: StateError.closed(store: "bytes")) { try store.value([200]) }
    }

    @Test(arguments: [[], [2], [1, 0, 0], Array(repeating: 1, count: 12) + [0xff, 0xff, 0xff, 0xff]] as [[UInt8]])
    func `damaged metadata is an error`(bytes: [UInt8]) {
        let error = #expect(throws: StateError.self) {
            try bytes.withUnsafeBytes { _ = try StoreMetadata(decoding: $0, store: "s") }
        }
        guard case .malformedMetadata = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a directory that cannot be created is an error that names it`() {
        let environment = StoreEnvironment(directory: "/proc/none/state", memory: task.memory)
        #expect(throws: StateError.directoryNotCreated(path: "/proc/none/state", code: 2)) {
            try environment.cache(for: StoreDefinition(bytesName("s")))
        }
    }
}
