import Foundation
import MoldauState
import Synchronization

/// Stores in RocksDB, in real directories.
///
/// When a process dies its files stay as they are: they are copied at that moment. When RocksDB is closed later, it
/// changes only files that are no longer used.
final class RocksDBState: MachineState {
    private let files: RealFiles
    private let memory: StateMemory
    /// How often a process has died; each process has its own directory.
    private let generation = Mutex(0)

    /// - Parameter memory: enough that RocksDB writes nothing to disk before it is flushed.
    init(memory: StateMemory) {
        self.memory = memory
        files = RealFiles(named: "state")
    }

    private var directory: String { files.place("\(generation.withLock { $0 })") }

    func environment(_ task: String) -> StoreEnvironment {
        StoreEnvironment(directory: "\(directory)/\(task)", memory: memory)
    }

    func emptied() -> any MachineState { RocksDBState(memory: memory) }

    func wipe() { try? FileManager.default.removeItem(atPath: directory) }

    func crash() {
        let before = directory
        generation.withLock { $0 += 1 }
        guard FileManager.default.fileExists(atPath: before) else { return }
        // RocksDB may be working in the background: copy until nothing changes during the copy.
        for _ in 0..<100 {
            try? FileManager.default.removeItem(atPath: directory)
            let sizes = sizes(of: before)
            if (try? FileManager.default.copyItem(atPath: before, toPath: directory)) != nil,
                self.sizes(of: before) == sizes, self.sizes(of: directory) == sizes
            {
                return
            }
        }
        preconditionFailure("the files in \(before) do not stand still")
    }

    private func sizes(of directory: String) -> [String: Int] {
        var sizes: [String: Int] = [:]
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? [] {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(path)")
            sizes[path] = attributes?[.size] as? Int
        }
        return sizes
    }

    func images() throws -> [String: StoreImage] {
        var images: [String: StoreImage] = [:]
        for task in (try? FileManager.default.contentsOfDirectory(atPath: directory).sorted()) ?? [] {
            let stores = try StoredContents.read(directory: "\(directory)/\(task)", memory: memory)
            for (name, entries) in stores { images["\(task)/\(name)"] = StoreImage(entries: entries) }
        }
        return images
    }
}
