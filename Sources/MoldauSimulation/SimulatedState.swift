import MoldauLog
import MoldauRecords
import MoldauState
import Synchronization

/// Stores in the memory of a simulated process, and what RocksDB would retain of them when the process dies.
///
/// Without a write-ahead log, changes to a store survive from the next flush on, or earlier: RocksDB may flush at any
/// time. A batch survives together with its metadata or not at all; the stores of one task are independent of each
/// other.
final class SimulatedState: MachineState {
    indirect enum Change: Sendable {
        case entries([([UInt8], [UInt8]?)])
        case metadata(StoreMetadata)
        case batch([Change])
        case drop(below: [UInt8])
    }

    /// A store's content on disk, and the changes that were applied but not flushed.
    struct Stored: Sendable {
        var image = StoreImage()
        fileprivate var unflushed: [Change] = []

        fileprivate mutating func take(_ change: Change) {
            switch change {
            case .entries(let changes): for (key, value) in changes { image.entries[key] = value }
            case .metadata(let metadata): image.metadata = metadata
            case .batch(let changes): for change in changes { take(change) }
            case .drop(let bound): image.entries = image.entries.filter { !$0.key.lexicographicallyPrecedes(bound) }
            }
        }

        fileprivate mutating func flush(_ count: Int) {
            for change in unflushed.prefix(count) { take(change) }
            unflushed.removeFirst(count)
        }
    }

    private struct State {
        /// By task and store.
        var images: [String: Stored] = [:]
        var openTasks: Set<String> = []
        var boot = 0
    }

    private let memory: StateMemory
    private let disk: SimulatedDisk
    private let chance: Chance
    private let trace: SimulationTrace
    private let mistake: PlantedMistake?
    private let state = Mutex(State())

    /// - Parameter disk: the disk that simulates the outages.
    init(
        memory: StateMemory, disk: SimulatedDisk, chance: Chance, trace: SimulationTrace, mistake: PlantedMistake?
    ) {
        (self.memory, self.disk, self.chance, self.trace, self.mistake) = (memory, disk, chance, trace, mistake)
    }

    /// The stores on disk, by task and name.
    func images() -> [String: StoreImage] { state.withLock { $0.images.mapValues(\.image) } }

    func emptied() -> any MachineState {
        SimulatedState(memory: memory, disk: disk, chance: chance, trace: trace, mistake: nil)
    }

    func wipe() { state.withLock { $0.images = [:] } }

    /// Called when the process died.
    func crash() {
        state.withLock { state in
            state.boot += 1
            state.openTasks = []
            for path in state.images.keys.sorted() { settle(path, &state) }
        }
    }

    /// Called when the store is no longer open: a part of the unflushed changes is on disk, the rest is lost.
    private func settle(_ path: String, _ state: inout State) {
        guard var image = state.images[path], !image.unflushed.isEmpty else { return }
        let kept = chance.below(image.unflushed.count + 1)
        trace.note("store kept", path, kept, image.unflushed.count)
        image.flush(kept)
        image.unflushed = []
        state.images[path] = image
    }

    func environment(_ task: String) -> StoreEnvironment {
        StoreEnvironment(memory: memory) { () throws(StateError) in
            if self.disk.isFull { throw .noSpace(place: task, message: "the disk is full") }
            let boot = self.state.withLock { $0.openTasks.insert(task).inserted ? $0.boot : nil }
            guard let boot else { throw .directoryInUse(path: task, message: "opened twice") }
            return TaskStorage(state: self, task: task, boot: boot)
        }
    }

    private final class TaskStorage: StateStorage {
        private let state: SimulatedState
        private let task: String
        private let boot: Int

        init(state: SimulatedState, task: String, boot: Int) {
            (self.state, self.task, self.boot) = (state, task, boot)
        }

        func byteStore(named name: String) throws(StateError) -> any ByteStore {
            SimulatedByteStore(state, "\(task)/\(name)", boot: boot)
        }
        func close() { state.close(task, boot: boot) }
    }

    private func close(_ task: String, boot: Int) {
        state.withLock { state in
            guard state.boot == boot else { return }
            state.openTasks.remove(task)
            for path in state.images.keys.sorted() where path.hasPrefix("\(task)/") { settle(path, &state) }
        }
    }

    fileprivate func image(_ path: String) -> StoreImage { state.withLock { $0.images[path]?.image ?? StoreImage() } }

    /// The operation fails if an outage begins before it.
    private func pass(_ operation: StaticString, _ path: String) throws(StateError) {
        do throws(LogError) {
            try disk.pass(operation, path)
        } catch {
            throw .rocksDB(operation: "\(operation)", path: path, message: "\(error)")
        }
    }

    fileprivate func apply(_ change: Change, to path: String, boot: Int) throws(StateError) {
        try pass("apply", path)
        if disk.isFull { throw .noSpace(place: path, message: "the disk is full") }
        var change = change
        if mistake == .deletionsForgotten, case .batch(let parts) = change, case .entries(let entries) = parts[0] {
            change = .batch([.entries(entries.filter { $0.1 != nil }), parts[1]])
        }
        state.withLock { state in
            guard state.boot == boot else { return }
            guard case .batch(let parts) = change, mistake == .storeBatchNotAtomic else {
                state.images[path, default: Stored()].unflushed.append(change)
                return
            }
            state.images[path, default: Stored()].unflushed += parts.reversed()
        }
    }

    fileprivate func flush(_ path: String, boot: Int) throws(StateError) {
        try pass("flush", path)
        state.withLock { state in
            guard state.boot == boot, var image = state.images[path] else { return }
            if mistake == .storeFlushKeepsOffsetOnly {
                if case .batch(let parts) = image.unflushed.last { image.take(parts[1]) }
            } else {
                image.flush(image.unflushed.count)
            }
            state.images[path] = image
        }
    }

    fileprivate func read(_ metadata: StoreMetadata) -> StoreMetadata {
        var metadata = metadata
        if mistake == .changelogOffsetTooHigh, let offset = metadata.changelogOffset {
            metadata.changelogOffset = offset + 1
        }
        return metadata
    }
}

/// A store that answers from memory, and tracks what is on disk.
private final class SimulatedByteStore: ByteStore {
    private let live: MemoryByteStore
    private let state: SimulatedState
    private let path: String
    private let boot: Int
    private var isClosed = false

    init(_ state: SimulatedState, _ path: String, boot: Int) {
        (self.state, self.path, self.boot) = (state, path, boot)
        let image = state.image(path)
        live = MemoryByteStore(name: path, entries: image.entries, metadata: state.read(image.metadata))
    }

    var metadata: StoreMetadata { live.metadata }
    var mayHoldData: Bool { live.mayHoldData }
    var approximateEntryCount: Int { live.approximateEntryCount }

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(StateError) {
        try live.read(key, body)
    }

    func apply(_ changes: UnsafeBufferPointer<SortedEntry>, metadata: StoreMetadata) throws(StateError) {
        let entries = changes.map { (Array($0.key), $0.value.map { Array($0) }) }
        try state.apply(.batch([.entries(entries), .metadata(metadata)]), to: path, boot: boot)
        try live.apply(changes, metadata: metadata)
    }

    func drop(below key: [UInt8]) throws(StateError) {
        try state.apply(.drop(below: key), to: path, boot: boot)
        try live.drop(below: key)
    }

    func cursor(_ range: KeyRange, reverse: Bool) throws(StateError) -> any ByteStoreCursor {
        try live.cursor(range, reverse: reverse)
    }

    func flush() throws(StateError) {
        try live.flush()
        try state.flush(path, boot: boot)
    }

    func close() { live.close() }
}
