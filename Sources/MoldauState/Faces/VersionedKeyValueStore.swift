// All versions of a key are kept in one store (KIP-889), in the cache's key space:
//   the latest version:  length of key (UInt32) · key              → valid from (Int64) · 1 · value, or valid from · 0
//   an older version:    length of key (UInt32) · key · valid from → 1 · value, or 0 for a deletion
// Numbers are big-endian, so that the older versions of a key follow its latest one in the order of time. The changelog
// has the same records as Kafka Streams': one per version, with the version's time as the record's timestamp.

import MoldauRecords

/// A value that is valid from a time on.
public struct VersionedRecord<Value> {
    /// The value of this version.
    public let value: Value
    /// When the version became valid.
    public let timestamp: Timestamp
    /// When the next version begins; nil for the key's latest one.
    public let validTo: Timestamp?
}

extension VersionedRecord: Sendable where Value: Sendable {}
extension VersionedRecord: Equatable where Value: Equatable {}

/// The result of putting a version into a versioned store.
public enum VersionedPutResult: Hashable, Sendable {
    /// It is now the key's latest version.
    case latest
    /// It is part of the history: a later version begins at that time.
    case history(validTo: Timestamp)
    /// It is older than the retention and was not stored.
    case refused
}

/// Values by key and time: returns a key's value as of a time in the recent past.
///
/// Versions that are older than `historyRetention` before the greatest time seen are refused, and are deleted from a
/// key when it is next written. Reading the latest version costs one look-up; older ones take a short scan.
public final class VersionedKeyValueStore<Key, Value>: CacheBackedStore {
    @usableFromInline package let cache: CachedByteStore
    private let keySerde: Serde<Key>
    private let valueSerde: Serde<Value>
    private let historyRetentionMs: Int64
    private var observedTimeMs: Int64 { cache.metadata.streamTime }
    /// Nothing older than this is written or found.
    private var historyBeginMs: Int64 { observedTimeMs.subtractingCapped(historyRetentionMs) }
    private var prefix = ByteWriter()
    private var version = ByteWriter()
    private var row = ByteWriter()

    package init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>, historyRetention: Duration) {
        self.cache = cache
        keySerde = key.at(cache.topic, .key)
        valueSerde = value.at(cache.topic, .value)
        historyRetentionMs = historyRetention.milliseconds
    }

    private func observe(_ time: Timestamp) {
        if time.ms > observedTimeMs { cache.metadata.streamTime = time.ms }
    }

    /// The key's latest version; nil if it has none or was deleted.
    public func get(_ key: Key) throws -> VersionedRecord<Value>? {
        try write(key)
        return try latest()?.decoded(by: valueSerde, validTo: nil, of: name)
    }

    /// The version that was valid at `time`; nil if there was none, or if it is older than the retention and not the
    /// latest one.
    public func get(_ key: Key, asOf time: Timestamp) throws -> VersionedRecord<Value>? {
        try write(key)
        guard let latest = try latest() else { return nil }
        if latest.validFromMs <= time.ms { return try latest.decoded(by: valueSerde, validTo: nil, of: name) }
        guard time.ms >= historyBeginMs, let version = try olderVersion(atOrBefore: time.ms) else { return nil }
        let next = try firstVersion(after: time.ms, before: latest.validFromMs) ?? latest
        return try version.decoded(by: valueSerde, validTo: Timestamp(ms: next.validFromMs), of: name)
    }

    /// Puts a version that is valid from `time` until the next one; nil deletes the key from then on.
    @discardableResult
    public func put(_ key: Key, _ value: Value?, at time: Timestamp) throws -> VersionedPutResult {
        try write(key)
        row.removeAll()
        let isDeletion = value.map { valueSerde.isNull($0) } ?? true
        row.append(byte: isDeletion ? 0 : 1)
        if let value, !isDeletion { try valueSerde.encode(value, &row) }
        observe(time)
        guard time.ms >= historyBeginMs else { return .refused }
        return try put(atMs: time.ms) { [cache] key, value in try cache.put(key, value) }
    }

    // MARK: Versions

    /// A stored version, copied out of the cache.
    private struct Version {
        let validFromMs: Int64
        /// 1 and the value's bytes; or 0 for a deletion.
        let bytes: [UInt8]

        func decoded(
            by serde: Serde<Value>, validTo: Timestamp?, of store: String
        ) throws -> VersionedRecord<Value>? {
            guard bytes.first == 1 else { return nil }
            do {
                let value = try bytes.withUnsafeBytes { try serde.decode(UnsafeRawBufferPointer(rebasing: $0[1...])) }
                return VersionedRecord(value: value, timestamp: Timestamp(ms: validFromMs), validTo: validTo)
            } catch {
                throw unreadable(error, in: store)
            }
        }
    }

    private typealias Write = (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws -> Void

    private func write(_ key: Key) throws {
        if keySerde.isNull(key) { throw StateError.nullKey(store: cache.name) }
        prefix.removeAll()
        prefix.append(bigEndian: UInt32(0))
        try keySerde.encode(key, &prefix)
        prefix.replaceLength()
    }

    private func latest() throws -> Version? {
        guard let stored = try cache.get(prefix.bytes) else { return nil }
        guard let (validFrom, version) = splitTime(stored), !version.isEmpty else {
            throw damaged("a latest version has \(stored.count) bytes")
        }
        return Version(validFromMs: validFrom.ms, bytes: Array(version))
    }

    private func damaged(_ reason: String) -> StateError { .damaged(store: cache.name, reason: reason) }

    /// The stored key of an older version.
    private func versionKey(_ validFromMs: Int64) -> [UInt8] {
        version.removeAll()
        version.append(contentsOf: prefix.bytes)
        version.append(bigEndian: validFromMs)
        return Array(version.bytes)
    }

    private func olderVersion(atOrBefore ms: Int64) throws -> Version? {
        try firstVersion(from: 0, through: ms, reverse: true)
    }

    /// The oldest version between two times, both excluded.
    private func firstVersion(after earlier: Int64, before later: Int64) throws -> Version? {
        try firstVersion(from: earlier.addingCapped(1), through: later.subtractingCapped(1), reverse: false)
    }

    private func firstVersion(from first: Int64, through last: Int64, reverse: Bool) throws -> Version? {
        guard first <= last else { return nil }
        let cursor = try cache.scan(KeyRange(from: versionKey(first), through: versionKey(last)), reverse: reverse)
        guard try cursor.next() else { return nil }
        // Between two versions of a key there are only keys of the same length, unless the store is damaged.
        guard cursor.key.count == prefix.count + timestampBytes else {
            throw damaged("the key of a version has \(cursor.key.count) bytes, not \(prefix.count + timestampBytes)")
        }
        return Version(validFromMs: cursor.key.bigEndian(at: prefix.count), bytes: Array(cursor.value))
    }

    /// Puts the version in `row`; its key is in `prefix`.
    private func put(atMs ms: Int64, _ write: Write) throws -> VersionedPutResult {
        let latest = try latest()
        guard let latest, latest.validFromMs > ms else {
            if let latest, latest.validFromMs < ms { try keep(latest, write) }
            try writeLatest(ms, write)
            try prune(write)
            return .latest
        }
        let next = try firstVersion(after: ms, before: latest.validFromMs)
        try versionKey(ms).withUnsafeBytes { try write($0, row.bytes) }
        return .history(validTo: Timestamp(ms: next?.validFromMs ?? latest.validFromMs))
    }

    private func keep(_ older: Version, _ write: Write) throws {
        try versionKey(older.validFromMs).withUnsafeBytes { key in
            try older.bytes.withUnsafeBytes { try write(key, $0) }
        }
    }

    private func writeLatest(_ ms: Int64, _ write: Write) throws {
        version.removeAll()
        version.append(bigEndian: ms)
        version.append(contentsOf: row.bytes)
        try write(prefix.bytes, version.bytes)
    }

    /// Deletes the key's versions that no look-up can reach any more: all before the one that was valid at the start of
    /// the retention.
    private func prune(_ write: Write) throws {
        guard let oldestNeeded = try olderVersion(atOrBefore: historyBeginMs) else { return }
        while let old = try firstVersion(after: -1, before: oldestNeeded.validFromMs) {
            try versionKey(old.validFromMs).withUnsafeBytes { try write($0, nil) }
        }
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        // A key's latest version is passed on last: compaction keeps the last record of a key.
        var latest: [(key: [UInt8], value: [UInt8]?, timestamp: Timestamp)] = []
        try cache.drainChanges { stored, value in
            // Deleted versions need no record: a restore deletes them too.
            guard let value else { return }
            guard let row = VersionedRow(stored) else {
                throw damaged("a key of \(stored.count) bytes does not have its stated length")
            }
            if let time = row.time { return try body(row.key, Self.content(of: value), time) }
            let (time, version) = try splitTime(value, of: cache.name)
            latest.append((Array(row.key), Self.content(of: version).map { Array($0) }, time))
        }
        for (key, value, timestamp) in latest {
            try key.withUnsafeBytes { key in
                guard let value else { return try body(key, nil, timestamp) }
                try value.withUnsafeBytes { try body(key, $0, timestamp) }
            }
        }
    }

    /// The value's bytes; nil for a deletion.
    private static func content(of version: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        version.first == 1 ? UnsafeRawBufferPointer(rebasing: version.dropFirst()) : nil
    }

    /// Deletions are rows.
    @usableFromInline package func withRow(
        ofChangelogKey key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {}

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        prefix.removeAll()
        prefix.append(bigEndian: UInt32(key.count))
        prefix.append(contentsOf: key)
        row.removeAll()
        row.append(byte: value == nil ? 0 : 1)
        if let value { row.append(contentsOf: value) }
        // The order of records differs from the order in which versions were put: what was accepted then must be
        // accepted now.
        observe(timestamp)
        _ = try put(atMs: timestamp.ms) { [cache] key, value in try cache.restore(key, value) }
    }
}

private let lengthBytes = MemoryLayout<UInt32>.size

/// The parts of the stored key of a version.
struct VersionedRow {
    /// The key without its length.
    let key: UnsafeRawBufferPointer
    /// When an older version became valid; nil for the key's latest one, which the older ones follow.
    let time: Timestamp?

    /// nil if it does not have the length that it states.
    init?(_ stored: UnsafeRawBufferPointer) {
        guard stored.count >= lengthBytes else { return nil }
        let end = lengthBytes + Int(stored.bigEndian(at: 0) as UInt32)
        guard end == stored.count || end + timestampBytes == stored.count else { return nil }
        key = UnsafeRawBufferPointer(rebasing: stored[lengthBytes..<end])
        time = end == stored.count ? nil : Timestamp(ms: stored.bigEndian(at: end))
    }

    /// Whether it is the row of an older version.
    static func isOlder(_ stored: [UInt8]) -> Bool { stored.withUnsafeBytes { VersionedRow($0)?.time != nil } }
}

extension ByteWriter {
    /// Puts the number of bytes after the first four into those four.
    fileprivate mutating func replaceLength() {
        let length = UInt32(count - lengthBytes)
        let key = Array(bytes[lengthBytes...])
        removeAll()
        append(bigEndian: length)
        append(contentsOf: key)
    }
}
