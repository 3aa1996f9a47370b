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

    private enum NameChange {
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

    private struct Names {
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

    private struct State {
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
    }

    let sectorBytes: Int
    private let chance: Chance
    private let trace: SimulationTrace
    let mistake: PlantedMistake?
    private let state = Mutex(State())

    init(sectorBytes: Int, chance: Chance, trace: SimulationTrace, mistake: PlantedMistake?) {
        self.sectorBytes = sectorBytes
        (self.chance, self.trace, self.mistake) = (chance, trace, mistake)
    }

    private static func parent(_ path: String) -> String {
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
            state.outage = outage
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
            (state.outage, state.isOff, state.operationsToOutage) = (nil, false, nil)
            (state.syncsToFailure, state.spaceLeft) = (nil, nil)
        }
    }

    private func losePages(_ state: inout State) {
        loseNames(&state)
        var kept: [Int: Node] = [:]
        for (path, number) in state.durable.files.sorted(by: { $0.key < $1.key }) {
            guard kept[number] == nil, var node = state.nodes[number] else { continue }
            loseBytes(&node)
            kept[number] = node
            trace.note("kept", path, node.durable.count)
        }
        state.nodes = kept
        state.current = state.durable
        state.unsyncedNames = [:]
    }

    private func loseNames(_ state: inout State) {
        for (_, changes) in state.unsyncedNames.sorted(by: { $0.key < $1.key }) {
            // The journal of a file system keeps the order; POSIX does not promise it.
            let keepsOrder = !chance.oneIn(3)
            let kept = chance.below(changes.count + 1)
            for (index, change) in changes.enumerated() where keepsOrder ? index < kept : chance.oneIn(2) {
                state.durable.apply(change)
            }
        }
        let directories = state.durable.directories
        func isThere(_ directory: String) -> Bool {
            directory.isEmpty || directories.contains(directory) && isThere(Self.parent(directory))
        }
        state.durable.directories = directories.filter(isThere)
        state.durable.files = state.durable.files.filter { isThere(Self.parent($0.key)) }
    }

    /// Makes the file what the disk has of it.
    private func loseBytes(_ node: inout Node) {
        defer {
            node.current = node.durable
            node.dirtyFrom = nil
        }
        guard let from = node.dirtyFrom, !chance.oneIn(4) else {
            if node.dirtyFrom != nil { node.durable = node.current }
            return
        }
        if chance.oneIn(3) { return }
        let (old, new) = (node.durable, node.current)
        let sizes = [old.count, new.count].sorted()
        let size = chance.oneIn(2) ? new.count : chance.within(sizes[0]...sizes[1])
        var bytes = Array(old.prefix(size))
        bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
        for sector in (from / sectorBytes)..<max(from / sectorBytes, (size + sectorBytes - 1) / sectorBytes) {
            let range = (sector * sectorBytes)..<min((sector + 1) * sectorBytes, size)
            switch chance.below(4) {
            case 0, 1: for place in range where place < new.count { bytes[place] = new[place] }
            // What lay there before the file did: where the file had nothing yet.
            case 2 where range.lowerBound >= old.count:
                for place in range { bytes[place] = UInt8(truncatingIfNeeded: chance.below(256)) }
            default: break
            }
        }
        node.durable = bytes
    }

    // MARK: Operations

    /// Counts an operation and notes it.
    /// - Returns: false where it happens in part: the outage begins with it.
    private func begin(
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

    /// Changes names, in part only where the outage begins: then it happened or it did not.
    private func change(_ operation: StaticString, _ path: String, _ changes: (State) -> [NameChange]) throws(LogError)
    {
        try state.withLock { state throws(LogError) in
            let changes = changes(state)
            if changes.isEmpty { return }
            let isWhole = try begin(&state, operation, path)
            if isWhole || chance.oneIn(2) {
                for change in changes { state.current.apply(change) }
                state.unsyncedNames[Self.parent(path), default: []] += changes
            }
            if !isWhole { throw Self.failure("\(operation)", path, code: 5, "the machine is off") }
        }
    }

    package func open(_ path: String) throws(LogError) -> SimulatedFile {
        let isThere = state.withLock { $0.current.files[path] != nil }
        if !isThere {
            let node = state.withLock { state in
                state.nodes[state.nextNode] = Node()
                defer { state.nextNode += 1 }
                return state.nextNode
            }
            try change("create", path) { _ in [.bind(path, node: node)] }
        }
        return try state.withLock { state throws(LogError) in
            if state.isOff { throw Self.failure("opening", path, code: 5, "the machine is off") }
            guard let node = state.current.files[path] else { throw Self.failure("opening", path, code: 2, "gone") }
            return SimulatedFile(self, path, node: node, boot: state.boot)
        }
    }

    package func exists(_ path: String) -> Bool {
        if mistake == .journalIgnored, path.hasSuffix(".journal") { return false }
        return state.withLock { $0.current.files[path] != nil || $0.current.directories.contains(path) }
    }

    package func names(in directory: String) throws(LogError) -> [String] {
        try state.withLock { state throws(LogError) in
            if state.isOff { throw Self.failure("listing", directory, code: 5, "the machine is off") }
            let prefix = directory + "/"
            return (Array(state.current.files.keys) + Array(state.current.directories))
                .filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
                .filter { !$0.contains("/") }.sorted()
        }
    }

    package func createDirectory(_ path: String) throws(LogError) {
        let parent = Self.parent(path)
        if !parent.isEmpty { try createDirectory(parent) }
        try change("mkdir", path) { $0.current.directories.contains(path) ? [] : [.makeDirectory(path)] }
    }

    package func removeFile(_ path: String) throws(LogError) {
        if mistake == .cleanMarkerKept, path.hasSuffix(".kafka_cleanshutdown") { return }
        try change("remove", path) { $0.current.files[path] == nil ? [] : [.remove(path)] }
    }

    package func removeDirectory(_ path: String) throws(LogError) {
        for name in try names(in: path) { try removeFile("\(path)/\(name)") }
        try change("rmdir", path) { $0.current.directories.contains(path) ? [.removeDirectory(path)] : [] }
    }

    package func rename(_ path: String, to newPath: String) throws(LogError) {
        if state.withLock({ $0.current.directories.contains(path) }) {
            // What is not synced in it goes with it.
            state.withLock { state in
                guard let changes = state.unsyncedNames.removeValue(forKey: path) else { return }
                state.unsyncedNames[newPath] = changes.map { $0.moved(from: path, to: newPath) }
            }
            return try change("rename", path) { _ in [.moveDirectory(path, to: newPath)] }
        }
        let node = state.withLock { $0.current.files[path] }
        guard let node else { throw Self.failure("renaming", path, code: 2, "there is no such file") }
        try change("rename", path) { _ in [.move(path, to: newPath, node: node)] }
    }

    package func syncDirectory(_ path: String) throws(LogError) {
        switch mistake {
        case .directorySyncSkipped: return
        case .partitionDirectorySyncSkipped where path.contains("/"): return
        case .rootDirectorySyncSkipped where !path.contains("/"): return
        default: break
        }
        let path = path == "." ? "" : path
        try state.withLock { state throws(LogError) in
            let isWhole = try begin(&state, "syncdir", path)
            try failIfDue(&state, path)
            guard isWhole || chance.oneIn(2) else { throw Self.failure("sync", path, code: 5, "the machine is off") }
            for change in state.unsyncedNames.removeValue(forKey: path) ?? [] { state.durable.apply(change) }
            if !isWhole { throw Self.failure("sync", path, code: 5, "the machine is off") }
        }
    }

    private func failIfDue(_ state: inout State, _ path: String) throws(LogError) {
        guard let left = state.syncsToFailure else { return }
        state.syncsToFailure = left - 1
        if left == 1 { throw Self.failure("sync", path, code: 5, "the disk failed") }
    }

    package func sync(_ files: [SimulatedFile]) throws(LogError) {
        for file in mistake == .groupSyncOfOneFile ? Array(files.prefix(1)) : files { try file.sync() }
    }

    package func lock(_ directory: String) throws(LogError) -> DirectoryLock { DirectoryLock {} }

    // MARK: Files

    private func with<Result: Sendable>(
        _ file: SimulatedFile, _ body: (inout State, inout Node) throws(LogError) -> Result
    ) throws(LogError) -> Result {
        try state.withLock { state throws(LogError) in
            guard file.boot == state.boot, !state.isOff, var node = state.nodes[file.node] else {
                throw Self.failure("use", file.path, code: 5, "the machine is off")
            }
            // Out of the table, so that changes are made in place.
            state.nodes[file.node] = nil
            defer { state.nodes[file.node] = node }
            return try body(&state, &node)
        }
    }

    func size(_ file: SimulatedFile) throws(LogError) -> Int {
        try with(file) { _, node in node.current.count }
    }

    func read(
        _ file: SimulatedFile, into buffer: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        nonisolated(unsafe) let buffer = buffer  // Used inside the call alone.
        return try with(file) { _, node throws(LogError) in
            var count = max(0, min(buffer.count, node.current.count - position))
            if count > 1, chance.oneIn(8) { count = chance.within(1...count) }
            trace.note("read", file.path, position, count)
            node.current.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<(position + count)]))
            }
            return count
        }
    }

    func write(
        _ file: SimulatedFile, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        nonisolated(unsafe) let (head, body) = (head, body)  // Used inside the call alone.
        return try with(file) { state, node throws(LogError) in
            let checksum = Int(crc32c(body, seed: crc32c(head)))
            let isWhole = try begin(&state, "write", file.path, (position, checksum))
            let wanted = head.count + body.count
            var count = isWhole ? wanted : chance.below(wanted + 1)
            let isFull = state.spaceLeft.map { $0 < wanted } ?? false
            if isFull { count = min(count, chance.below(max(1, state.spaceLeft ?? 0))) }
            if isWhole, !isFull, wanted > 1, chance.oneIn(8) { count = chance.within(1...wanted) }
            if state.spaceLeft != nil { state.spaceLeft! -= count }
            if mistake == .diskFullIgnored, isFull { return wanted }
            let end = position + count
            if node.current.count < end {
                node.current.append(contentsOf: repeatElement(0, count: end - node.current.count))
            }
            node.current.withUnsafeMutableBytes { bytes in
                for (part, start) in [(head, 0), (body, head.count)] {
                    let length = min(part.count, max(0, count - start))
                    if length == 0 { continue }
                    UnsafeMutableRawBufferPointer(
                        rebasing: bytes[(position + start)..<(position + start + length)]
                    ).copyMemory(from: UnsafeRawBufferPointer(rebasing: part[..<length]))
                }
            }
            node.dirtyFrom = min(node.dirtyFrom ?? position, position)
            if !isWhole { throw Self.failure("writing", file.path, code: 5, "the machine is off") }
            if isFull { throw Self.failure("writing", file.path, code: 28, "no space left on device") }
            return count
        }
    }

    func truncate(_ file: SimulatedFile, to size: Int) throws(LogError) {
        if mistake == .tornTailKept { return }
        try with(file) { state, node throws(LogError) in
            let isWhole = try begin(&state, "truncate", file.path, (size, 0))
            if (isWhole || chance.oneIn(2)) && size < node.current.count {
                node.current.removeSubrange(size...)
                node.dirtyFrom = min(node.dirtyFrom ?? size, size)
            }
            if !isWhole { throw Self.failure("truncation", file.path, code: 5, "the machine is off") }
        }
    }

    func sync(_ file: SimulatedFile) throws(LogError) {
        switch mistake {
        case .syncSkipped: return
        case .contentSyncSkippedBeforeRename where file.path.hasSuffix(".tmp"): return
        default: break
        }
        do throws(LogError) {
            try syncOnce(file)
        } catch {
            guard mistake == .failedSyncRetried, !isOff else { throw error }
            try syncOnce(file)
        }
    }

    private func syncOnce(_ file: SimulatedFile) throws(LogError) {
        try with(file) { state, node throws(LogError) in
            let isWhole = try begin(&state, "sync", file.path)
            do throws(LogError) {
                try failIfDue(&state, file.path)
            } catch {
                // The kernel marks the pages as clean, written or not, and may drop them.
                loseBytes(&node)
                throw error
            }
            guard isWhole || chance.oneIn(2) else {
                throw Self.failure("sync", file.path, code: 5, "the machine is off")
            }
            if let from = node.dirtyFrom {
                node.durable.removeSubrange(min(from, node.durable.count)...)
                node.durable.append(contentsOf: node.current[node.durable.count...])
                node.dirtyFrom = nil
            }
            if !isWhole { throw Self.failure("sync", file.path, code: 5, "the machine is off") }
        }
    }
}
