import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization

let (left, right) = (TopicPartition("left", 0), TopicPartition("right", 0))

func offset(_ value: Int64) -> GroupOffset {
    GroupOffset(offset: Offset(value), metadata: "", time: noon())
}

/// A client with a transactional id, like the embedded cluster's producers.
struct TransactionalClient<Files: FileSystem> {
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
    func committed(_ name: TopicPartition) throws -> [String] {
        var (values, position): ([String], Offset) = ([], .zero)
        while let read = try partition(name).read(from: position, maxBytes: 1 << 16, onlyCommitted: true) {
            let bytes = read.committed
            var reader = RecordBatchReader(bytes.bytes, from: position)
            while let record = try reader.next() { values.append(String(decoding: record.value!, as: UTF8.self)) }
            position = read.next.offset
        }
        return values
    }

    var position: Int64? { committedOffsets(of: "app")[left]?.offset.value }

    func createTopics() throws {
        try create(["left", "right"].map { TopicMetadata(name: $0, partitionCount: 1) })
    }
}

/// Files in memory that accept a number of writes and then no more, like those of a killed process.
final class CrashingFileSystem: FileSystem {
    final class File: LogFile {
        private let inner: MemoryFile
        private let path: String
        private let owner: CrashingFileSystem

        fileprivate var countedPath: String { path }

        init(_ inner: MemoryFile, _ path: String, _ owner: CrashingFileSystem) {
            (self.inner, self.path, self.owner) = (inner, path, owner)
        }

        func size() throws(LogError) -> Int { try inner.size() }
        func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
            try inner.read(into: buffer, at: position)
        }
        func write(
            _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
        ) throws(LogError) {
            try owner.countWrite(to: path)
            try inner.write(head, body, at: position)
            owner.writes.withLock { $0.made[path, default: 0] += 1 }
        }
        func truncate(to size: Int) throws(LogError) { try inner.truncate(to: size) }
        func beginWriteback(_ range: Range<Int>) throws(LogError) {
            try owner.checkSync(of: path)
            owner.writebacks.withLock { $0.append((path, range)) }
        }
        func sync() throws(LogError) {
            try owner.checkSync(of: path)
            try inner.sync()
        }
    }

    let memory: MemoryFileSystem
    private let writesLeft = Mutex<Int?>(nil)
    private let refused = Mutex<String?>(nil)
    private let refusedSync = Mutex<String?>(nil)
    /// Called during the next sync.
    let nextSync = Mutex<(@Sendable () -> Void)?>(nil)
    fileprivate let writes = Mutex<(made: [String: Int], synced: [String: Int])>(([:], [:]))

    init(_ memory: MemoryFileSystem = MemoryFileSystem()) { self.memory = memory }

    /// What was to be written back before a sync.
    let writebacks = Mutex<[(path: String, range: Range<Int>)]>([])

    /// How many writes to a file the syncs have covered.
    func syncedWrites(to path: String) -> Int { writes.withLock { $0.synced[path] ?? 0 } }

    func crash(afterWrites count: Int) { writesLeft.withLock { $0 = count } }

    /// Makes writes to files of this name fail because the disk is full; nil: none.
    func refuseWrites(to name: String?) { refused.withLock { $0 = name } }

    /// Makes syncs of files of this name fail; nil: none.
    func refuseSyncs(of name: String?) { refusedSync.withLock { $0 = name } }

    func checkSync(of path: String) throws(LogError) {
        guard let name = refusedSync.withLock({ $0 }), path.hasSuffix(name) else { return }
        throw .io(operation: "sync", path: path, code: 5, reason: "input/output error")
    }

    func countWrite(to path: String) throws(LogError) {
        if let name = refused.withLock({ $0 }), path.hasSuffix(name) {
            throw .io(operation: "writing", path: path, code: 28, reason: "no space left on device")
        }
        let isDead = writesLeft.withLock { left in
            guard let count = left else { return false }
            left = count - 1
            return count <= 0
        }
        if isDead { throw .io(operation: "write", path: "data", code: 5, reason: "killed") }
    }

    func open(_ path: String) throws(LogError) -> File { File(try memory.open(path), path, self) }
    func exists(_ path: String) -> Bool { memory.exists(path) }
    func names(in directory: String) throws(LogError) -> [String] { try memory.names(in: directory) }
    func createDirectory(_ path: String) throws(LogError) { try memory.createDirectory(path) }
    func removeFile(_ path: String) throws(LogError) { try memory.removeFile(path) }
    func removeDirectory(_ path: String) throws(LogError) { try memory.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(LogError) { try memory.rename(path, to: newPath) }
    func syncDirectory(_ path: String) throws(LogError) { try memory.syncDirectory(path) }
    func sync(_ files: [File]) throws(LogError) {
        let called = nextSync.withLock { call in
            defer { call = nil }
            return call
        }
        called?()
        writes.withLock { writes in
            for file in files { writes.synced[file.countedPath] = writes.made[file.countedPath] }
        }
    }
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try memory.lock(directory) }
}
