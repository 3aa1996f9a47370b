internal import CFiles

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The operating system's files.
package struct PosixFileSystem: FileSystem {
    /// Above this many files one sync of the whole file system is cheaper than one per file.
    static let filesPerGroupSync = 4

    package init() {}

    package func open(_ path: String) throws(LogError) -> PosixFile {
        try PosixFile(path, flags: O_RDWR | O_CREAT | O_CLOEXEC)
    }

    package func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package func names(in directory: String) throws(LogError) -> [String] {
        guard let handle = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw .failed("listing", directory)
        }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package func createDirectory(_ path: String) throws(LogError) {
        if exists(path) { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            let parent = String(path[..<slash])
            if !exists(parent) {
                try createDirectory(parent)
                try syncParent(of: parent)
            }
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .failed("creation", path) }
    }

    package func removeFile(_ path: String) throws(LogError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw .failed("removal", path) }
    }

    package func removeDirectory(_ path: String) throws(LogError) {
        for name in try names(in: path) { try removeFile("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else { throw .failed("removal", path) }
    }

    package func rename(_ path: String, to newPath: String) throws(LogError) {
        #if canImport(Glibc)
            let result = Glibc.rename(path, newPath)
        #elseif canImport(Musl)
            let result = Musl.rename(path, newPath)
        #else
            let result = Darwin.rename(path, newPath)
        #endif
        guard result == 0 else { throw .failed("renaming", path) }
    }

    package func syncDirectory(_ path: String) throws(LogError) {
        let directory = try PosixFile(path, flags: O_RDONLY | O_CLOEXEC)
        guard fsync(directory.descriptor) == 0 else { throw .failed("sync", path) }
    }

    package func sync(_ files: [PosixFile]) throws(LogError) {
        #if os(Linux)
            if files.count > Self.filesPerGroupSync {
                guard moldau_sync_file_system(files[0].descriptor) == 0 else { throw .failed("sync", files[0].path) }
                // ext4 says yes although it has written nothing when it was shut down; a read it refuses then.
                var byte: UInt8 = 0
                guard pread(files[0].descriptor, &byte, 1, 0) >= 0 else { throw .failed("sync", files[0].path) }
                return
            }
        #endif
        for file in files { try file.sync() }
    }

    package func lock(_ directory: String) throws(LogError) -> DirectoryLock {
        let path = "\(directory)/.lock"
        let file = try PosixFile(path, flags: O_RDWR | O_CREAT | O_CLOEXEC)
        guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw .failed("locking", path) }
            let holder = String(decoding: try contents(of: path) ?? [], as: UTF8.self)
            throw .locked(directory: directory, holder: holder.isEmpty ? "another process" : holder)
        }
        let holder = "process \(getpid()) (\(CommandLine.arguments.joined(separator: " ")))"
        try file.truncate(to: 0)
        try file.write(Array(holder.utf8), at: 0)
        // The lock goes with the file's descriptor: also when the process is killed.
        return DirectoryLock { _ = flock(file.descriptor, LOCK_UN) }
    }
}

/// A file of the operating system.
package final class PosixFile: PartwiseFile {
    package let path: String
    let descriptor: Int32

    init(_ path: String, flags: Int32) throws(LogError) {
        self.path = path
        descriptor = Self.openFile(path, flags)
        guard descriptor >= 0 else { throw .failed("opening", path) }
    }

    private static func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags, 0o644) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    package func size() throws(LogError) -> Int {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw .failed("measuring", path) }
        return Int(end)
    }

    package func readSome(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
            if count >= 0 { return count }
            guard errno == EINTR else { throw .failed("reading", path) }
        }
    }

    package func writeSome(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        var parts = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
        )
        while true {
            let count = withUnsafeBytes(of: &parts) { bytes in
                pwritev(descriptor, bytes.baseAddress?.assumingMemoryBound(to: iovec.self), 2, off_t(position))
            }
            if count >= 0 { return count }
            guard errno == EINTR else { throw .failed("writing", path) }
        }
    }

    package func truncate(to size: Int) throws(LogError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .failed("truncation", path) }
    }

    package func sync() throws(LogError) {
        #if canImport(Darwin)
            let result = fcntl(descriptor, F_FULLFSYNC)
        #else
            let result = fdatasync(descriptor)
        #endif
        guard result == 0 else { throw .failed("sync", path) }
    }
}

extension LogError {
    /// The error of the call that just failed.
    static func failed(_ operation: String, _ path: String) -> LogError {
        let code = errno
        return .io(operation: operation, path: path, code: code, reason: String(cString: strerror(code)))
    }
}
