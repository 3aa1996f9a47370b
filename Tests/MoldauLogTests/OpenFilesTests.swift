import Foundation
import MoldauLog
import MoldauRecords
import Testing

#if os(Linux)
    /// How many files below a directory this process has open.
    private func openCount(below directory: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter { number in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
            return target?.hasPrefix(directory) == true
        }.count
    }

    /// Real files of which only a few are kept open.
    struct OpenFilesTests {
        private let directory: TemporaryDirectory
        private let files = PosixFileSystem(maxOpenFiles: 6)

        init() throws { directory = try TemporaryDirectory() }

        @Test func `hundreds of segments and partitions are written and read with six descriptors`() throws {
            var logs = try (0..<40).map { number in
                try openLog(files, ["segment.bytes": "200"], directory: "\(directory.path)/p-\(number)")
            }
            for round in 0..<12 {
                for index in logs.indices { try logs[index].append(["\(index) \(round)"]) }
                try files.sync(logs.indices.compactMap { logs[$0].takeUnsynced()?.file })
                #expect(try openCount(below: directory.path) <= 6)
            }
            for index in logs.indices {
                #expect(logs[index].segments.count > 5)
                #expect(try logs[index].values() == (0..<12).map { "\(index) \($0)" })
                #expect(try openCount(below: directory.path) <= 6)
            }
        }

        @Test func `a planned read succeeds after the file is deleted and others need descriptors`() throws {
            var log = try openLog(files, ["segment.bytes": "80"], directory: "\(directory.path)/p")
            for number in 0..<4 { try log.append(["\(number)"]) }
            let planned = try #require(try log.planRead(from: .zero, maxBytes: 1_000))
            try log.deleteRecords(before: Offset(3))
            let others = try (0..<20).map { try files.open("\(directory.path)/\($0)") }
            for other in others { try other.write([1], at: 0) }
            let read = try planned.read()
            var reader = RecordBatchReader(read.bytes.bytes)
            #expect(try reader.next()?.value.map { Array($0) } == Array("0".utf8))
        }

        @Test func `a file that replaced another one is not mistaken for it`() throws {
            let path = "\(directory.path)/file"
            let old = try files.open(path)
            try old.write([1, 2, 3], at: 0)
            try old.sync()
            try files.replace(path, with: [7, 8, 9], in: directory.path, sync: true)
            let others = try (0..<20).map { try files.open("\(directory.path)/\($0)") }
            for _ in 0..<3 { for other in others { _ = try other.size() } }
            #expect(throws: LogError.self) { try old.read(3, at: 0) }
            #expect(throws: Never.self) { try old.sync() }
            #expect(try files.open(path).read(3, at: 0) == [7, 8, 9])
        }

        /// A write-back error is reported to those that have had the file open since it happened.
        @Test func `an unsynced file stays open while others can be closed`() throws {
            let written = try files.open("\(directory.path)/written")
            try written.write([1], at: 0)
            let others = try (0..<20).map { try files.open("\(directory.path)/\($0)") }
            for other in others { _ = try other.size() }
            let isOpen = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").contains {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))
                    == "\(directory.path)/written"
            }
            #expect(isOpen)
        }

        @Test func `many threads use the files at once`() throws {
            let paths = (0..<16).map { "\(directory.path)/\($0)" }
            let opened = try paths.map { try files.open($0) }
            for (number, file) in opened.enumerated() { try file.write([UInt8(number)], at: 0) }
            DispatchQueue.concurrentPerform(iterations: 4_000) { turn in
                let number = turn * 7 % 16
                #expect(throws: Never.self) {
                    if turn % 5 == 0 { try opened[number].sync() }
                    #expect(try opened[number].read(1, at: 0) == [UInt8(number)])
                }
            }
        }
    }
#endif

/// The real file system does what the log relies on.
struct DirectorySyncTests {
    /// The system refuses to sync this directory; the error shows that the sync was requested.
    #if os(Linux)
        @Test func `syncing a directory makes a system call`() {
            #expect(throws: LogError.self) { try PosixFileSystem().syncDirectory("/proc") }
        }
    #endif

    @Test func `syncing a missing directory fails`() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: LogError.self) { try PosixFileSystem().syncDirectory(directory.path + "/missing") }
        try PosixFileSystem().syncDirectory(directory.path)
    }
}
