/// What the stores of one task share: the directory, its RocksDB, and the memory budget. Used by the task's thread.
public final class StoreEnvironment {
    /// Made when the first store on disk is opened.
    public let directory: String
    public let memory: StateMemory
    private let keepsAllInMemory: Bool
    private var database: TaskDatabase?

    public init(directory: String, memory: StateMemory) {
        self.directory = directory
        self.memory = memory
        keepsAllInMemory = false
    }

    /// All stores in memory, whatever their kind: for tests.
    public init(inMemory memory: StateMemory) {
        directory = ""
        self.memory = memory
        keepsAllInMemory = true
    }

    /// The bytes of a store behind their write-back cache.
    /// - Throws: `StateError`; `.directoryInUse` where another process or task has the state open.
    @usableFromInline package func cache(for store: StoreDefinition) throws(StateError) -> CachedByteStore {
        CachedByteStore(
            name: store.name, isLogged: store.isLogged,
            byteStore: try byteStore(store.name, keepsAllInMemory ? .inMemory : store.kind), memory: memory)
    }

    private func byteStore(_ name: String, _ kind: StoreKind) throws(StateError) -> any ByteStore {
        switch kind {
        case .inMemory: return MemoryByteStore(name: name)
        case .rocksDB:
            if let database, database.isOpen { return try database.store(named: name) }
            let opened = try TaskDatabase(directory: directory, memory: memory)
            database = opened
            return try opened.store(named: name)
        }
    }

    /// Closes the task's database and gives up its lock. Close the stores first; those still open throw from now on.
    public func close() {
        database?.close()
        database = nil
    }
}
