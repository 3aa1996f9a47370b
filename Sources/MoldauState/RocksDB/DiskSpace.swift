#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The free and total space of a file system.
package struct DiskSpace: Sendable, Hashable {
    /// How much programs may still write.
    package let freeBytes: Int
    package let totalBytes: Int

    /// The file system of a directory; nil if the system does not return it.
    package init?(at directory: String) {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        func bytes(_ blocks: fsblkcnt_t) -> Int {
            Int(clamping: UInt64(blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        }
        (freeBytes, totalBytes) = (bytes(status.f_bavail), bytes(status.f_blocks))
    }
}
