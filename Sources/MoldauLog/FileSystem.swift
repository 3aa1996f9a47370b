internal import MoldauRecords

/// The files that a log is stored in: the operating system's, in memory, or those of a test that injects failures.
package protocol FileSystem: Sendable {
    /// An open file.
    associatedtype File: LogFile

    /// Opens a file for reading and writing; creates it if it does not exist.
    func open(_ path: String) throws(LogError) -> File
    /// Whether there is a file or directory of that name.
    func exists(_ path: String) -> Bool
    /// The sorted names in a directory; empty if the directory does not exist.
    func names(in directory: String) throws(LogError) -> [String]
    /// Creates the directory and its parents; no-op if it exists. The parents are durable on return; the name of `path`
    /// itself becomes durable with `syncParent`.
    func createDirectory(_ path: String) throws(LogError)
    /// Removes a file; no-op if it does not exist.
    func removeFile(_ path: String) throws(LogError)
    /// Removes a directory and the files in it; no-op if it does not exist.
    func removeDirectory(_ path: String) throws(LogError)
    /// Renames a file or directory, atomically replacing a file of the new name.
    func rename(_ path: String, to newPath: String) throws(LogError)
    /// Makes the creation, renaming and removal of names in a directory durable.
    func syncDirectory(_ path: String) throws(LogError)
    /// Makes everything written to these files durable, with one sync for all if that is cheaper.
    func sync(_ files: [File]) throws(LogError)
    /// Locks the directory against other processes until the lock is released.
    /// - Throws: `LogError.locked`, at once, if another process holds the lock.
    func lock(_ directory: String) throws(LogError) -> DirectoryLock
    /// Opens a file; nil if it does not exist. Never creates one.
    func openExisting(_ path: String) throws(LogError) -> File?
    /// A number that a directory keeps when it is moved within its file system, and that a copy of it does not have;
    /// nil if the file system has no such number.
    func identity(of directory: String) throws(LogError) -> Int64?

    #if SABOTAGE
        /// The deliberate bugs of code that uses these files.
        var sabotage: Sabotage { get }
    #endif
}

extension FileSystem {
    package func openExisting(_ path: String) throws(LogError) -> File? { exists(path) ? try open(path) : nil }
    package func identity(of directory: String) throws(LogError) -> Int64? { nil }

    #if SABOTAGE
        package var sabotage: Sabotage { [] }
    #endif
}

/// An open file. May be used by several threads; closed when the last reference goes away.
package protocol LogFile: AnyObject, Sendable {
    /// The number of bytes.
    func size() throws(LogError) -> Int
    /// Fills the buffer from `position` on; returns fewer bytes only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int
    /// Writes both runs of bytes, one after the other, at `position`.
    func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int) throws(LogError)
    /// Cuts the file to that many bytes.
    func truncate(to size: Int) throws(LogError)
    /// Makes everything written durable.
    func sync() throws(LogError)
    /// Makes the operating system start writing these bytes to disk, so that the next `sync` takes less time. Does not
    /// wait until they are on disk, but may wait for room in the disk's queue. Guarantees nothing.
    /// - Throws: like `sync`, which may not report the same error again.
    func beginWriteback(_ range: Range<Int>) throws(LogError)
    /// Keeps the file readable while the result is held, even if the file is renamed or removed; nil if that needs no
    /// hold.
    func hold() throws(LogError) -> FileHold?
    /// The file's descriptor, readable while the hold is held; nil if the file does not belong to the operating system.
    func sharedDescriptor() throws(LogError) -> (number: Int32, hold: FileHold)?
}

extension LogFile {
    package func beginWriteback(_ range: Range<Int>) throws(LogError) {}
    package func sharedDescriptor() throws(LogError) -> (number: Int32, hold: FileHold)? { nil }
}

/// Keeps a file readable until it is released.
package final class FileHold: Sendable {
    private let onRelease: @Sendable () -> Void

    package init(onRelease: @escaping @Sendable () -> Void) { self.onRelease = onRelease }
    deinit { onRelease() }
}

/// A file whose calls may transfer fewer bytes than requested, like the operating system's: `read` and `write` repeat
/// them until everything is transferred.
package protocol PartwiseFile: LogFile {
    /// Reads some bytes; zero only at the end of the file.
    func readSome(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int
    /// Writes some of the bytes, at least one.
    /// - Returns: how many.
    func writeSome(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) -> Int
}

extension PartwiseFile {
    package func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        try readAll(into: buffer, at: position)
    }

    package func write(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) { try writeAll(head, body, at: position) }

    /// Reads until the buffer is full or the file ends.
    package func readAll(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try readSome(into: rest, at: position + done)
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes until all bytes are written.
    package func writeAll(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) {
        var (head, body, position) = (head, body, position)
        while head.count + body.count > 0 {
            let count = try writeSome(head, body, at: position)
            position += count
            let ofHead = min(count, head.count)
            head = UnsafeRawBufferPointer(rebasing: head[ofHead...])
            body = UnsafeRawBufferPointer(rebasing: body[(count - ofHead)...])
        }
    }
}

/// Held while a process uses a data directory.
package final class DirectoryLock: Sendable {
    private let onRelease: @Sendable () -> Void

    package init(onRelease: @escaping @Sendable () -> Void) { self.onRelease = onRelease }
    deinit { onRelease() }
}

extension LogFile {
    package func hold() throws(LogError) -> FileHold? { nil }

    /// Reads up to `count` bytes from `position` on; fewer only at the end of the file.
    package func read(_ count: Int, at position: Int) throws(LogError) -> [UInt8] {
        let bytes = try SharedBytes(capacity: count) { buffer throws(LogError) in try read(into: buffer, at: position) }
        return Array(bytes.bytes)
    }

    package func write(_ bytes: [UInt8], at position: Int) throws(LogError) {
        let shared = SharedBytes(copying: bytes)
        try write(shared.bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: position)
    }
}

extension FileSystem {
    /// Makes the name of a file or directory durable in its parent directory.
    package func syncParent(of path: String) throws(LogError) {
        guard let slash = path.lastIndex(of: "/") else { return try syncDirectory(".") }
        try syncDirectory(slash == path.startIndex ? "/" : String(path[..<slash]))
    }

    /// The bytes of a small file; nil if it does not exist.
    package func contents(of path: String) throws(LogError) -> [UInt8]? {
        guard let file = try openExisting(path) else { return nil }
        return try file.read(try file.size(), at: 0)
    }

    /// Atomically replaces a small file: readers find either the old bytes or the new. Durable on return if `sync` is
    /// set.
    package func replace(_ path: String, with bytes: [UInt8], in directory: String, sync: Bool) throws(LogError) {
        let temporary = path + ".tmp"
        try removeFile(temporary)
        let file = try open(temporary)
        try file.write(bytes, at: 0)
        if sync { try file.sync() }
        try rename(temporary, to: path)
        if sync { try syncDirectory(directory) }
    }
}
