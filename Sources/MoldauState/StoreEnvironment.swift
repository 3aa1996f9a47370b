/// What the stores of one task share: where their bytes are kept, and the memory budget. Used by the task's thread.
@usableFromInline
package final class StoreEnvironment {
    /// Created when the first store on disk is opened; empty if nothing is kept on disk.
    package let directory: String
    /// The memory that all stores of the process share.
    package let memory: StateMemory
    /// The name of the task, `0_3`.
    package let name: String
    /// Maps a store to its changelog topic, or to the name that it would have: for serdes that are made per topic.
    package var changelogTopic: (_ store: String) -> String = { "\($0)-changelog" }
    /// The topic that a store's data comes from; nil if there is none, or if it is unknown.
    package var origin: (_ store: String) -> StoreOrigin? = { _ in nil }
    /// nil: stores of kind `.rocksDB` are kept in memory.
    private let open: (() throws(StateError) -> any StateStorage)?
    private var storage: (any StateStorage)?

    /// - Parameter rocksDB: the options that RocksDB is opened with; they may differ from one start to the next.
    package init(directory: String, memory: StateMemory, rocksDB: RocksDBOptions = RocksDBOptions()) {
        self.directory = directory
        self.memory = memory
        name = directory.split(separator: "/").last.map(String.init) ?? ""
        open = { () throws(StateError) in try TaskDatabase(directory: directory, memory: memory, settings: rocksDB) }
    }

    /// Keeps nothing on disk: RocksDB stores are in memory. For tests.
    /// - Parameter name: the task's name.
    package init(inMemory memory: StateMemory, name: String = "") {
        directory = ""
        self.memory = memory
        self.name = name
        open = nil
    }

    /// - Parameters:
    ///   - name: the task's name.
    ///   - open: opens a replacement for RocksDB; called when the first store on disk is opened.
    package init(memory: StateMemory, name: String = "", open: @escaping () throws(StateError) -> any StateStorage) {
        directory = ""
        self.memory = memory
        self.name = name
        self.open = open
    }

    /// Opens a store's bytes behind their write-back cache.
    /// - Throws: `StateError`; `.directoryInUse` if another process or task has opened the state.
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

    /// Closes the task's storage and releases its lock. Close the stores first; those still open throw from now on.
    package func close() {
        storage?.close()
        storage = nil
    }
}
