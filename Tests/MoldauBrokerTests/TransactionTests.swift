import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private let (left, right) = (TopicPartition("left", 0), TopicPartition("right", 0))

private func offset(_ value: Int64) -> GroupOffset {
    GroupOffset(offset: Offset(value), metadata: "", time: noon())
}

/// A client with a transactional id, as the embedded cluster's producers are.
private struct Client<Files: FileSystem> {
    let broker: Broker<Files>
    let producer: ProducerIdentity
    private var sequences: [TopicPartition: Int32] = [:]

    init(_ broker: Broker<Files>) throws {
        self.broker = broker
        producer = try broker.makeProducer("app-1", timeout: .seconds(10))
    }

    mutating func send(_ value: String, to partition: TopicPartition) throws {
        try broker.enlist([partition], "app-1", producer)
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(
            id: producer.id, epoch: producer.epoch, baseSequence: sequences[partition] ?? 0, isTransactional: true)
        Array(value.utf8).withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 0)) }
        _ = try broker.partition(partition).append(builder.finish())
        sequences[partition, default: 0] += 1
    }

    /// Sends to both partitions, with the group's offset.
    mutating func transact(_ value: String, offset position: Int64) throws {
        for partition in [left, right] { try send(value, to: partition) }
        try broker.commit([left: offset(position)], of: "app", "app-1", producer)
    }

    func end(commit: Bool) throws { try broker.endTransaction("app-1", producer, commit: commit) }
}

extension Broker {
    fileprivate func committed(_ name: TopicPartition) throws -> [String] {
        var (values, position): ([String], Offset) = ([], .zero)
        while let read = try partition(name).read(from: position, maxBytes: 1 << 16, onlyCommitted: true) {
            var reader = RecordBatchReader(read.bytes.bytes, from: position)
            while let record = try reader.next() { values.append(String(decoding: record.value!, as: UTF8.self)) }
            position = read.next.offset
        }
        return values
    }

    fileprivate var position: Int64? { committedOffsets(of: "app")[left]?.offset.value }

    fileprivate func createTopics() throws {
        try create(["left", "right"].map { TopicMetadata(name: $0, partitionCount: 1) })
    }
}

private final class Clock: Sendable {
    let ms = Atomic<Int64>(0)
    var now: Timestamp { Timestamp(ms: ms.load(ordering: .relaxed)) }
}

struct TransactionTests {
    @Test func `records and offsets are there with the commit, and not before`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        var client = try Client(broker)
        try client.transact("a", offset: 1)
        #expect(try broker.committed(left).isEmpty && broker.position == nil)
        #expect(try broker.values(of: left) == ["a"])
        try client.end(commit: true)
        #expect(try broker.committed(left) == ["a"] && broker.committed(right) == ["a"])
        #expect(broker.position == 1)
        try client.transact("b", offset: 2)
        try client.end(commit: false)
        #expect(try broker.committed(left) == ["a"])
        #expect(broker.position == 1)
        try client.transact("c", offset: 3)
        try client.end(commit: true)
        #expect(try broker.committed(right) == ["a", "c"])
        #expect(broker.position == 3)
    }

    @Test func `a newer producer of the id aborts what is open, and the older one is refused`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        var old = try Client(broker)
        try old.transact("old", offset: 1)
        var new = try Client(broker)
        #expect(new.producer.id == old.producer.id && new.producer.epoch > old.producer.epoch)
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try old.end(commit: true) }
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try old.send("late", to: left) }
        try new.transact("new", offset: 2)
        try new.end(commit: true)
        #expect(try broker.committed(left) == ["new"] && broker.position == 2)
    }

    @Test func `a transaction that is open for longer than its timeout is aborted`() throws {
        let clock = Clock()
        let broker = try Broker(
            MemoryFileSystem(), directory: "data", durability: .sync, clock: { clock.now })
        try broker.createTopics()
        var client = try Client(broker)
        try client.transact("slow", offset: 1)
        try broker.append(["plain"], to: left)
        clock.ms.store(10_000, ordering: .relaxed)
        try broker.abortExpired()
        #expect(try broker.committed(left).isEmpty)
        clock.ms.store(10_001, ordering: .relaxed)
        try broker.abortExpired()
        #expect(try broker.committed(left) == ["plain"])
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try client.end(commit: true) }
    }

    @Test(arguments: [true, false])
    func `an open transaction survives a restart, and the next producer aborts it`(closes: Bool) throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try Client(broker)
        try client.transact("a", offset: 1)
        try client.end(commit: true)
        try client.transact("open", offset: 2)
        let id = client.producer.id
        if closes { try broker.close() }
        broker = try openBroker(files)
        #expect(try broker.committed(left) == ["a"] && broker.position == 1)
        client = try Client(broker)
        #expect(client.producer.id == id)
        try client.transact("b", offset: 2)
        try client.end(commit: true)
        #expect(try broker.committed(left) == ["a", "b"] && broker.committed(right) == ["a", "b"])
        #expect(broker.position == 2)
    }

    @Test func `wherever the process ends in a commit, all of it is there or nothing`() throws {
        var (committed, aborted) = (0, 0)
        for limit in 0..<200 {
            let files = CrashingFileSystem()
            var wasAcknowledged = false
            do {
                let broker = try openBroker(files)
                try broker.createTopics()
                var client = try Client(broker)
                try client.transact("a", offset: 1)
                try client.end(commit: true)
                files.crash(afterWrites: limit)
                try client.transact("b", offset: 2)
                try client.end(commit: true)
                wasAcknowledged = true
            } catch is BrokerError {}
            let broker = try openBroker(files.memory)
            let isThere = try broker.committed(left) == ["a", "b"]
            let expected = isThere ? ["a", "b"] : ["a"]
            #expect(try broker.committed(left) == expected && broker.committed(right) == expected)
            #expect(broker.position == (isThere ? 2 : 1), "after \(limit) writes")
            #expect(isThere || !wasAcknowledged)
            var next = try Client(broker)
            try next.transact("c", offset: 3)
            try next.end(commit: true)
            #expect(try broker.committed(left) == expected + ["c"] && broker.committed(right) == expected + ["c"])
            if isThere { committed += 1 } else { aborted += 1 }
            if wasAcknowledged { break }
        }
        #expect(committed > 1 && aborted > 1, "\(committed) committed, \(aborted) aborted")
    }
}

/// Files in memory that take so many writes and then none: a process that is killed.
private final class CrashingFileSystem: FileSystem {
    final class File: LogFile {
        private let inner: MemoryFile
        private let owner: CrashingFileSystem

        init(_ inner: MemoryFile, _ owner: CrashingFileSystem) { (self.inner, self.owner) = (inner, owner) }

        func size() throws(LogError) -> Int { try inner.size() }
        func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
            try inner.read(into: buffer, at: position)
        }
        func write(
            _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
        ) throws(LogError) {
            try owner.countWrite()
            try inner.write(head, body, at: position)
        }
        func truncate(to size: Int) throws(LogError) { try inner.truncate(to: size) }
        func sync() throws(LogError) { try inner.sync() }
    }

    let memory = MemoryFileSystem()
    private let writesLeft = Mutex<Int?>(nil)

    func crash(afterWrites count: Int) { writesLeft.withLock { $0 = count } }

    func countWrite() throws(LogError) {
        let isDead = writesLeft.withLock { left in
            guard let count = left else { return false }
            left = count - 1
            return count <= 0
        }
        if isDead { throw .io(operation: "write", path: "data", code: 5, reason: "killed") }
    }

    func open(_ path: String) throws(LogError) -> File { File(try memory.open(path), self) }
    func exists(_ path: String) -> Bool { memory.exists(path) }
    func names(in directory: String) throws(LogError) -> [String] { try memory.names(in: directory) }
    func createDirectory(_ path: String) throws(LogError) { try memory.createDirectory(path) }
    func removeFile(_ path: String) throws(LogError) { try memory.removeFile(path) }
    func removeDirectory(_ path: String) throws(LogError) { try memory.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(LogError) { try memory.rename(path, to: newPath) }
    func syncDirectory(_ path: String) throws(LogError) { try memory.syncDirectory(path) }
    func sync(_ files: [File]) throws(LogError) {}
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try memory.lock(directory) }
}
