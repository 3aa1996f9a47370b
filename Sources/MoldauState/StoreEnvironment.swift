/// What the stores of one task share: where they keep their bytes, and the memory budget. Used by the task's thread.
public final class StoreEnvironment {
    /// Made when the first store on disk is opened; empty where there is none.
    public let directory: String
    public let memory: StateMemory
    /// The name of the task, `0_3`.
    public let name: String
    /// The changelog topic of a store, whether it has one or not: what serdes are told that are made per topic.
    package var changelogTopic: (_ store: String) -> String = { "\($0)-changelog" }
    /// The topic that leads to a store's data; nil where none does, or that is not known.
    package var origin: (_ store: String) -> StoreOrigin? = { _ in nil }
    /// nil: what would be on disk is in memory.
    private let open: (() throws(StateError) -> any StateStorage)?
    private var storage: (any StateStorage)?

    /// - Parameter rocksDB: what RocksDB is opened with; may differ from one opening to the next.
    public init(directory: String, memory: StateMemory, rocksDB: RocksDBOptions = RocksDBOptions()) {
        self.directory = directory
        self.memory = memory
        name = directory.split(separator: "/").last.map(String.init) ?? ""
        open = { () throws(StateError) in try TaskDatabase(directory: directory, memory: memory, settings: rocksDB) }
    }

    /// Nothing on disk: stores of RocksDB are in memory. For tests.
    /// - Parameter name: of the task.
    public init(inMemory memory: StateMemory, name: String = "") {
        directory = ""
        self.memory = memory
        self.name = name
        open = nil
    }

    /// - Parameters:
    ///   - name: of the task.
    ///   - open: opens what takes RocksDB's place; called when the first store on disk is opened.
    package init(memory: StateMemory, name: String = "", open: @escaping () throws(StateError) -> any StateStorage) {
        directory = ""
        self.memory = memory
        self.name = name
        self.open = open
    }

    /// The bytes of a store behind their write-back cache.
    /// - Throws: `StateError`; `.directoryInUse` where another process or task has the state open.
    @usableFromInline package func cache(for store: StoreDefinition) throws(StateError) -> CachedByteStore {
        let cache = CachedByteStore(
            name: store.name, isLogged: store.isLogged, byteStore: try byteStore(store.name, store.kind),
            memory: memory, topic: changelogTopic(store.name))
        do {
            try cache.take(store.form, from: origin(store.name), in: directory)
        } catch {
            cache.leave()
            throw error
        }
        return cache
    }

    private func byteStore(_ name: String, _ kind: StoreKind) throws(StateError) -> any ByteStore {
        switch kind {
        case .inMemory: return MemoryByteStore(name: name)
        case .custom(let provider):
            let own = directory.isEmpty ? nil : "\(directory)/\(name)"
            return try ProvidedByteStore(
                provider, ByteStoreProvider.Place(task: self.name, store: name, directory: own))
        case .rocksDB:
            guard let open else { return MemoryByteStore(name: name) }
            if let storage { return try storage.byteStore(named: name) }
            let opened = try open()
            storage = opened
            return try opened.byteStore(named: name)
        }
    }

    /// Closes the task's storage and gives up its lock. Close the stores first; those still open throw from now on.
    public func close() {
        storage?.close()
        storage = nil
    }
}
