import Foundation
import MoldauLog
import MoldauRecords
import ProgramSupport
import Testing

private let first = "p/00000000000000000000.log"

struct RecoveryTests {
    @Test func `a torn tail of any length is truncated, and nothing before it is lost`() throws {
        let whole = batch(["a", "b"]).count
        let torn = batch(["c"]).count
        for length in 0..<torn {
            let files = MemoryFileSystem()
            var log = try openLog(files)
            try log.append(["a", "b"])
            try log.append(["c"])
            try files.open(first).truncate(to: whole + length)
            log = try openLog(files)
            #expect(try log.values() == ["a", "b"])
            #expect(try files.open(first).size() == whole)
            #expect(try log.append(["d"]).first == Offset(2))
            #expect(try log.values() == ["a", "b", "d"])
        }
    }

    @Test func `garbage and zeros after the last batch are truncated`() throws {
        for garbage in [
            [UInt8](repeating: 0, count: 5_000), [UInt8](repeating: 0xff, count: 70), batch(["old offset"]),
        ] {
            let files = MemoryFileSystem()
            var log = try openLog(files)
            try log.append(["a", "b"])
            let file = try files.open(first)
            try file.write(garbage, at: try file.size())
            log = try openLog(files)
            #expect(try log.values() == ["a", "b"])
        }
    }

    @Test func `a batch with a flipped bit ends the log`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        for value in ["a", "b", "c"] { try log.append([value]) }
        let position = batch(["a"]).count * 2 - 3
        try files.open(first).write([0xee], at: position)
        log = try openLog(files)
        #expect(try log.values() == ["a"])
    }

    /// A batch's checksum does not cover its offset.
    @Test func `a batch whose offset no index could hold ends the log`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files)
        for value in ["a", "b"] { try log.append([value]) }
        try files.open(first).write([1], at: batch(["a"]).count)
        log = try openLog(files)
        #expect(try log.values() == ["a"])
        try log.close()
    }

    @Test(arguments: ["kept", "missing", "garbage", "empty"])
    func `a missing or invalid index is rebuilt`(index: String) throws {
        let files = MemoryFileSystem()
        let settings = ["index.interval.bytes": "100", "segment.bytes": "1000"]
        var log = try openLog(files, settings)
        let all = (0..<60).map { "value \($0)" }
        for (time, value) in all.enumerated() { try log.append([value], at: Int64(time)) }
        try log.close()
        for name in try files.names(in: "p") where name.hasSuffix("index") {
            switch index {
            case "missing": try files.removeFile("p/\(name)")
            case "garbage": try files.open("p/\(name)").write([UInt8](repeating: 0x80, count: 24), at: 0)
            case "empty": try files.open("p/\(name)").truncate(to: 0)
            default: break
            }
        }
        log = try openLog(files, settings, wasClean: true)
        #expect(log.endOffset == Offset(60))
        for offset in 0..<60 {
            #expect(try log.values(from: Int64(offset)) == Array(all[offset...]))
            #expect(try log.offset(atOrAfter: Timestamp(ms: Int64(offset))) == Offset(Int64(offset)))
        }
    }

    @Test func `a rebuilt index equals the original`() throws {
        let files = MemoryFileSystem()
        var log = try openLog(files, ["index.interval.bytes": "100"])
        for time in 0..<60 { try log.append(["value"], at: Int64(time)) }
        try log.close()
        let paths = ["p/00000000000000000000.index", "p/00000000000000000000.timeindex"]
        let written = try paths.map { try files.contents(of: $0) }
        #expect(written[0]!.count >= 20 * OffsetIndex.entrySize)
        log = try openLog(files, ["index.interval.bytes": "100"])
        try log.close()
        #expect(try paths.map { try files.contents(of: $0) } == written)
    }

    @Test func `a log in real files survives reopening`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/words-0"
        for round in 0..<4 {
            var log = try openLog(
                PosixFileSystem(), ["segment.bytes": "150"], directory: path, wasClean: round % 2 == 0)
            try log.append(["\(round)"])
            if round % 2 == 1 { try log.close() }
        }
        var log = try openLog(PosixFileSystem(), directory: path)
        #expect(try log.values() == ["0", "1", "2", "3"])
    }
}

struct DirectoryLockTests {
    /// Python holds the lock: a process that is not Moldau.
    private static let holder = """
        import fcntl, os, sys, time
        lock = open(sys.argv[1], "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process %d (holder of the lock)" % os.getpid())
        lock.flush()
        print("held", flush=True)
        time.sleep(60)
        """

    @Test func `a second process is refused with the holder's name, and a killed holder does not block`() throws {
        let directory = try TemporaryDirectory()
        let printing = try TemporaryDirectory()
        let process = try BuiltProgram(path: "/usr/bin/env").start(
            ["python3", "-c", Self.holder, "\(directory.path)/.lock"], in: URL(filePath: printing.path))
        #expect(try process.firstLine() == "held", "python3 is needed to run this test")
        let files = PosixFileSystem()
        let expected = LogError.locked(
            directory: directory.path, holder: "process \(process.processIdentifier) (holder of the lock)")
        #expect(throws: expected) { try files.lock(directory.path) }
        process.kill()
        _ = try process.wait()
        _ = try files.lock(directory.path)
    }

    @Test func `a second holder in the same process is refused until the first releases the lock`() throws {
        let directory = try TemporaryDirectory()
        let files = PosixFileSystem()
        var lock: DirectoryLock? = try files.lock(directory.path)
        #expect(throws: LogError.self) { try files.lock(directory.path) }
        withExtendedLifetime(lock) {}
        lock = nil
        _ = try files.lock(directory.path)
    }
}
