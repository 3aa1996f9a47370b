/// What the stores of one task share: the directory, its RocksDB, and the memory budget. Used by the task's thread.
public final class StoreEnvironment {
    /// Made when the first store on disk is opened.
    public let directory: String
    public let memory: StateMemory
    /// The name of the task, `0_3`.
    public let name: String
    private let keepsAllInMemory: Bool
    private var database: TaskDatabase?

    public init(directory: String, memory: StateMemory) {
        self.directory = directory
        self.memory = memory
        name = directory.split(separator: "/").last.map(String.init) ?? ""
        keepsAllInMemory = false
    }

    /// Nothing on disk: stores of RocksDB are in memory. For tests.
    /// - Parameter name: of the task.
    public init(inMemory memory: StateMemory, name: String = "") {
        directory = ""
        self.memory = memory
        self.name = name
        keepsAllInMemory = true
    }

    /// The bytes of a store behind their write-back cache.
    /// - Throws: `StateError`; `.directoryInUse` where another process or task has the state open.
    @usableFromInline package func cache(for store: StoreDefinition) throws(StateError) -> CachedByteStore {
        CachedByteStore(
            name: store.name, isLogged: store.isLogged,
            byteStore: try byteStore(store.name, store.kind), memory: memory)
    }

    private func byteStore(_ name: String, _ kind: StoreKind) throws(StateError) -> any ByteStore {
        switch kind {
        case .inMemory: return MemoryByteStore(name: name)
        case .custom(let provider):
            let own = keepsAllInMemory ? nil : "\(directory)/\(name)"
            return try ProvidedByteStore(
                provider, ByteStoreProvider.Place(task: self.name, store: name, directory: own))
        case .rocksDB:
            if keepsAllInMemory { return MemoryByteStore(name: name) }
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
