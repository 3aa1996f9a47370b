internal import Synchronization

/// Files in memory, for tests and for clusters that need not outlive the process. Syncing has no effect: no data is
/// lost without it.
package final class MemoryFileSystem: FileSystem {
    private struct Tree {
        var files: [String: MemoryFile] = [:]
        var directories: Set<String> = []
    }

    private let tree = Mutex(Tree())

    package init() {}

    #if SABOTAGE
        private let mistakes = Mutex<Sabotage>([])
        package var sabotage: Sabotage {
            get { mistakes.withLock { $0 } }
            set { mistakes.withLock { $0 = newValue } }
        }
    #endif

    /// An independent copy of all files.
    package func copy() -> MemoryFileSystem {
        let copy = MemoryFileSystem()
        let (files, directories) = tree.withLock { ($0.files, $0.directories) }
        copy.tree.withLock { tree in
            tree.files = files.mapValues { $0.copy() }
            tree.directories = directories
        }
        return copy
    }

    package func open(_ path: String) throws(LogError) -> MemoryFile {
        tree.withLock { tree in
            if let file = tree.files[path] { return file }
            let file = MemoryFile()
            tree.files[path] = file
            return file
        }
    }

    package func exists(_ path: String) -> Bool {
        tree.withLock { $0.files[path] != nil || $0.directories.contains(path) }
    }

    package func names(in directory: String) throws(LogError) -> [String] {
        let paths = tree.withLock { Array($0.files.keys) + Array($0.directories) }
        let prefix = directory + "/"
        return paths.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .filter { !$0.contains("/") }.sorted()
    }

    package func createDirectory(_ path: String) throws(LogError) {
        tree.withLock { _ = $0.directories.insert(path) }
    }

    package func removeFile(_ path: String) throws(LogError) { tree.withLock { $0.files[path] = nil } }

    package func removeDirectory(_ path: String) throws(LogError) {
        tree.withLock { tree in
            tree.directories.remove(path)
            tree.files = tree.files.filter { !$0.key.hasPrefix(path + "/") }
        }
    }

    package func rename(_ path: String, to newPath: String) throws(LogError) {
        tree.withLock { tree in
            if let file = tree.files.removeValue(forKey: path) { tree.files[newPath] = file }
            guard tree.directories.remove(path) != nil else { return }
            tree.directories.insert(newPath)
            for (name, file) in tree.files where name.hasPrefix(path + "/") {
                tree.files[name] = nil
                tree.files[newPath + name.dropFirst(path.count)] = file
            }
        }
    }

    package func syncDirectory(_ path: String) throws(LogError) {}
    package func sync(_ files: [MemoryFile]) throws(LogError) {}
    package func lock(_ directory: String) throws(LogError) -> DirectoryLock { DirectoryLock {} }
}

/// A file in memory.
package final class MemoryFile: LogFile {
    private let bytes: Mutex<[UInt8]>

    init(_ bytes: [UInt8] = []) { self.bytes = Mutex(bytes) }

    func copy() -> MemoryFile { MemoryFile(bytes.withLock { $0 }) }

    package func size() throws(LogError) -> Int { bytes.withLock { $0.count } }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
        nonisolated(unsafe) let buffer = buffer  // Used only during the call.
        return bytes.withLock { bytes in
            let count = max(0, min(buffer.count, bytes.count - position))
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<(position + count)]))
            }
            return count
        }
    }

    package func write(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) {
        nonisolated(unsafe) let (head, body) = (head, body)  // Used only during the call.
        bytes.withLock { bytes in
            if position == bytes.count {
                bytes.append(contentsOf: head)
                bytes.append(contentsOf: body)
                return
            }
            let end = position + head.count + body.count
            if bytes.count < end { bytes.append(contentsOf: repeatElement(0, count: end - bytes.count)) }
            bytes.replaceSubrange(position..<(position + head.count), with: head)
            bytes.replaceSubrange((position + head.count)..<end, with: body)
        }
    }

    package func truncate(to size: Int) throws(LogError) {
        bytes.withLock { bytes in
            if size < bytes.count { bytes.removeSubrange(size...) }
        }
    }

    package func sync() throws(LogError) {}
}
