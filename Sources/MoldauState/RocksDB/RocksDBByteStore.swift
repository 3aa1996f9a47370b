// A store in its column family. Keys have a prefix byte that separates the store's metadata from its data:
//
//     00          the metadata, see StoreMetadata
//     01 key …    the value of a key

import CRocksDB
import MoldauRecords

/// Keeps a store's committed data in a column family of the task's database.
final class RocksDBByteStore: ByteStore {
    private static let metadataKey: [UInt8] = [0]
    private static let dataPrefix: UInt8 = 1

    /// From this number of changes on, ingesting a sorted file into RocksDB costs less than a write batch.
    static let ingestThreshold = 10_000

    private let name: String
    private let family: OpaquePointer
    private let database: TaskDatabase
    private var keyBytes = ByteWriter()
    private var metadataBytes = ByteWriter()
    private(set) var metadata: StoreMetadata
    private(set) var mayHoldData: Bool

    init(name: String, family: OpaquePointer, database: TaskDatabase) throws(StateError) {
        self.name = name
        self.family = family
        self.database = database
        metadata = StoreMetadata()
        mayHoldData = false
        // Every write includes the metadata, so a store without metadata was never written to.
        if let held = try Self.readMetadata(name, family, database) {
            metadata = held
            mayHoldData = true
        }
    }

    private static func readMetadata(
        _ name: String, _ family: OpaquePointer, _ database: TaskDatabase
    ) throws(StateError) -> StoreMetadata? {
        let handle = try database.opened(for: name)
        let slice = try database.checked("read the store \(name)") { error in
            metadataKey.withUnsafeBytes { key in
                rocksdb_get_pinned_cf(handle, database.readOptions, family, key.baseAddress, key.count, &error)
            }
        }
        guard let slice else { return nil }
        defer { rocksdb_pinnableslice_destroy(slice) }
        var count = 0
        let start = rocksdb_pinnableslice_value(slice, &count)
        return try StoreMetadata(decoding: UnsafeRawBufferPointer(start: start, count: count), store: name)
    }

    var approximateEntryCount: Int { max(0, property("estimate-num-keys") - 1) }  // One key is the metadata.

    var files: StoreFiles? {
        StoreFiles(
            bytes: property("total-sst-files-size"), memtableBytes: property("size-all-mem-tables"),
            pendingCompactionBytes: property("estimate-pending-compaction-bytes"),
            backgroundErrors: property("background-errors"))
    }

    /// A property that RocksDB keeps of the store, as a number; 0 if it is closed.
    private func property(_ name: String) -> Int {
        guard let handle = try? database.opened(for: self.name) else { return 0 }
        var value: UInt64 = 0
        guard rocksdb_property_int_cf(handle, family, "rocksdb.\(name)", &value) == 0 else { return 0 }
        return Int(clamping: value)
    }

    /// The key with its prefix byte. Valid until the next call.
    private func prefixed(_ key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        keyBytes.removeAll()
        keyBytes.append(byte: Self.dataPrefix)
        keyBytes.append(contentsOf: key)
        return keyBytes.bytes
    }

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(StateError) {
        let handle = try database.opened(for: name)
        let key = prefixed(key)
        let slice = try database.checked("read the store \(name)") { error in
            rocksdb_get_pinned_cf(handle, database.readOptions, family, key.baseAddress, key.count, &error)
        }
        guard let slice else { return body(nil) }
        defer { rocksdb_pinnableslice_destroy(slice) }
        var count = 0
        let start = rocksdb_pinnableslice_value(slice, &count)
        body(UnsafeRawBufferPointer(start: start, count: count))
    }

    func apply(_ changes: UnsafeBufferPointer<SortedEntry>, metadata: StoreMetadata) throws(StateError) {
        metadataBytes.removeAll()
        metadata.encode(into: &metadataBytes)
        if changes.count >= Self.ingestThreshold { try ingest(changes) } else { try writeBatch(changes) }
        self.metadata = metadata
        mayHoldData = true
    }

    private func writeBatch(_ changes: UnsafeBufferPointer<SortedEntry>) throws(StateError) {
        let batch: OpaquePointer = rocksdb_writebatch_create()
        defer { rocksdb_writebatch_destroy(batch) }
        rocksdb_writebatch_put_cf(
            batch, family, Self.metadataKey.map { CChar(bitPattern: $0) }, 1,
            metadataBytes.bytes.bindMemory(to: CChar.self).baseAddress, metadataBytes.count)
        for change in changes {
            let key = prefixed(change.entry.key).bindMemory(to: CChar.self)
            if let value = change.entry.value?.bindMemory(to: CChar.self) {
                rocksdb_writebatch_put_cf(batch, family, key.baseAddress, key.count, value.baseAddress, value.count)
            } else {
                rocksdb_writebatch_delete_cf(batch, family, key.baseAddress, key.count)
            }
        }
        try database.write(batch, store: name)
    }

    private func ingest(_ changes: UnsafeBufferPointer<SortedEntry>) throws(StateError) {
        try database.ingest(into: family, store: name) { writer throws(StateError) in
            let metadata = metadataBytes.bytes
            try database.checked("write a sorted file") { error in
                rocksdb_sstfilewriter_put(
                    writer, Self.metadataKey.map { CChar(bitPattern: $0) }, 1,
                    metadata.bindMemory(to: CChar.self).baseAddress, metadata.count, &error)
            }
            for change in changes {
                let key = prefixed(change.entry.key).bindMemory(to: CChar.self)
                let value = change.entry.value?.bindMemory(to: CChar.self)
                try database.checked("write a sorted file") { error in
                    if let value {
                        rocksdb_sstfilewriter_put(
                            writer, key.baseAddress, key.count, value.baseAddress, value.count, &error)
                    } else {
                        rocksdb_sstfilewriter_delete(writer, key.baseAddress, key.count, &error)
                    }
                }
            }
        }
    }

    func drop(below key: [UInt8]) throws(StateError) {
        try database.drop(from: [Self.dataPrefix], upTo: [Self.dataPrefix] + key, in: family, store: name)
    }

    func cursor(_ range: KeyRange, reverse: Bool) throws(StateError) -> any ByteStoreCursor {
        guard mayHoldData else {
            _ = try database.opened(for: name)
            return EmptyCursor()
        }
        let lower = [Self.dataPrefix] + range.lower
        let upper = range.upper.map { [Self.dataPrefix] + $0 } ?? [Self.dataPrefix + 1]
        return try RocksDBCursor(database, family, store: name, lower: lower, upper: upper, reverse: reverse)
    }

    func flush() throws(StateError) {
        let handle = try database.writable(for: name)
        let options: OpaquePointer = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(options) }
        rocksdb_flushoptions_set_wait(options, 1)
        try database.checked("flush the store \(name)") { error in
            rocksdb_flush_cf(handle, options, family, &error)
        }
    }

    func close() { database.storeClosed(name) }
}

/// An empty cursor: a store that was never written to needs no iterator.
private final class EmptyCursor: ByteStoreCursor {
    var key: UnsafeRawBufferPointer? { nil }
    var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
    func advance() {}
}
