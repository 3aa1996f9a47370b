// A disk below a simulated process, and the page cache above it.
//
// Writes go to the page cache; `sync` brings a file's bytes to the disk, `syncDirectory` the names in a directory. When
// a process dies, the page cache stays. When the power goes, it does not: of what was not synced, each sector is on
// the disk or is not, in any order, or holds what lay there before; files end somewhere between their old and new
// sizes; and names that were made, changed or removed without a sync of their directory are there, or are not.
//
// An outage begins at a chosen operation: that one is done in part, and it and all after it fail, until the disk is on
// again. So a process can die between any two operations, and within each.

import MoldauLog
import MoldauRecords
import Synchronization

/// Files that are lost as a disk may lose them.
package final class SimulatedDisk: FileSystem {
    enum Outage: Equatable {
        /// The process dies; what it wrote is with the operating system.
        case process
        case power
    }

    struct Node {
        var current: [UInt8] = []
        var durable: [UInt8] = []
        /// The first byte that may differ between the two; nil where they are the same.
        var dirtyFrom: Int?
    }

    enum NameChange {
        case bind(String, node: Int)
        case remove(String)
        case move(String, to: String, node: Int)
        case makeDirectory(String)
        case removeDirectory(String)
        case moveDirectory(String, to: String)

        /// The same change where it happens in a directory that has another name now.
        func moved(from path: String, to newPath: String) -> NameChange {
            func moved(_ name: String) -> String {
                name.hasPrefix(path + "/") ? newPath + name.dropFirst(path.count) : name
            }
            return switch self {
            case .bind(let name, let node): .bind(moved(name), node: node)
            case .remove(let name): .remove(moved(name))
            case .move(let name, let newName, let node): .move(moved(name), to: moved(newName), node: node)
            case .makeDirectory(let name): .makeDirectory(moved(name))
            case .removeDirectory(let name): .removeDirectory(moved(name))
            case .moveDirectory(let name, let newName): .moveDirectory(moved(name), to: moved(newName))
            }
        }
    }

    struct Names {
        var files: [String: Int] = [:]
        var directories: Set<String> = []

        mutating func apply(_ change: NameChange) {
            switch change {
            case .bind(let path, let node): files[path] = node
            case .remove(let path): files[path] = nil
            case .move(let path, let newPath, let node):
                files[path] = nil
                files[newPath] = node
            case .makeDirectory(let path): directories.insert(path)
            case .removeDirectory(let path):
                directories.remove(path)
                files = files.filter { !$0.key.hasPrefix(path + "/") }
            case .moveDirectory(let path, let newPath):
                guard directories.remove(path) != nil else { return }
                directories.insert(newPath)
                for (name, node) in files where name.hasPrefix(path + "/") {
                    files[name] = nil
                    files[newPath + name.dropFirst(path.count)] = node
                }
            }
        }
    }

    struct State {
        var nodes: [Int: Node] = [:]
        var nextNode = 0
        var current = Names()
        var durable = Names()
        /// By directory.
        var unsyncedNames: [String: [NameChange]] = [:]
        var boot = 0
        var outage: Outage?
        var isOff = false
        var operationsToOutage: Int?
        var syncsToFailure: Int?
        /// Bytes that may still be written; nil: no limit.
        var spaceLeft: Int?
        var operationCount = 0
        /// Of a real directory.
        var lock: DirectoryLock?
    }

    let sectorBytes: Int
    let chance: Chance
    let trace: SimulationTrace
    let mistake: PlantedMistake?
    /// Where files really lie; nil: here, in memory. Then processes die, and the power stays.
    let real: RealFiles?
    let state = Mutex(State())

    init(sectorBytes: Int, chance: Chance, trace: SimulationTrace, mistake: PlantedMistake?, real: RealFiles? = nil) {
        self.sectorBytes = sectorBytes
        (self.chance, self.trace, self.mistake, self.real) = (chance, trace, mistake, real)
    }

    #if SABOTAGE
        package var sabotage: Sabotage { mistake?.sabotage ?? [] }
    #endif

    static func parent(_ path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? ""
    }

    // MARK: What the simulation does to it

    /// The kind of the outage that goes on or is to come.
    var outage: Outage? { state.withLock { $0.outage } }
    /// Whether an outage has begun: every operation fails.
    var isOff: Bool { state.withLock { $0.isOff } }
    var operationCount: Int { state.withLock { $0.operationCount } }

    /// Lets an outage begin after so many operations; 0: now.
    func cut(_ outage: Outage, after operations: Int) {
        state.withLock { state in
            state.outage = real == nil ? outage : .process
            if operations == 0 { state.isOff = true } else { state.operationsToOutage = operations }
        }
    }

    /// Whether a sync has failed since the machine was last turned on: what the process knows of its files may be wrong.
    var hasFailedSync: Bool { state.withLock { $0.syncsToFailure.map { $0 <= 0 } ?? false } }
    /// Whether there is a limit to what may be written.
    var isFull: Bool { state.withLock { $0.spaceLeft != nil } }

    /// No fault is to come any more.
    func clearFaults() {
        state.withLock { state in
            (state.outage, state.operationsToOutage, state.syncsToFailure, state.spaceLeft) = (nil, nil, nil, nil)
        }
    }

    /// The so many-th sync from now on fails.
    func failSync(after syncs: Int) { state.withLock { $0.syncsToFailure = syncs } }

    /// - Parameter bytes: that may be written until the disk is full; nil: it has room.
    func setSpace(_ bytes: Int?) { state.withLock { $0.spaceLeft = bytes } }

    /// The files that there are, by name.
    var paths: [String] { state.withLock { $0.current.files.keys.sorted() } }

    func size(_ path: String) -> Int? {
        state.withLock { state in state.current.files[path].flatMap { state.nodes[$0]?.current.count } }
    }

    /// Another disk is put in its place, with nothing on it.
    func wipe() {
        real?.wipe()
        state.withLock { state in
            (state.nodes, state.current, state.durable, state.unsyncedNames) = ([:], Names(), Names(), [:])
        }
    }

    /// Changes bits of a byte on the disk.
    /// - Returns: false where there is no such byte.
    func flip(_ path: String, at position: Int, _ mask: UInt8) -> Bool {
        state.withLock { state in
            guard let number = state.current.files[path], let size = state.nodes[number]?.current.count, position < size
            else { return false }
            state.nodes[number]!.current[position] ^= mask
            if position < state.nodes[number]!.durable.count { state.nodes[number]!.durable[position] ^= mask }
            return true
        }
    }

    /// Ends all faults. What an outage took is gone; files that were open are not usable any more.
    func turnOn() {
        state.withLock { state in
            if state.outage == .power && state.isOff { losePages(&state) }
            state.boot += 1
            state.lock = nil
            (state.outage, state.isOff, state.operationsToOutage) = (nil, false, nil)
            (state.syncsToFailure, state.spaceLeft) = (nil, nil)
        }
    }

    // MARK: Operations

    /// Counts an operation and notes it.
    /// - Returns: false where it happens in part: the outage begins with it.
    func begin(
        _ state: inout State, _ operation: StaticString, _ path: String, _ numbers: (Int, Int) = (0, 0)
    ) throws(LogError) -> Bool {
        if state.isOff { throw Self.failure("\(operation)", path, code: 5, "the machine is off") }
        state.operationCount += 1
        trace.note(operation, path, numbers.0, numbers.1)
        guard let left = state.operationsToOutage else { return true }
        state.operationsToOutage = left - 1
        if left > 1 { return true }
        state.isOff = true
        trace.note("outage", path)
        return false
    }

    /// Lets the outage come before something else that the machine does.
    func pass(_ operation: StaticString, _ path: String) throws(LogError) {
        try state.withLock { state throws(LogError) in
            let goesOn = try begin(&state, operation, path)
            if !goesOn { throw Self.failure("\(operation)", path, code: 5, "the machine is off") }
        }
    }

    static func failure(_ operation: String, _ path: String, code: Int32, _ reason: String) -> LogError {
        .io(operation: operation, path: path, code: code, reason: reason)
    }
}
