import Foundation
import MoldauLog

/// A real directory that holds a simulated machine's files. Removed with the last reference.
final class RealFiles: Sendable {
    let root: String
    /// Its limit of open files is lower than the number of files in a run.
    private let files = PosixFileSystem(maxOpenFiles: 8)

    /// - Parameter name: part of the directory's name.
    init(named name: String) {
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        root = "\(parent)/moldau-simulation-\(name)-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Deletes everything.
    func wipe() {
        try? FileManager.default.removeItem(atPath: root)
        try? FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    /// The real path of a path on the simulated machine.
    func place(_ path: String) -> String { path.isEmpty || path == "." ? root : "\(root)/\(path)" }

    func open(_ path: String) throws(LogError) -> PosixFile { try files.open(place(path)) }
    func exists(_ path: String) -> Bool { files.exists(place(path)) }
    func names(in directory: String) throws(LogError) -> [String] { try files.names(in: place(directory)) }
    func createDirectory(_ path: String) throws(LogError) { try files.createDirectory(place(path)) }
    func removeFile(_ path: String) throws(LogError) { try files.removeFile(place(path)) }
    func removeDirectory(_ path: String) throws(LogError) { try files.removeDirectory(place(path)) }
    func rename(_ path: String, to newPath: String) throws(LogError) {
        try files.rename(place(path), to: place(newPath))
    }
    func syncDirectory(_ path: String) throws(LogError) { try files.syncDirectory(place(path)) }
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try files.lock(place(directory)) }
}
