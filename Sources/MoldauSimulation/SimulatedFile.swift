import MoldauLog

/// A file on a simulated disk. Becomes invalid with the boot that opened it.
package final class SimulatedFile: PartwiseFile {
    let path: String
    let node: Int
    let boot: Int
    /// The operating system's file, if the disk is a real directory.
    let real: PosixFile?
    private let disk: SimulatedDisk

    init(_ disk: SimulatedDisk, _ path: String, node: Int, boot: Int, real: PosixFile? = nil) {
        (self.disk, self.path, self.node, self.boot, self.real) = (disk, path, node, boot, real)
    }

    package func size() throws(LogError) -> Int { try disk.size(self) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        if disk.mistake == .shortReadTakenForEnd { return try readSome(into: buffer, at: position) }
        return try readAll(into: buffer, at: position)
    }

    package func readSome(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        try disk.read(self, into: buffer, at: position)
    }

    package func write(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) {
        if disk.mistake == .shortWriteTakenForAll {
            _ = try writeSome(head, body, at: position)
        } else {
            try writeAll(head, body, at: position)
        }
    }

    package func writeSome(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) -> Int { try disk.write(self, head, body, at: position) }

    package func truncate(to size: Int) throws(LogError) { try disk.truncate(self, to: size) }
    package func sync() throws(LogError) { try disk.sync(self) }
}
