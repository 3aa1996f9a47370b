import MoldauLog
import MoldauRecords
import Synchronization
import Testing

/// Files in memory that record the calls to them.
private final class RecordingFileSystem: FileSystem {
    enum Step: Equatable {
        case created(String)
        case written(String)
        case synced(String)
        case renamed(String, to: String)
        case removed(String)
        case syncedDirectory(String)
    }

    final class File: LogFile {
        private let file: MemoryFile
        private let path: String
        private let owner: RecordingFileSystem

        init(_ file: MemoryFile, _ path: String, _ owner: RecordingFileSystem) {
            (self.file, self.path, self.owner) = (file, path, owner)
        }

        func size() throws(LogError) -> Int { try file.size() }
        func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
            try file.read(into: buffer, at: position)
        }
        func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int) throws(LogError) {
            owner.note(.written(path))
            try file.write(head, body, at: position)
        }
        func truncate(to size: Int) throws(LogError) { try file.truncate(to: size) }
        func sync() throws(LogError) { owner.note(.synced(path)) }
    }

    let sabotage: Sabotage
    private let memory = MemoryFileSystem()
    private let taken = Mutex<[Step]>([])
    var steps: [Step] { taken.withLock { $0 } }

    init(sabotage: Sabotage = []) { self.sabotage = sabotage }

    func note(_ step: Step) { taken.withLock { $0.append(step) } }

    func open(_ path: String) throws(LogError) -> File {
        if !memory.exists(path) { note(.created(path)) }
        return File(try memory.open(path), path, self)
    }
    func exists(_ path: String) -> Bool { memory.exists(path) }
    func names(in directory: String) throws(LogError) -> [String] { try memory.names(in: directory) }
    func createDirectory(_ path: String) throws(LogError) {
        note(.created(path))
        try memory.createDirectory(path)
    }
    func removeFile(_ path: String) throws(LogError) {
        if memory.exists(path) { note(.removed(path)) }
        try memory.removeFile(path)
    }
    func removeDirectory(_ path: String) throws(LogError) { try memory.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(LogError) {
        note(.renamed(path, to: newPath))
        try memory.rename(path, to: newPath)
    }
    func syncDirectory(_ path: String) throws(LogError) { note(.syncedDirectory(path)) }
    func sync(_ files: [File]) throws(LogError) { for file in files { try file.sync() } }
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try memory.lock(directory) }

    /// Whether the directory is synced after a step, and before any other step that matches.
    func syncs(_ directory: String, after first: Int, before matches: (Step) -> Bool) -> Bool {
        for step in steps[(first + 1)...] {
            if step == .syncedDirectory(directory) { return true }
            if matches(step) { return false }
        }
        return false
    }
}

/// A file name that is not durable may be lost in a crash, together with the file's contents.
struct NameDurabilityTests {
    private func worked(_ mistake: Sabotage) throws -> RecordingFileSystem {
        let files = RecordingFileSystem(sabotage: mistake)
        let configuration = try LogConfiguration([
            "cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0.01",
        ])
        var log = try PartitionLog(files, directory: "p", configuration: configuration, wasClean: false)
        for number in 0..<20 {
            var builder = RecordBatchBuilder()
            Array("\(number % 3)".utf8).withUnsafeBytes {
                builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 0))
            }
            _ = try log.append(builder.finish(), now: Timestamp(ms: 0))
        }
        let plan = try #require(try log.planCompaction(now: Timestamp(ms: 1)))
        try log.install(try plan.run())
        return files
    }

    @Test(arguments: [Sabotage(), .skipsDirectorySync])
    func `a segment's name is durable before a record is written to it`(mistake: Sabotage) throws {
        let files = try worked(mistake)
        var (checked, unsynced) = (0, 0)
        for (index, step) in files.steps.enumerated() {
            guard case .created(let path) = step, path.hasSuffix(".log") else { continue }
            checked += 1
            if !files.syncs("p", after: index, before: { $0 == .written(path) }) { unsynced += 1 }
        }
        #expect(checked > 5 && (unsynced == 0) == (mistake == []), "\(unsynced) of \(checked)")
    }

    @Test(arguments: [Sabotage(), .skipsDirectorySync])
    func `a compacted segment's name is durable before the segments that it replaces are deleted`(mistake: Sabotage)
        throws
    {
        let files = try worked(mistake)
        var (checked, unsynced) = (0, 0)
        for (index, step) in files.steps.enumerated() {
            guard case .renamed(let old, let new) = step else { continue }
            if new.hasSuffix(".swap") {
                #expect(files.steps[..<index].contains(.synced(old)), "\(old) is renamed and was not synced")
            }
            guard new.hasSuffix(".swap") || old.hasSuffix(".swap") else { continue }
            checked += 1
            let isSynced = files.syncs("p", after: index) {
                if case .removed = $0 { true } else { $0 == .written(new) }
            }
            if !isSynced { unsynced += 1 }
        }
        #expect(checked > 1 && (unsynced == 0) == (mistake == []), "\(unsynced) of \(checked)")
    }

    /// A log of several segments, without its first ones.
    private func shortened(by purges: Bool) throws -> RecordingFileSystem {
        let files = RecordingFileSystem()
        let configuration = try LogConfiguration(["segment.bytes": "200", "retention.ms": "1000"])
        var log = try PartitionLog(files, directory: "p", configuration: configuration, wasClean: false)
        for number in 0..<20 {
            var builder = RecordBatchBuilder()
            builder.append(key: nil, value: nil, timestamp: Timestamp(ms: 0))
            _ = try log.append(builder.finish(), now: Timestamp(ms: Int64(number)))
        }
        if purges {
            try log.deleteRecords(before: Offset(15))
        } else {
            #expect(try log.applyRetention(now: Timestamp(ms: 1_010)) > 1)
        }
        return files
    }

    @Test(arguments: [true, false])
    func `the new first offset is durable before segments are deleted`(purges: Bool) throws {
        let files = try shortened(by: purges)
        let isFirst: (RecordingFileSystem.Step) -> Bool = {
            if case .removed(let path) = $0 { path.hasSuffix(".log") } else { false }
        }
        let named = try #require(
            files.steps.lastIndex { $0 == .renamed("p/log-start-offset.tmp", to: "p/log-start-offset") })
        let removed = try #require(files.steps.firstIndex(where: isFirst))
        #expect(named < removed && files.steps[..<named].contains(.synced("p/log-start-offset.tmp")))
        #expect(files.syncs("p", after: named, before: isFirst))
    }

    /// As after a power cut that kept the later deletions and lost the first one.
    @Test func `a segment that reappears after a power cut is deleted again`() throws {
        let files = MemoryFileSystem()
        let configuration = try LogConfiguration(["segment.bytes": "200"])
        func open() throws -> PartitionLog<MemoryFileSystem> {
            try PartitionLog(files, directory: "p", configuration: configuration, wasClean: false)
        }
        func append(_ log: inout PartitionLog<MemoryFileSystem>, _ stamp: ProducerStamp) throws {
            var builder = RecordBatchBuilder()
            builder.producer = stamp
            builder.append(key: nil, value: nil, timestamp: Timestamp(ms: 0))
            _ = try log.append(builder.finish(), now: Timestamp(ms: 0))
        }
        var log = try open()
        let stamp = ProducerStamp(id: 1, epoch: 0, baseSequence: 0, isTransactional: true)
        try append(&log, stamp)
        let first = try #require(try files.contents(of: "p/00000000000000000000.log"))
        for _ in 0..<4 { try append(&log, .none) }
        _ = try log.append(
            TransactionMarker(isCommit: true),
            of: ProducerStamp(id: 1, epoch: 0, baseSequence: -1, isTransactional: true), now: Timestamp(ms: 0))
        for _ in 0..<4 { try append(&log, .none) }
        try log.deleteRecords(before: Offset(8))
        let bounds = log.startOffset..<log.endOffset
        try files.open("p/00000000000000000000.log").write(first, at: 0)

        let again = try open()
        #expect(again.startOffset..<again.endOffset == bounds)
        #expect(again.openTransactions.isEmpty && !files.exists("p/00000000000000000000.log"))
    }

    @Test func `a small file that is replaced durably is complete before it is renamed`() throws {
        let files = RecordingFileSystem()
        try files.replace("p/file", with: [1], in: "p", sync: true)
        #expect(
            files.steps == [
                .created("p/file.tmp"), .written("p/file.tmp"), .synced("p/file.tmp"),
                .renamed("p/file.tmp", to: "p/file"), .syncedDirectory("p"),
            ])
    }
}
