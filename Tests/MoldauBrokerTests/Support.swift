import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization

let noon: @Sendable () -> Timestamp = { Timestamp(ms: 43_200_000) }

func openBroker<Files: FileSystem>(
    _ files: Files, in directory: String = "data", durability: Durability = .sync
) throws -> Broker<Files> {
    try Broker(files, directory: directory, durability: durability, clock: noon)
}

/// A batch of text values with null keys.
func batch(_ values: [String]) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for value in values {
        Array(value.utf8).withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 0)) }
    }
    return Array(builder.finish())
}

extension Broker {
    func append(_ values: [String], to name: TopicPartition) throws {
        try batch(values).withUnsafeBytes { _ = try partition(name).append($0) }
    }

    func values(of name: TopicPartition, from offset: Int64 = 0) throws -> [String] {
        var (values, position, cursor): ([String], Offset, LogCursor?) = ([], Offset(offset), nil)
        while let read = try partition(name).read(from: position, maxBytes: 1 << 16, after: cursor) {
            var reader = RecordBatchReader(read.bytes.bytes, from: position)
            while let record = try reader.next() { values.append(String(decoding: record.value!, as: UTF8.self)) }
            (position, cursor) = (read.next.offset, read.next)
        }
        return values
    }
}

/// Files in memory whose group syncs are counted and can be made to fail.
final class FailingFileSystem: FileSystem {
    struct Syncs {
        var count = 0
        var fail = false
        var directories: [String] = []
        /// Called during each sync.
        var onSync: (@Sendable () -> Void)?
    }

    let memory: MemoryFileSystem
    let syncs = Mutex(Syncs())

    init(_ memory: MemoryFileSystem = MemoryFileSystem()) { self.memory = memory }

    func open(_ path: String) throws(LogError) -> MemoryFile { try memory.open(path) }
    func exists(_ path: String) -> Bool { memory.exists(path) }
    func names(in directory: String) throws(LogError) -> [String] { try memory.names(in: directory) }
    func createDirectory(_ path: String) throws(LogError) { try memory.createDirectory(path) }
    func removeFile(_ path: String) throws(LogError) { try memory.removeFile(path) }
    func removeDirectory(_ path: String) throws(LogError) { try memory.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(LogError) { try memory.rename(path, to: newPath) }
    func syncDirectory(_ path: String) throws(LogError) { syncs.withLock { $0.directories.append(path) } }
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try memory.lock(directory) }

    func sync(_ files: [MemoryFile]) throws(LogError) {
        let (fails, onSync) = syncs.withLock { syncs in
            syncs.count += 1
            return (syncs.fail, syncs.onSync)
        }
        onSync?()
        if fails { throw .io(operation: "sync", path: "data", code: 5, reason: "Input/output error") }
    }
}
