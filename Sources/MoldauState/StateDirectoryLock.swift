#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps others off the directory of an application's state, in this process and in others.
///
/// It is a lock of the operating system on the file `.lock`, whose text names the holder. It goes with the holder: a process
/// that was killed holds nothing.
package final class StateDirectoryLock: Sendable {
    private let descriptor: Int32

    /// Makes the directory where it is not there.
    /// - Throws: `StateError.locked` at once when another holds it; `.directoryNotCreated`.
    package init(_ directory: String) throws(StateError) {
        try TaskDatabase.makeDirectory(directory)
        let path = directory + "/.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .directoryNotCreated(path: path, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.text(of: descriptor)
            close(descriptor)
            throw .locked(directory: directory, holder: holder.isEmpty ? "another process" : holder)
        }
        let holder = Array("process \(getpid()) (\(CommandLine.arguments.joined(separator: " ")))".utf8)
        // What it says is for people; the lock holds without it.
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, holder, holder.count, 0)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func text(of descriptor: Int32) -> String {
        String(
            decoding: [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
                count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, 0))
            }, as: UTF8.self)
    }
}
