internal import CFiles

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A file of the operating system, opened when it is used: see DescriptorCache.swift.
package final class PosixFile: PartwiseFile {
    private struct Identity: Equatable, Sendable {
        let device: UInt64
        let number: UInt64
    }

    package var path: String { descriptor.path }
    private let descriptor: Descriptor
    private let cache: DescriptorCache
    private let identity: Identity

    init(_ path: String, _ cache: DescriptorCache, creates: Bool = true) throws(LogError) {
        self.cache = cache
        descriptor = Descriptor(path)
        var identity: Identity?
        try cache.fill(descriptor) { () throws(LogError) in
            let number = try Self.open(path, O_RDWR | (creates ? O_CREAT : 0) | O_CLOEXEC, cache)
            identity = Self.identity(of: number)
            return number
        }
        guard let identity else {
            cache.remove(descriptor)
            throw .failed("measuring", path)
        }
        self.identity = identity
    }

    deinit { cache.remove(descriptor) }

    private static func open(_ path: String, _ flags: Int32, _ cache: DescriptorCache) throws(LogError) -> Int32 {
        let number = try cache.opening { openFile(path, flags) }
        guard number >= 0 else { throw .failed("opening", path) }
        return number
    }

    private static func identity(of number: Int32) -> Identity? {
        var found = stat()
        guard fstat(number, &found) == 0 else { return nil }
        return Identity(
            device: UInt64(truncatingIfNeeded: found.st_dev), number: UInt64(truncatingIfNeeded: found.st_ino))
    }

    /// Runs `body` with the file's descriptor, which stays open for that long.
    func withDescriptor<Result>(writes: Bool = false, _ body: (Int32) -> Result) throws(LogError) -> Result {
        let number = try use(writes: writes)
        defer { descriptor.release() }
        return body(number)
    }

    private func use(writes: Bool) throws(LogError) -> Int32 {
        while true {
            if let number = descriptor.use(writes: writes) { return number }
            try cache.fill(descriptor) { () throws(LogError) in
                let number = try Self.open(path, O_RDWR | O_CLOEXEC, cache)
                guard Self.identity(of: number) == identity else {
                    _ = close(number)
                    throw .io(
                        operation: "opening", path: path, code: ENOENT,
                        reason: "another file has its name now: the one that was in use is gone")
                }
                return number
            }
        }
    }

    /// How often the file was written to so far, for `noteSynced`.
    var writeCount: Int { descriptor.writeCount }
    /// Lower for files that were opened earlier; the maximum number if the file is not open now.
    var openedAt: Int { descriptor.openedAt }
    /// Notes that the first `count` writes are durable.
    func noteSynced(_ count: Int) { descriptor.noteSynced(count) }

    package func hold() throws(LogError) -> FileHold? {
        _ = try use(writes: false)
        return FileHold { [descriptor] in descriptor.release() }
    }

    package func sharedDescriptor() throws(LogError) -> (number: Int32, hold: FileHold)? {
        // The hold also keeps this file: its descriptor is closed with the last reference to it.
        (try use(writes: false), FileHold { [self] in descriptor.release() })
    }

    package func size() throws(LogError) -> Int {
        let end = try withDescriptor { lseek($0, 0, SEEK_END) }
        guard end >= 0 else { throw .failed("measuring", path) }
        return Int(end)
    }

    package func readSome(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        let count = try withDescriptor { descriptor in
            uninterrupted { pread(descriptor, buffer.baseAddress, buffer.count, off_t(position)) }
        }
        guard count >= 0 else { throw .failed("reading", path) }
        return count
    }

    package func writeSome(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        var parts = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
        )
        let count = try withDescriptor(writes: true) { descriptor in
            withUnsafeBytes(of: &parts) { bytes in
                let parts = bytes.baseAddress?.assumingMemoryBound(to: iovec.self)
                return uninterrupted { pwritev(descriptor, parts, 2, off_t(position)) }
            }
        }
        guard count >= 0 else { throw .failed("writing", path) }
        return count
    }

    package func truncate(to size: Int) throws(LogError) {
        let result = try withDescriptor(writes: true) { descriptor in
            uninterrupted { ftruncate(descriptor, off_t(size)) }
        }
        guard result == 0 else { throw .failed("truncation", path) }
    }

    package func sync() throws(LogError) {
        let count = writeCount
        guard let number = try holdIfThere() else { return }
        defer { release() }
        guard syncNumber(number) == 0 else { throw .failed("sync", path) }
        noteSynced(count)
    }

    package func beginWriteback(_ range: Range<Int>) throws(LogError) {
        let result = try withDescriptor { number in
            uninterrupted { moldau_begin_writeback(number, Int64(range.lowerBound), Int64(range.count)) }
        }
        // Not all file systems support it.
        guard result == 0 || [EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else { throw .failed("sync", path) }
    }

    /// The descriptor to sync the file by, kept until `release`; nil if the file was removed and so need not be
    /// durable. (A file with unsynced writes is always open, removed or not.)
    func holdIfThere() throws(LogError) -> Int32? {
        do throws(LogError) {
            return try use(writes: false)
        } catch {
            if case .io("opening", _, ENOENT, _) = error { return nil }
            throw error
        }
    }

    func release() { descriptor.release() }
}
