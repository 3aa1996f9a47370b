// The rows of a suppression's store:
//
//     0 · key                                              → the change, as in BufferedChange.swift
//     1 · buffer time (Int64, big-endian) · key            → empty: an index of the order in which changes are emitted
//
// The changelog has rows of the first kind only, without the 0.

import MoldauRecords
import MoldauState
import MoldauTopology

/// The held changes of a table, by key and by buffer time.
final class SuppressionBuffer: CacheBackedStore {
    let cache: CachedByteStore
    private let changes: KeyValueStore<[UInt8], BufferedChange>
    private let order: KeyValueStore<BufferedKey, Void>
    /// The place of the change that is emitted next; nil if none is held.
    private var first: BufferedKey?
    private var isResumed = false
    private(set) var count = 0
    private(set) var byteCount = 0

    init(cache: CachedByteStore) {
        self.cache = cache
        changes = KeyValueStore(cache: cache, key: .changeKey, value: BufferedChange.serde)
        order = KeyValueStore(cache: cache, key: BufferedKey.serde, value: .nothing)
    }

    static func definition(_ name: String, kind: StoreKind, _ options: BufferStoreOptions) -> StoreDefinition {
        StoreDefinition(
            name: name, kind: kind, isLogged: options.isLogged, changelogSettings: options.changelogSettings
        ) { store, environment in SuppressionBuffer(cache: try environment.cache(for: store)) }
        .formed(StoreForm(.suppressedChanges, key: nil, value: nil))
    }

    /// The buffer time of the change that is emitted next; nil if none is held.
    func firstTime() throws -> Timestamp? {
        try resume()
        return first?.time
    }

    /// The held change of a key.
    func change(of key: [UInt8]) throws -> BufferedChange? { try changes.get(key) }

    /// Holds a change. A key that already has one keeps its place and its value from before it.
    func put(_ key: [UInt8], _ change: BufferedChange) throws {
        try resume()
        var change = change
        if let waiting = try changes.get(key) {
            change.prior = waiting.prior
            change.bufferTime = waiting.bufferTime
            byteCount -= size(key, waiting)
        } else {
            change.prior = change.old
            count += 1
            let place = BufferedKey(time: change.bufferTime, key: key)
            try order.put(place, ())
            first = first.map { min($0, place) } ?? place
        }
        try changes.put(key, change)
        byteCount += size(key, change)
    }

    /// Removes and returns the change that is emitted next.
    func takeFirst() throws -> (key: [UInt8], change: BufferedChange)? {
        try resume()
        guard let place = first else { return nil }
        try order.put(place, nil)
        // Deleted rows stay in the cache until the commit: continue from here instead of from the start.
        first = try order.range(from: place).next()?.key
        guard let change = try changes.delete(place.key) else { return nil }
        count -= 1
        byteCount -= size(place.key, change)
        return (place.key, change)
    }

    private func size(_ key: [UInt8], _ change: BufferedChange) -> Int { key.count + change.estimatedSize }

    /// After a restart, counts the held changes.
    private func resume() throws {
        if isResumed { return }
        isResumed = true
        let waiting = try changes.prefixScan([BufferedKey.changeTag], serde: .rawBytes)
        while let (key, change) = try waiting.next() {
            count += 1
            byteCount += size(key, change)
        }
        first = try order.prefixScan([BufferedKey.orderTag], serde: .rawBytes).next()?.key
    }

    func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try changes.drainChanges { key, value, timestamp in
            guard key.first == BufferedKey.changeTag else { return }
            try body(UnsafeRawBufferPointer(rebasing: key[1...]), value, timestamp)
        }
    }

    func withRow(
        ofChangelogKey key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws { try ([BufferedKey.changeTag] + key).withUnsafeBytes { try body($0) } }

    func restore(key bytes: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp) throws {
        let key = [UInt8](bytes)
        if let waiting = try changes.get(key) {
            let place = try BufferedKey.serde.bytes(of: BufferedKey(time: waiting.bufferTime, key: key))
            try place.withUnsafeBytes { try cache.restore($0, nil) }
        }
        try withRow(ofChangelogKey: bytes) { try cache.restore($0, value) }
        guard let value else { return }
        let change = try BufferedChange.serde.value(of: [UInt8](value))
        let place = try BufferedKey.serde.bytes(of: BufferedKey(time: change.bufferTime, key: key))
        try place.withUnsafeBytes { place in
            try cache.restore(place, UnsafeRawBufferPointer(start: place.baseAddress, count: 0))
        }
    }
}

/// The place of a held change: by buffer time, then by its key's bytes.
private struct BufferedKey: Comparable {
    static let changeTag: UInt8 = 0
    /// The greater of the two tags: no other rows follow the last place.
    static let orderTag: UInt8 = 1

    let time: Timestamp
    let key: [UInt8]

    static func < (left: BufferedKey, right: BufferedKey) -> Bool {
        left.time == right.time ? left.key.lexicographicallyPrecedes(right.key) : left.time < right.time
    }

    static let serde = Serde<BufferedKey>(
        encode: { place, writer in
            writer.append(byte: orderTag)
            writer.append(bigEndian: place.time.ms)
            writer.append(contentsOf: place.key)
        },
        decode: { bytes in
            try bytes.withUnsafeBytes { buffer in
                var reader = FieldReader(buffer, of: "place of a waiting change")
                guard try reader.number(UInt8.self) == orderTag else {
                    throw reader.malformed("it is not ordered by time")
                }
                return BufferedKey(time: Timestamp(ms: try reader.number()), key: [UInt8](reader.rest))
            }
        })
}

extension Serde where Value == [UInt8] {
    fileprivate static let rawBytes = [UInt8].serde
    fileprivate static let changeKey = Serde(
        encode: { key, writer in
            writer.append(byte: BufferedKey.changeTag)
            writer.append(contentsOf: key)
        },
        decode: { bytes in bytes.withUnsafeBytes { [UInt8]($0.dropFirst()) } })
}

extension Serde where Value == Void {
    fileprivate static let nothing = Serde(encode: { _, _ in }, decode: { _ in })
}
