import MoldauRecords

/// A map from keys and window starts to values that expire when their window is long past. Used by the task's
/// processors, on its thread.
///
/// Stream time is the greatest start that was put. Entries older than the retention are not found any more, and a write
/// that is too late is refused (counted as `expired`). Entries are ordered by key, then time, within time segments;
/// across several keys there is no overall order.
public final class WindowStore<Key, Value>: SegmentBackedStore {
    @usableFromInline package let segments: SegmentedStore
    @usableFromInline package var cache: CachedByteStore { segments.cache }
    /// The length of each window.
    public let size: Duration
    /// Whether each put adds an entry, instead of replacing the one with the same key and time.
    public let retainsDuplicates: Bool
    @usableFromInline let codec: EntryCodec<Key, Value>
    /// The number of the last duplicate: stored with the metadata, and found again in restored records. For stores that
    /// did not keep it, no number is greater than the changelog's offset, as each duplicate took one.
    @usableFromInline var sequence: Int32 {
        get { cache.metadata.lastDuplicate }
        set { cache.metadata.lastDuplicate = newValue }
    }

    package init(
        segments: SegmentedStore, key: Serde<Key>, value: Serde<Value>, size: Duration, retainsDuplicates: Bool
    ) {
        self.segments = segments
        self.size = size
        self.retainsDuplicates = retainsDuplicates
        codec = EntryCodec(segments.cache, key: key, value: value)
        if retainsDuplicates, sequence == 0 {
            sequence = Int32(truncatingIfNeeded: segments.cache.metadata.changelogOffset?.value ?? 0) & .max
        }
    }

    /// Sets the value of a key's window, or deletes it (nil). If duplicates are retained, adds a value; nil is then a
    /// no-op.
    /// - Parameters:
    ///   - key: the key of the window.
    ///   - value: the value to set; nil deletes.
    ///   - start: not negative.
    /// - Returns: false if the window has expired, so that nothing was written.
    /// - Throws: `NegativeWindowTime` for a time before 1970; `StateError`; errors of the serdes.
    @inlinable @discardableResult
    public func put(_ key: Key, _ value: Value?, at start: Timestamp) throws -> Bool {
        let value = try codec.bytes(of: value)
        if retainsDuplicates, value == nil { return try segments.admitsNothing(at: start.ms) }
        guard try segments.admits(start.ms) else { return false }
        if retainsDuplicates { sequence = (sequence &+ 1) & .max }
        try cache.put(try bytes(of: key, start), value)
        return true
    }

    /// The value of the key's window that begins at `start`; nil if it has none, or if the window has expired.
    @inlinable public func fetch(_ key: Key, at start: Timestamp) throws -> Value? {
        guard segments.isReadable(start.ms) else { return nil }
        return try codec.decode(try cache.get(try bytes(of: key, start)))
    }

    /// Reads a window and sets it to the result of `body`, with one look-up; nil deletes it, or leaves it absent.
    /// `body` may use the store for other keys and windows. If it throws, nothing is written. If the window has
    /// expired, `body` gets nil and its result is dropped.
    /// - Throws: `NegativeWindowTime` for a time before 1970; `StateError`; errors of the serdes and of `body`.
    @inlinable @discardableResult
    public func update(
        _ key: Key, at start: Timestamp, _ body: (Value?) throws -> Value?
    ) throws -> (old: Value?, new: Value?) {
        guard segments.isReadable(start.ms) else {
            let new = try body(nil)
            try put(key, new, at: start)
            return (nil, new)
        }
        let update = try cache.beginUpdate(try bytes(of: key, start))
        defer { cache.endUpdate() }
        let old = try codec.decode(update.value)
        let new = try body(old)
        let value = try codec.bytes(of: new)
        if try segments.admits(start.ms), value != nil || update.value != nil { cache.write(value, in: update) }
        return (old, new)
    }

    /// A key's windows that begin in a time span, both ends included; oldest first.
    public func fetch(
        _ key: Key, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> { try iterate(.one(try keyBytes(key)), from, to, reverse: false) }

    /// Like `fetch`, newest first.
    public func reverseFetch(
        _ key: Key, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> { try iterate(.one(try keyBytes(key)), from, to, reverse: true) }

    /// The windows of a range of keys that begin in a time span, all ends included; nil means no bound.
    public func fetch(
        keysFrom first: Key?, through last: Key?, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> { try iterate(try keys(first, last), from, to, reverse: false) }

    /// Like `fetch` of several keys, in reverse.
    public func reverseFetch(
        keysFrom first: Key?, through last: Key?, from: Timestamp, to: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> { try iterate(try keys(first, last), from, to, reverse: true) }

    /// All windows that have not expired.
    public func all() throws -> StoreIterator<Windowed<Key>, Value> {
        try fetch(keysFrom: nil, through: nil, from: Timestamp(ms: 0), to: Timestamp(ms: .max))
    }

    /// All windows that have not expired, in reverse.
    public func reverseAll() throws -> StoreIterator<Windowed<Key>, Value> {
        try reverseFetch(keysFrom: nil, through: nil, from: Timestamp(ms: 0), to: Timestamp(ms: .max))
    }

    private func iterate(
        _ keys: WindowKeys, _ from: Timestamp, _ to: Timestamp, reverse: Bool
    ) throws -> StoreIterator<Windowed<Key>, Value> {
        let times = min(from.ms, to.ms)...to.ms
        let entries = segments.entries(keys, in: from > to ? -1...(-1) : times, reverse: reverse)
        return StoreIterator(
            entries, of: name, key: Windowed.windowStoreSerde(of: codec.key, size: size), value: codec.value)
    }

    private func keys(_ first: Key?, _ last: Key?) throws -> WindowKeys {
        .range(from: try first.map { try keyBytes($0) }, through: try last.map { try keyBytes($0) })
    }

    // MARK: Bytes

    private func keyBytes(_ key: Key) throws -> [UInt8] { Array(try codec.bytes(of: key)) }

    /// The window's key in the store. Valid until the next key is encoded.
    @inlinable func bytes(of key: Key, _ start: Timestamp) throws -> UnsafeRawBufferPointer {
        try codec.bytes(of: key) {
            $0.append(bigEndian: segments.bucket(of: start.ms))
        } behind: {
            $0.append(bigEndian: start.ms)
            $0.append(bigEndian: retainsDuplicates ? sequence : 0)
        }
    }

    /// Like `bytes(of:_:)`, for a key that is encoded already; in a store without duplicates.
    func bytes(ofEncoded key: UnsafeRawBufferPointer, _ startMs: Int64) -> UnsafeRawBufferPointer {
        codec.keyWriter.pointee.removeAll()
        codec.keyWriter.pointee.append(bigEndian: segments.bucket(of: startMs))
        codec.keyWriter.pointee.append(contentsOf: key)
        codec.keyWriter.pointee.append(bigEndian: startMs)
        codec.keyWriter.pointee.append(bigEndian: Int32(0))
        return codec.keyWriter.pointee.bytes
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    /// The timestamps are the windows' starts.
    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try segments.drainChanges { key, value, start in try body(key, value, start) }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try segments.restore(key, value, &codec.keyWriter.pointee)
        guard retainsDuplicates else { return }
        // The length was checked when the time before it was read.
        sequence = max(
            sequence, key.bigEndian(at: key.count - 4) & .max)
    }
}

extension Windowed {
    /// The size of start (Int64) and sequence number (Int32) after a key in a window store.
    package static var windowTrailerBytes: Int { timestampBytes + 4 }

    /// The serde of a window store's keys, which end with a sequence number for duplicates.
    static func windowStoreSerde(of key: Serde<Key>, size: Duration) -> Serde<Windowed> {
        let windowed = serde(of: key, size: size)
        return Serde(
            encode: { key, writer in
                try windowed.encode(key, &writer)
                writer.append(bigEndian: Int32(0))
            },
            decode: { bytes in try windowed.decode(bytes.extracting(first: max(0, bytes.byteCount - 4))) })
    }
}
