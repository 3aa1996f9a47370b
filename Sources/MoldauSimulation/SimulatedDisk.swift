// A disk below a simulated process, with the page cache above it.
//
// Writes go to the page cache; `sync` brings a file's bytes to the disk, `syncDirectory` the names in a directory. When
// a process dies, the page cache stays. When the power fails, it is lost: each unsynced sector is on the disk or is
// not, in any order, or holds what was there before; files end somewhere between their old and new sizes; and names
// that were created, changed or removed without a sync of their directory are there or are not.
//
// An outage begins at a chosen operation: that one is done in part, and it and all later ones fail, until the disk is
// turned on again. So a process can die between any two operations, and in the middle of each.

import MoldauLog
import MoldauRecords
import Synchronization

/// Files that lose data the way a disk may.
package final class SimulatedDisk: FileSystem {
    enum Outage: Equatable {
        /// The process dies; its writes stay with the operating system.
        case process
        case power
    }

    struct Node {
        var current: [UInt8] = []
        var durable: [UInt8] = []
        /// The first byte that may differ between the two; nil if they are equal.
        var dirtyFrom: Int?
    }

    enum NameChange {
        case bind(String, node: Int)
        case remove(String)
        case move(String, to: String, node: Int)
        case makeDirectory(String)
        case removeDirectory(String)
        case moveDirectory(String, to: String)

        /// The same change in a directory that has been renamed.
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
        var isUnobserved = false
        /// The lock of a real directory.
        var lock: DirectoryLock?
    }

    let sectorBytes: Int
    let chance: Chance
    let trace: SimulationTrace
    let mistake: PlantedMistake?
    /// The real directory that holds the files; nil: they are in memory. With a real directory, processes die but the
    /// power never fails.
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

    // MARK: Control by the simulation

    /// Allows the checks of a run to read files: all reads succeed at once and leave no trace, so the run is unchanged.
    func unobserved<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.isUnobserved = true }
        defer { state.withLock { $0.isUnobserved = false } }
        return try body()
    }

    /// The kind of the current or the scheduled outage.
    var outage: Outage? { state.withLock { $0.outage } }
    /// Whether an outage has begun: every operation fails.
    var isOff: Bool { state.withLock { $0.isOff } }
    var operationCount: Int { state.withLock { $0.operationCount } }

    /// Makes an outage begin after that many operations; 0: now.
    func cut(_ outage: Outage, after operations: Int) {
        state.withLock { state in
            state.outage = real == nil ? outage : .process
            if operations == 0 { state.isOff = true } else { state.operationsToOutage = operations }
        }
    }

    /// Whether a sync has failed since the machine was last turned on: then the process cannot rely on what it knows of
    /// its files.
    var hasFailedSync: Bool { state.withLock { $0.syncsToFailure.map { $0 <= 0 } ?? false } }
    /// Whether the space on the disk is limited.
    var isFull: Bool { state.withLock { $0.spaceLeft != nil } }

    /// Cancels all scheduled faults.
    func clearFaults() {
        state.withLock { state in
            (state.outage, state.operationsToOutage, state.syncsToFailure, state.spaceLeft) = (nil, nil, nil, nil)
        }
    }

    /// Makes a future sync fail, the one after `syncs` others; no-op if one has failed already, which stays so until
    /// the machine is turned on again.
    func failSync(after syncs: Int) {
        state.withLock { state in
            if state.syncsToFailure ?? 1 > 0 { state.syncsToFailure = syncs }
        }
    }

    /// - Parameter bytes: how much may be written until the disk is full; nil: no limit.
    func setSpace(_ bytes: Int?) { state.withLock { $0.spaceLeft = bytes } }

    /// The names of all files.
    var paths: [String] { state.withLock { $0.current.files.keys.sorted() } }

    func size(_ path: String) -> Int? {
        state.withLock { state in state.current.files[path].flatMap { state.nodes[$0]?.current.count } }
    }

    /// Replaces the disk with an empty one.
    func wipe() {
        real?.wipe()
        state.withLock { state in
            (state.nodes, state.current, state.durable, state.unsyncedNames) = ([:], Names(), Names(), [:])
        }
    }

    /// Flips bits of a byte on the disk.
    /// - Returns: false if there is no such byte.
    func flip(_ path: String, at position: Int, _ mask: UInt8) -> Bool {
        state.withLock { state in
            guard let number = state.current.files[path], var node = state.nodes[number], position < node.current.count
            else { return false }
            node.current[position] ^= mask
            if position < node.durable.count { node.durable[position] ^= mask }
            state.nodes[number] = node
            return true
        }
    }

    /// Ends all faults. Data lost in an outage stays lost; files that were open can no longer be used.
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

    /// Counts an operation and adds it to the trace.
    /// - Returns: false if it happens only in part, because the outage begins with it.
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

    /// A point at which an outage may begin, before some other action of the machine.
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
