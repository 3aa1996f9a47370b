internal import CFiles
internal import MoldauRecords

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The operating system's files.
package struct PosixFileSystem: FileSystem {
    /// With more files than this, one sync of the whole file system is cheaper than one per file.
    static let filesPerGroupSync = 4

    private let descriptors: DescriptorCache

    /// - Parameter maxOpenFiles: how many files are kept open at most; more if all of them are in use. nil: half of the
    ///   process's limit, between 16 and 8 192.
    package init(maxOpenFiles: Int? = nil) {
        descriptors = DescriptorCache(capacity: maxOpenFiles ?? min(max(Self.descriptorLimit / 2, 16), 8_192))
    }

    package func open(_ path: String) throws(LogError) -> PosixFile { try PosixFile(path, descriptors) }

    package func openExisting(_ path: String) throws(LogError) -> PosixFile? {
        exists(path) ? try PosixFile(path, descriptors, creates: false) : nil
    }

    /// A dangling link exists, and so does a file that cannot be examined: opening it then reports why it is unusable.
    package func exists(_ path: String) -> Bool {
        var found = stat()
        return lstat(path, &found) == 0 || (errno != ENOENT && errno != ENOTDIR)
    }

    package func identity(of directory: String) throws(LogError) -> Int64? {
        var found = stat()
        guard stat(directory, &found) == 0 else { throw .failed("measuring", directory) }
        return Int64(truncatingIfNeeded: found.st_ino)
    }

    package func names(in directory: String) throws(LogError) -> [String] {
        var handle: OpaquePointer?
        let result = try descriptors.opening {
            handle = opendir(directory)
            return handle == nil ? -1 : 0
        }
        guard result == 0, let handle else {
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
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .failed("creation", path) }
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
        let directory = try HeldDescriptor(path, O_RDONLY | O_CLOEXEC, descriptors)
        guard uninterrupted({ fsync(directory.number) }) == 0 else { throw .failed("sync", path) }
    }

    package func sync(_ files: [PosixFile]) throws(LogError) {
        #if os(Linux)
            if files.count > Self.filesPerGroupSync {
                return try syncFileSystem(of: files)
            }
        #endif
        for file in files { try file.sync() }
    }

    #if os(Linux)
        private func syncFileSystem(of files: [PosixFile]) throws(LogError) {
            let marks = files.map { ($0, $0.writeCount) }
            // A write-back error is reported only to descriptors that were open when it happened: the oldest has missed
            // none.
            for oldest in files.sorted(on: \.openedAt) {
                guard let descriptor = try oldest.holdIfThere() else { continue }
                defer { oldest.release() }
                // After ext4 was shut down, syncfs succeeds although nothing was written; a read fails then.
                var byte: UInt8 = 0
                guard uninterrupted({ moldau_sync_file_system(descriptor) }) == 0,
                    uninterrupted({ pread(descriptor, &byte, 1, 0) }) >= 0
                else { throw .failed("sync", oldest.path) }
                for (file, count) in marks { file.noteSynced(count) }
                return
            }
        }
    #endif

    package func lock(_ directory: String) throws(LogError) -> DirectoryLock {
        let path = "\(directory)/.lock"
        var lock = moldau_directory_lock()
        guard moldau_lock_directory(directory, &lock) == 0 else {
            switch errno {
            case EWOULDBLOCK: throw .locked(directory: directory, holder: try holder(lock, path))
            case ELOOP:
                throw .damagedFile(
                    path: path, reason: "it is a link, or not a regular file; remove it, it holds no data")
            default: throw .failed("locking", path)
            }
        }
        // This text is only for people; the lock holds without it.
        let holder = Array("process \(getpid()) (\(CommandLine.arguments.joined(separator: " ")))".utf8)
        _ = ftruncate(lock.file, 0)
        _ = pwrite(lock.file, holder, holder.count, 0)
        // The locks are released with the descriptors, also when the process is killed.
        let held = lock
        return DirectoryLock {
            var held = held
            moldau_unlock_directory(&held)
        }
    }

    private func holder(_ lock: moldau_directory_lock, _ path: String) throws(LogError) -> String {
        guard lock.holder == Int32(MOLDAU_HELD_BY_OWN.rawValue) else {
            return "another program, perhaps a Kafka broker"
        }
        let text = String(decoding: try contents(of: path) ?? [], as: UTF8.self)
        return text.isEmpty ? "another process" : text
    }
}

extension LogError {
    /// The error of the system call that has just failed, from `errno`.
    static func failed(_ operation: String, _ path: String) -> LogError {
        let code = errno
        return .io(operation: operation, path: path, code: code, reason: String(cString: strerror(code)))
    }
}

extension PosixFileSystem {
    /// How many descriptors the process may have open.
    static var descriptorLimit: Int { Int(clamping: currentLimit?.rlim_cur ?? 1_024) }

    /// Raises the limit on descriptors to the most that the process may set itself; the initial limit is too low for a
    /// broker.
    package static func raiseDescriptorLimit() {
        guard var limit = currentLimit, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        #if canImport(Darwin)
            limit.rlim_cur = min(limit.rlim_max, rlim_t(OPEN_MAX))
        #endif
        // If that is refused, files are closed and reopened more often.
        _ = setrlimit(fileLimit, &limit)
    }

    private static var currentLimit: rlimit? {
        var limit = rlimit()
        return getrlimit(fileLimit, &limit) == 0 ? limit : nil
    }
}

#if canImport(Glibc)
    private let fileLimit = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#else
    private let fileLimit = RLIMIT_NOFILE
#endif
