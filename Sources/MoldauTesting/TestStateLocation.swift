import Foundation
import MoldauState

/// Where a test's stores keep their data.
public enum TestStateLocation: Sendable, Hashable {
    /// In RocksDB like in an application, in a directory that is deleted when the driver is closed.
    case temporaryDirectory
    /// In RocksDB, in a directory that is kept.
    case directory(String)
    /// In memory, except for custom stores: the fastest.
    case memory
}

/// A state location that is open for one driver.
struct OpenStateLocation {
    private let memory = StateMemory(budgetBytes: 16 << 20)
    /// nil for memory.
    private let directory: String?
    private let isTemporary: Bool

    init(_ location: TestStateLocation) throws {
        switch location {
        case .memory: (directory, isTemporary) = (nil, false)
        case .directory(let path): (directory, isTemporary) = (path, false)
        case .temporaryDirectory: (directory, isTemporary) = (try Self.makeTemporaryDirectory(), true)
        }
    }

    /// - Parameter name: the name of the directory inside the location.
    func environment(_ name: String) -> StoreEnvironment {
        guard let directory else { return StoreEnvironment(inMemory: memory, name: name) }
        return StoreEnvironment(directory: "\(directory)/\(name)", memory: memory)
    }

    func remove() {
        // If the directory cannot be removed, the operating system will clean it up.
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
