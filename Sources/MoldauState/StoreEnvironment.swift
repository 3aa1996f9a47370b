/// What the stores of one task share: where they keep their bytes, and the memory budget. Used by the task's thread.
public final class StoreEnvironment {
    /// Made when the first store on disk is opened; empty where there is none.
    public let directory: String
    public let memory: StateMemory
    /// nil: all stores in memory, whatever their kind.
    private let open: (() throws(StateError) -> any StateStorage)?
    private var storage: (any StateStorage)?

    public init(directory: String, memory: StateMemory) {
        self.directory = directory
        self.memory = memory
        open = { () throws(StateError) in try TaskDatabase(directory: directory, memory: memory) }
    }

    /// All stores in memory, whatever their kind: for tests.
    public init(inMemory memory: StateMemory) {
        directory = ""
        self.memory = memory
        open = nil
    }

    /// - Parameter open: opens what takes RocksDB's place; called when the first store on disk is opened.
    package init(memory: StateMemory, open: @escaping () throws(StateError) -> any StateStorage) {
        directory = ""
        self.memory = memory
        self.open = open
    }

    /// The bytes of a store behind their write-back cache.
    /// - Throws: `StateError`; `.directoryInUse` where another process or task has the state open.
    @usableFromInline package func cache(for store: StoreDefinition) throws(StateError) -> CachedByteStore {
        CachedByteStore(
            name: store.name, isLogged: store.isLogged, byteStore: try byteStore(store.name, store.kind),
            memory: memory)
    }

    private func byteStore(_ name: String, _ kind: StoreKind) throws(StateError) -> any ByteStore {
        guard kind == .rocksDB, let open else { return MemoryByteStore(name: name) }
        if let storage { return try storage.byteStore(named: name) }
        let opened = try open()
        storage = opened
        return try opened.byteStore(named: name)
    }

    /// Closes the task's storage and gives up its lock. Close the stores first; those still open throw from now on.
    public func close() {
        storage?.close()
        storage = nil
    }
}
