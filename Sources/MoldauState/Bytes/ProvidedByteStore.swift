// Adapts a custom byte store to the cache. As in RocksDB, keys have a prefix byte that separates the store's metadata
// from its data: 00 is the metadata, 01 key … the value of a key.

import MoldauRecords

/// Keeps a store's committed data in a custom byte store.
final class ProvidedByteStore: ByteStore {
    private static let metadataKey: [UInt8] = [0]
    private static let dataPrefix: UInt8 = 1

    private let name: String
    private let store: any CustomByteStore
    private var isClosed = false
    private(set) var metadata = StoreMetadata()
    private(set) var mayHoldData = false

    init(_ provider: ByteStoreProvider, _ place: ByteStoreProvider.Place) throws(StateError) {
        name = place.store
        store = try Self.attempt(place.store, "open") { try provider.open(place) }
        guard let held = try attempt("read", { try store.get(Self.metadataKey) }) else { return }
        let result = held.withUnsafeBytes { bytes in
            Result { () throws(StateError) in try StoreMetadata(decoding: bytes, store: name) }
        }
        metadata = try result.get()
        mayHoldData = true
    }

    var approximateEntryCount: Int { max(0, store.approximateEntryCount - (mayHoldData ? 1 : 0)) }

    func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void) throws(StateError) {
        guard let value = try attempt("read", { try store.get(Self.dataKey(key)) }) else { return body(nil) }
        value.withUnsafeBytes { body($0) }
    }

    func apply(_ changes: UnsafeBufferPointer<SortedEntry>, metadata: StoreMetadata) throws(StateError) {
        var writer = ByteWriter()
        metadata.encode(into: &writer)
        var all: [(key: [UInt8], value: [UInt8]?)] = [(Self.metadataKey, Array(writer.bytes))]
        all += changes.map { (Self.dataKey($0.entry.key), $0.entry.value.map { Array($0) }) }
        try attempt("write") { try store.write(all) }
        self.metadata = metadata
        mayHoldData = true
    }

    func drop(below key: [UInt8]) throws(StateError) {
        try attempt("write") {
            let next = try store.range(from: [Self.dataPrefix], upTo: [Self.dataPrefix] + key, reversed: false)
            var outdated: [(key: [UInt8], value: [UInt8]?)] = []
            while let entry = try next() { outdated.append((entry.key, nil)) }
            if !outdated.isEmpty { try store.write(outdated) }
        }
    }

    func cursor(_ range: KeyRange, reverse: Bool) throws(StateError) -> any ByteStoreCursor {
        let upper = range.upper.map { [Self.dataPrefix] + $0 } ?? [Self.dataPrefix + 1]
        let next = try attempt("read") {
            try store.range(from: [Self.dataPrefix] + range.lower, upTo: upper, reversed: reverse)
        }
        return try ProvidedCursor { [name] () throws(StateError) in
            let entry = try self.attempt("read", next)
            if entry?.key.isEmpty == true { throw .damaged(store: name, reason: "it returned an empty key") }
            return entry
        }
    }

    func flush() throws(StateError) { try attempt("flush") { try store.flush() } }

    func close() {
        if !isClosed { store.close() }
        isClosed = true
    }

    private static func dataKey(_ key: UnsafeRawBufferPointer) -> [UInt8] { [dataPrefix] + key }

    private func attempt<Answer>(_ operation: String, _ body: () throws -> Answer) throws(StateError) -> Answer {
        if isClosed { throw .closed(store: name) }
        return try Self.attempt(name, operation, body)
    }

    private static func attempt<Answer>(
        _ store: String, _ operation: String, _ body: () throws -> Answer
    ) throws(StateError) -> Answer {
        do { return try body() } catch {
            // A full disk is the only error that the thread waits out.
            if case .noSpace(let place, let message)? = error as? StateError {
                throw .noSpace(place: place, message: message)
            }
            throw .customStore(store: store, operation: operation, message: "\(error)")
        }
    }
}

/// A cursor over a custom store. Holds a copy of the current entry.
private final class ProvidedCursor: ByteStoreCursor {
    typealias Entry = (key: [UInt8], value: [UInt8])

    private let next: () throws(StateError) -> Entry?
    /// The entry's bytes, key before value; the prefix byte is hidden.
    private var bytes: UnsafeMutableRawBufferPointer?
    private var keyCount = 0

    init(_ next: @escaping () throws(StateError) -> Entry?) throws(StateError) {
        self.next = next
        try advance()
    }

    deinit { bytes?.deallocate() }

    var key: UnsafeRawBufferPointer? { bytes.map { UnsafeRawBufferPointer(rebasing: $0[1..<keyCount]) } }

    var value: UnsafeRawBufferPointer {
        guard let bytes else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: bytes[keyCount...])
    }

    func advance() throws(StateError) {
        let entry = try next()
        bytes?.deallocate()
        bytes = entry.map { entry in
            let copy = UnsafeMutableRawBufferPointer.allocate(
                byteCount: entry.key.count + entry.value.count, alignment: 1)
            copy.copyBytes(from: entry.key)
            UnsafeMutableRawBufferPointer(rebasing: copy[entry.key.count...]).copyBytes(from: entry.value)
            return copy
        }
        keyCount = entry?.key.count ?? 0
    }
}
