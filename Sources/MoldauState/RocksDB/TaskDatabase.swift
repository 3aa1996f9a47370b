import CRocksDB
import MoldauRecords

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

#if canImport(Glibc)
    private let openFileLimit = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#else
    private let openFileLimit = RLIMIT_NOFILE
#endif

/// The RocksDB of a task: a column family per store, without a write-ahead log (the changelog takes its place).
///
/// Written data survives a crash once RocksDB has flushed it: when a memtable is full, at `flush`, at `close`. A
/// store's metadata is in the store's own column family, written in the same batch or file as its data. Both are thus
/// in the same memtable or file, so a crash loses both or neither, and the changelog offset never claims more than the
/// data has.
///
/// Used by one thread. RocksDB's lock ensures that only one process opens a directory.
final class TaskDatabase: StateStorage {
    let directory: String
    private let memory: StateMemory
    private let options: OpaquePointer
    private let writeOptions: OpaquePointer
    let readOptions: OpaquePointer
    private var handle: OpaquePointer?
    private var families: [String: OpaquePointer] = [:]
    private var openStores: Set<String> = []
    private var openIterators: Set<OpaquePointer> = []

    /// Whether the last write found no room: RocksDB accepts no further writes until it is resumed.
    private var isFull = false

    static let defaultFamily = "default"

    /// The names of the stores in the database.
    var storeNames: [String] { families.keys.filter { $0 != Self.defaultFamily }.sorted() }

    /// Opens the database in `directory`, or creates it.
    /// - Throws: `StateError.directoryInUse` if it is open elsewhere, `.directoryNotCreated`, `.noSpace`, `.rocksDB`.
    init(directory: String, memory: StateMemory, settings: RocksDBOptions) throws(StateError) {
        self.directory = directory
        self.memory = memory
        try Self.makeDirectory(directory)
        options = Self.makeOptions(memory, settings)
        writeOptions = rocksdb_writeoptions_create()
        rocksdb_writeoptions_disable_WAL(writeOptions, 1)
        readOptions = rocksdb_readoptions_create()
        try open()  // If it throws, `deinit` runs: everything is initialised.
    }

    deinit {
        close()
        rocksdb_readoptions_destroy(readOptions)
        rocksdb_writeoptions_destroy(writeOptions)
        rocksdb_options_destroy(options)
    }

    private static func makeOptions(_ memory: StateMemory, _ settings: RocksDBOptions) -> OpaquePointer {
        let table: OpaquePointer = rocksdb_block_based_options_create()
        rocksdb_block_based_options_set_block_cache(table, memory.blockCache)
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1)
        rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1)
        rocksdb_block_based_options_set_block_size(table, settings.boundedBlockBytes)
        if settings.bloomBitsPerKey > 0 {
            let filter = rocksdb_filterpolicy_create_bloom_full(settings.bloomBitsPerKey)
            rocksdb_block_based_options_set_filter_policy(table, filter)
        }
        rocksdb_block_based_options_set_format_version(table, 5)
        let options: OpaquePointer = rocksdb_options_create()
        rocksdb_options_set_block_based_table_factory(options, table)
        rocksdb_block_based_options_destroy(table)
        rocksdb_options_set_create_if_missing(options, 1)
        rocksdb_options_set_write_buffer_size(options, min(16 << 20, max(64 << 10, memory.writeBufferBytes / 2)))
        rocksdb_options_set_max_write_buffer_number(options, 2)
        rocksdb_options_set_max_open_files(options, boundedOpenFiles(settings))
        if let compression = settings.compression {
            rocksdb_options_set_compression(options, compression.rawValue)
        }
        rocksdb_options_set_keep_log_file_num(options, 2)
        rocksdb_options_set_info_log_level(options, 2)  // Warnings and worse.
        moldau_options_set_write_buffer_manager(options, memory.writeBuffers)
        // `close` flushes itself, if there is room.
        moldau_options_set_avoid_flush_during_shutdown(options)
        return options
    }

    /// A single task must not use up the process's file descriptors.
    private static func boundedOpenFiles(_ settings: RocksDBOptions) -> Int32 {
        var limit = rlimit()
        guard getrlimit(openFileLimit, &limit) == 0 else { return settings.maxOpenFiles }
        return min(settings.maxOpenFiles, max(20, Int32(clamping: limit.rlim_cur / 16)))
    }

    private func open() throws(StateError) {
        try checkRoom(for: Self.reserveBytes)
        let names = existingFamilies()
        var handles = [OpaquePointer?](repeating: nil, count: names.count)
        let cNames = names.map { strdup($0) }
        defer { for name in cNames { free(name) } }
        let pointers = cNames.map { UnsafePointer($0) }
        let familyOptions = [OpaquePointer?](repeating: options, count: names.count)
        handle = try checked("open the state") { error in
            rocksdb_open_column_families(
                options, directory, Int32(names.count), pointers, familyOptions, &handles, &error)
        }
        for (name, family) in zip(names, handles) { families[name] = family }
        unlink(ingestPath)  // Left by a crash between writing and ingesting.
    }

    /// The column families of an existing database; for a new one, just the default family, which RocksDB requires.
    private func existingFamilies() -> [String] {
        var count = 0
        var error: UnsafeMutablePointer<CChar>?
        let list = rocksdb_list_column_families(options, directory, &count, &error)
        defer { if let list { rocksdb_list_column_families_destroy(list, count) } }  // Set even on errors.
        guard let list, error == nil else {
            rocksdb_free(error)
            return [Self.defaultFamily]
        }
        return (0..<count).compactMap { list[$0].map { String(cString: $0) } }
    }

    /// The byte store with that name; created if it does not exist.
    /// - Throws: `StateError.nameTaken` if it is open already.
    func store(named name: String) throws(StateError) -> RocksDBByteStore {
        let database = try opened(for: name)
        guard name != Self.defaultFamily, !name.isEmpty else { throw .nameReserved(store: name) }
        guard !openStores.contains(name) else { throw .nameTaken(store: name) }
        let family: OpaquePointer
        if let existing = families[name] {
            family = existing
        } else {
            family = try checked("create the store \(name)") { error in
                rocksdb_create_column_family(database, options, name, &error)
            }
            families[name] = family
        }
        let store = try RocksDBByteStore(name: name, family: family, database: self)
        openStores.insert(name)
        return store
    }

    func byteStore(named name: String) throws(StateError) -> any ByteStore { try store(named: name) }

    func storeClosed(_ name: String) { openStores.remove(name) }

    /// Flushes and closes. Open iterators become invalid; stores throw `StateError.closed` from now on.
    func close() {
        guard let database = handle else { return }
        for iterator in openIterators { rocksdb_iter_destroy(iterator) }
        openIterators.removeAll()
        flushAll()
        for family in families.values { rocksdb_column_family_handle_destroy(family) }
        families.removeAll()
        rocksdb_close(database)
        handle = nil
    }

    var isOpen: Bool { handle != nil }

    /// RocksDB's handle, for a call on behalf of `store`.
    func opened(for store: String) throws(StateError) -> OpaquePointer {
        guard let handle else { throw .closed(store: store) }
        return handle
    }

    /// The space that must be free besides that for the memtables, for files that RocksDB writes by itself.
    private static let reserveBytes = 256 << 10

    /// If RocksDB finds the disk full in the middle of a file, it stops writing for good, and some builds of it end the
    /// process.
    /// - Throws: `StateError.noSpace` if there is no room.
    private func checkRoom(for needed: Int) throws(StateError) {
        if let free = DiskSpace(at: directory)?.freeBytes, free < needed {
            throw .noSpace(place: directory, message: "\(free) bytes are free, and \(needed) may be needed")
        }
    }

    /// RocksDB's handle, for a write on behalf of `store`. Checks first that there is room for all memtables.
    /// - Throws: `StateError.noSpace` if there is no room.
    func writable(for store: String) throws(StateError) -> OpaquePointer {
        let database = try opened(for: store)
        try checkRoom(for: memory.usage.writeBufferBytes + Self.reserveBytes)
        guard isFull else { return database }
        isFull = false
        try checked("resume writing") { error in moldau_resume(database, &error) }
        return database
    }

    /// Writes a batch, without the write-ahead log.
    func write(_ batch: OpaquePointer, store: String) throws(StateError) {
        let database = try writable(for: store)
        try checked("write the store \(store)") { error in
            rocksdb_write(database, writeOptions, batch, &error)
        }
    }

    /// Deletes a range of keys with one entry, and at once the files that contain nothing else.
    func drop(from lower: [UInt8], upTo upper: [UInt8], in family: OpaquePointer, store: String) throws(StateError) {
        let database = try writable(for: store)
        let (first, end) = (lower.map { CChar(bitPattern: $0) }, upper.map { CChar(bitPattern: $0) })
        try checked("drop a part of the store \(store)") { error in
            rocksdb_delete_range_cf(database, writeOptions, family, first, first.count, end, end.count, &error)
        }
        try checked("drop files of the store \(store)") { error in
            rocksdb_delete_file_in_range_cf(database, family, first, first.count, end, end.count, &error)
        }
    }

    /// Where a sorted file is written before RocksDB ingests it.
    private var ingestPath: String { directory + "/ingest.tmp" }

    /// Lets `fill` write a sorted file, and ingests it into RocksDB atomically.
    func ingest(
        into family: OpaquePointer, store: String, fill: (OpaquePointer) throws(StateError) -> Void
    ) throws(StateError) {
        let database = try writable(for: store)
        // If there is no space, an incomplete file must not take up even more.
        defer { unlink(ingestPath) }
        let environment: OpaquePointer = rocksdb_envoptions_create()
        defer { rocksdb_envoptions_destroy(environment) }
        let writer: OpaquePointer = rocksdb_sstfilewriter_create(environment, options)
        defer { rocksdb_sstfilewriter_destroy(writer) }
        try checked("create a sorted file") { error in rocksdb_sstfilewriter_open(writer, ingestPath, &error) }
        try fill(writer)
        try checked("finish a sorted file") { error in rocksdb_sstfilewriter_finish(writer, &error) }
        let ingestOptions: OpaquePointer = rocksdb_ingestexternalfileoptions_create()
        defer { rocksdb_ingestexternalfileoptions_destroy(ingestOptions) }
        rocksdb_ingestexternalfileoptions_set_move_files(ingestOptions, 1)
        try checked("ingest into the store \(store)") { error in
            ingestPath.withCString { path in
                var paths: UnsafePointer<CChar>? = path
                rocksdb_ingest_external_file_cf(database, family, &paths, 1, ingestOptions, &error)
            }
        }
    }

    /// Tracks open iterators, which must be destroyed before the database.
    func iteratorOpened(_ iterator: OpaquePointer) { openIterators.insert(iterator) }

    /// - Returns: whether the iterator was still open, so that the caller must destroy it.
    func iteratorEnds(_ iterator: OpaquePointer) -> Bool { openIterators.remove(iterator) != nil }

    /// Calls RocksDB and throws if it sets `error`. `operation` is evaluated only then.
    func checked<Result>(
        _ operation: @autoclosure () -> String, _ call: (inout UnsafeMutablePointer<CChar>?) -> Result
    ) throws(StateError) -> Result {
        var error: UnsafeMutablePointer<CChar>?
        let result = call(&error)
        guard let error else { return result }
        let message = String(cString: error)
        rocksdb_free(error)
        // If the lock file cannot even be opened, it is unknown whether another process holds the lock.
        if message.contains("/LOCK"), !message.contains("open a file for lock") {
            throw .directoryInUse(path: directory, message: message)
        }
        if message.contains("No space left on device") {
            isFull = true
            throw .noSpace(place: directory, message: message)
        }
        throw .rocksDB(operation: operation(), path: directory, message: message)
    }

    /// Saves what was written, if there is space; the rest is restored from the changelogs.
    private func flushAll() {
        let options: OpaquePointer = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(options) }
        for (name, family) in families.sorted(on: \.key) {
            guard let database = try? writable(for: name) else { return }
            var error: UnsafeMutablePointer<CChar>?
            rocksdb_flush_cf(database, options, family, &error)
            rocksdb_free(error)
        }
    }

    /// Creates a directory and its parents.
    static func makeDirectory(_ path: String) throws(StateError) {
        for end in path.indices.dropFirst() where path[end] == "/" { mkdir(String(path[..<end]), 0o700) }
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        if errno == ENOSPC { throw .noSpace(place: path, message: "the directory could not be created") }
        throw .directoryNotCreated(path: path, code: errno)
    }
}
