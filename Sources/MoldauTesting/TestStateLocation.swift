import Foundation
import MoldauState

/// Where a test's stores keep their data.
public enum TestStateLocation: Sendable, Hashable {
    /// In RocksDB, in a directory that goes when the driver is closed: what an application does.
    case temporaryDirectory
    /// In RocksDB, in a directory that stays.
    case directory(String)
    /// In memory, but for custom stores: the fastest.
    case memory
}

/// A place for state that was opened for one driver.
struct OpenStateLocation {
    private let memory = StateMemory(budgetBytes: 16 << 20)
    /// nil: in memory.
    private let directory: String?
    private let isTemporary: Bool

    init(_ location: TestStateLocation) throws {
        switch location {
        case .memory: (directory, isTemporary) = (nil, false)
        case .directory(let path): (directory, isTemporary) = (path, false)
        case .temporaryDirectory: (directory, isTemporary) = (try Self.makeTemporaryDirectory(), true)
        }
    }

    /// - Parameter name: of the directory, below the place.
    func environment(_ name: String) -> StoreEnvironment {
        guard let directory else { return StoreEnvironment(inMemory: memory, name: name) }
        return StoreEnvironment(directory: "\(directory)/\(name)", memory: memory)
    }

    func remove() {
        // A directory that cannot be removed is the system's to clean up.
        if isTemporary, let directory { try? FileManager.default.removeItem(atPath: directory) }
    }

    private static func makeTemporaryDirectory() throws -> String {
        var template = Array((NSTemporaryDirectory() + "/moldau-test-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }
        }
        guard let made else { throw CocoaError(.fileWriteUnknown) }
        return String(cString: made)
    }
}
