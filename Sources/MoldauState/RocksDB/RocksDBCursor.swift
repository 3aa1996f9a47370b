import CRocksDB

/// A cursor over a column family between two bounds, as of its creation.
final class RocksDBCursor: ByteStoreCursor {
    private let database: TaskDatabase
    private let store: String
    private let reverse: Bool
    private let iterator: OpaquePointer
    private let options: OpaquePointer
    /// RocksDB keeps pointers to the bounds.
    private let bounds: UnsafeMutablePointer<CChar>

    init(
        _ database: TaskDatabase, _ family: OpaquePointer, store: String, lower: [UInt8], upper: [UInt8], reverse: Bool
    ) throws(StateError) {
        let handle = try database.opened(for: store)
        self.database = database
        self.store = store
        self.reverse = reverse
        bounds = .allocate(capacity: lower.count + upper.count)
        for (index, byte) in (lower + upper).enumerated() { bounds[index] = CChar(bitPattern: byte) }
        options = rocksdb_readoptions_create()
        rocksdb_readoptions_set_iterate_lower_bound(options, bounds, lower.count)
        rocksdb_readoptions_set_iterate_upper_bound(options, bounds + lower.count, upper.count)
        iterator = rocksdb_create_iterator_cf(handle, options, family)
        database.iteratorOpened(iterator)
        if reverse { rocksdb_iter_seek_to_last(iterator) } else { rocksdb_iter_seek_to_first(iterator) }
        try check()
    }

    deinit {
        if database.iteratorEnds(iterator) { rocksdb_iter_destroy(iterator) }
        rocksdb_readoptions_destroy(options)
        bounds.deallocate()
    }

    /// The key without its prefix byte.
    var key: UnsafeRawBufferPointer? {
        guard database.isOpen, rocksdb_iter_valid(iterator) != 0 else { return nil }
        var count = 0
        guard let start = rocksdb_iter_key(iterator, &count), count > 0 else { return nil }
        return UnsafeRawBufferPointer(start: start + 1, count: count - 1)
    }

    var value: UnsafeRawBufferPointer {
        var count = 0
        let start = rocksdb_iter_value(iterator, &count)
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    func advance() throws(StateError) {
        _ = try database.opened(for: store)
        guard rocksdb_iter_valid(iterator) != 0 else { return }
        if reverse { rocksdb_iter_prev(iterator) } else { rocksdb_iter_next(iterator) }
        try check()
    }

    private func check() throws(StateError) {
        try database.checked("iterate over the store \(store)") { error in rocksdb_iter_get_error(iterator, &error) }
    }
}
