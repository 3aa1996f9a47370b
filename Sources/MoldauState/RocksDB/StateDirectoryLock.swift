import CFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// Locks the directory of an application's state against others, in this process and in other ones.
///
/// It is a lock of the operating system on the directory and on the file `.lock` in it, whose text names the holder.
/// The lock ends with its holder: a killed process holds nothing. Removing the file does not release the lock.
///
/// Unchecked: `lock` changes only in `init` and `deinit`.
package final class StateDirectoryLock: @unchecked Sendable {
    private var lock = moldau_directory_lock()

    /// Creates the directory if it does not exist.
    /// - Throws: `StateError.locked`, at once, if another holds the lock; `.directoryNotCreated`.
    package init(_ directory: String) throws(StateError) {
        try TaskDatabase.makeDirectory(directory)
        guard moldau_lock_directory(directory, &lock) == 0 else {
            switch errno {
            case EWOULDBLOCK:
                let holder = lock.holder == Int32(MOLDAU_HELD_BY_OWN.rawValue) ? Self.holder(of: directory) : ""
                throw .locked(directory: directory, holder: holder.isEmpty ? "another process" : holder)
            default: throw .directoryNotCreated(path: directory + "/.lock", code: errno)
            }
        }
        let holder = Array("process \(getpid()) (\(CommandLine.arguments.joined(separator: " ")))".utf8)
        // The text is informative; the lock works without it.
        _ = ftruncate(lock.file, 0)
        _ = pwrite(lock.file, holder, holder.count, 0)
    }

    deinit { moldau_unlock_directory(&lock) }

    private static func holder(of directory: String) -> String {
        let descriptor = open(directory + "/.lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        return String(
            decoding: [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
                count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, 0))
            }, as: UTF8.self)
    }
}
