internal import MoldauRecords

/// The files that a log stands on: the operating system's, memory, or a test's that fail.
package protocol FileSystem: Sendable {
    associatedtype File: LogFile

    /// Opens for reading and writing; creates an empty file where there is none.
    func open(_ path: String) throws(LogError) -> File
    func exists(_ path: String) -> Bool
    /// The names in a directory, sorted; empty where there is no such directory.
    func names(in directory: String) throws(LogError) -> [String]
    /// Creates the directory and those above it; nothing where it is there.
    /// What it creates above `path` is durable on return; the name of `path` itself is with `syncParent`.
    func createDirectory(_ path: String) throws(LogError)
    /// Removes a file; nothing where there is none.
    func removeFile(_ path: String) throws(LogError)
    /// Removes a directory and the files in it; nothing where there is none.
    func removeDirectory(_ path: String) throws(LogError)
    /// Gives a file or directory another name, replacing a file of that name at once.
    func rename(_ path: String, to newPath: String) throws(LogError)
    /// Makes created, renamed and removed names durable.
    func syncDirectory(_ path: String) throws(LogError)
    /// Makes everything written to these files durable, in one go where that is cheaper.
    func sync(_ files: [File]) throws(LogError)
    /// Keeps other processes out of the directory until the lock is released.
    /// - Throws: `LogError.locked` at once when another holds it.
    func lock(_ directory: String) throws(LogError) -> DirectoryLock
    /// An open file; nil where there is nothing of that name. Creates none.
    func openExisting(_ path: String) throws(LogError) -> File?
    /// A number that a directory keeps wherever it is moved to in its file system, and that a copy of it does not have; nil
    /// where there is no such thing.
    func identity(of directory: String) throws(LogError) -> Int64?

    #if SABOTAGE
        /// What whoever stands on these files does wrong on purpose.
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

/// An open file. May be used by several threads; closed when the last holder lets go.
package protocol LogFile: AnyObject, Sendable {
    func size() throws(LogError) -> Int
    /// Fills the buffer from `position` on; returns fewer bytes only where the file ends.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int
    /// Writes both runs of bytes, one after the other, at `position`.
    func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int) throws(LogError)
    func truncate(to size: Int) throws(LogError)
    /// Makes everything written durable.
    func sync() throws(LogError)
    /// Keeps the file readable as long as the answer is held, whatever becomes of its name; nil where it is so anyway.
    func hold() throws(LogError) -> FileHold?
}

/// Held while a file is to stay as it is.
package final class FileHold: Sendable {
    private let onRelease: @Sendable () -> Void

    package init(onRelease: @escaping @Sendable () -> Void) { self.onRelease = onRelease }
    deinit { onRelease() }
}

/// A file each of whose calls may do a part of what is asked for, as the operating system's do: `read` and `write` go on
/// until all is done.
package protocol PartwiseFile: LogFile {
    /// Reads some bytes; none only where the file ends.
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

/// Held while a process works on a data directory.
package final class DirectoryLock: Sendable {
    private let onRelease: @Sendable () -> Void

    package init(onRelease: @escaping @Sendable () -> Void) { self.onRelease = onRelease }
    deinit { onRelease() }
}

extension LogFile {
    package func hold() throws(LogError) -> FileHold? { nil }

    /// Up to `count` bytes from `position` on; fewer only where the file ends.
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
    /// Makes the name of a file or directory durable.
    package func syncParent(of path: String) throws(LogError) {
        guard let slash = path.lastIndex(of: "/") else { return try syncDirectory(".") }
        try syncDirectory(slash == path.startIndex ? "/" : String(path[..<slash]))
    }

    /// The bytes of a small file; nil where there is none.
    package func contents(of path: String) throws(LogError) -> [UInt8]? {
        guard let file = try openExisting(path) else { return nil }
        return try file.read(try file.size(), at: 0)
    }

    /// Replaces a small file at once: whoever opens it finds the old bytes or the new. Durable on return when `sync`
    /// is set.
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
