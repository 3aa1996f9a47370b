import MoldauRecords

/// A map from sessions to values: a session is a key with a window, both ends of which belong to it. Used by the task's
/// processors, on its thread.
///
/// Stream time is the greatest end that was put. Sessions that ended longer ago than the retention are not found any
/// more, and a write that is too late is refused (counted as `expired`). Sessions are ordered by key, then end, within
/// time segments; across several keys there is no overall order.
public final class SessionStore<Key, Value>: SegmentBackedStore {
    @usableFromInline package let segments: SegmentedStore
    @usableFromInline package var cache: CachedByteStore { segments.cache }
    private let codec: EntryCodec<Key, Value>

    package init(segments: SegmentedStore, key: Serde<Key>, value: Serde<Value>) {
        self.segments = segments
        codec = EntryCodec(segments.cache, key: key, value: value)
    }

    /// Sets the value of a session, or deletes it (nil).
    /// - Returns: false if the session has expired, so that nothing was written.
    /// - Throws: `NegativeWindowTime` for a time before 1970; `StateError`; errors of the serdes.
    @discardableResult
    public func put(_ session: Windowed<Key>, _ value: Value?) throws -> Bool {
        let key = try bytes(of: session)
        guard try segments.admits(session.window.end.ms) else { return false }
        try cache.put(key, try codec.bytes(of: value))
        return true
    }

    /// Deletes a session, even one that is too old to be written, as long as it can be read.
    public func remove(_ session: Windowed<Key>) throws {
        let (key, end) = (try bytes(of: session), session.window.end.ms)
        if segments.isWritable(end) || segments.isReadable(end) { try cache.put(key, nil) }
    }

    /// The value of exactly that session; nil if there is none, or if it has expired.
    public func fetch(_ session: Windowed<Key>) throws -> Value? {
        guard segments.isReadable(session.window.end.ms) else { return nil }
        return try codec.decode(try cache.get(try bytes(of: session)))
    }

    /// A key's sessions that end at `earliestEnd` or later and begin at `latestStart` or earlier; by end, oldest first.
    /// With a record's time minus the gap and plus the gap: the sessions that the record belongs to.
    public func sessions(
        of key: Key, endingFrom earliestEnd: Timestamp, beginningTo latestStart: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> {
        iterate(.one(try keyBytes(key)), earliestEnd, latestStart, reverse: false)
    }

    /// Like `sessions(of:)`, newest first.
    public func reverseSessions(
        of key: Key, endingFrom earliestEnd: Timestamp, beginningTo latestStart: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> {
        iterate(.one(try keyBytes(key)), earliestEnd, latestStart, reverse: true)
    }

    /// The sessions of a range of keys, both bounds included, that end at `earliestEnd` or later and begin at
    /// `latestStart` or earlier; nil means no bound.
    public func sessions(
        keysFrom first: Key?, through last: Key?, endingFrom earliestEnd: Timestamp = Timestamp(ms: 0),
        beginningTo latestStart: Timestamp = Timestamp(ms: .max)
    ) throws -> StoreIterator<Windowed<Key>, Value> {
        iterate(try keys(first, last), earliestEnd, latestStart, reverse: false)
    }

    /// Like `sessions` of several keys, in reverse.
    public func reverseSessions(
        keysFrom first: Key?, through last: Key?, endingFrom earliestEnd: Timestamp = Timestamp(ms: 0),
        beginningTo latestStart: Timestamp = Timestamp(ms: .max)
    ) throws -> StoreIterator<Windowed<Key>, Value> {
        iterate(try keys(first, last), earliestEnd, latestStart, reverse: true)
    }

    /// The sessions of all keys that end in a time span, both ends included; also those that are older than the
    /// retention but have not been deleted yet.
    public func sessions(
        endingFrom first: Timestamp, to last: Timestamp
    ) throws -> StoreIterator<Windowed<Key>, Value> {
        let times = first > last ? -1...(-1) : first.ms...last.ms
        return iterator(segments.entries(.range(from: nil, through: nil), in: times, reverse: false, isOfAnyAge: true))
    }

    /// All sessions of a key that have not expired.
    public func fetch(_ key: Key) throws -> StoreIterator<Windowed<Key>, Value> {
        try sessions(of: key, endingFrom: Timestamp(ms: 0), beginningTo: Timestamp(ms: .max))
    }

    /// All sessions that have not expired.
    public func all() throws -> StoreIterator<Windowed<Key>, Value> { try sessions(keysFrom: nil, through: nil) }

    private func iterate(
        _ keys: WindowKeys, _ earliestEnd: Timestamp, _ latestStart: Timestamp, reverse: Bool
    ) -> StoreIterator<Windowed<Key>, Value> {
        // The start is the last field of a key.
        let isIncluded: (UnsafeRawBufferPointer) -> Bool = { key in
            let start = key.loadUnaligned(fromByteOffset: key.count - timestampBytes, as: Int64.self)
            return Int64(bigEndian: start) <= latestStart.ms
        }
        return iterator(
            segments.entries(keys, in: earliestEnd.ms...(.max), reverse: reverse, where: isIncluded))
    }

    private func iterator(_ entries: SegmentedCursor) -> StoreIterator<Windowed<Key>, Value> {
        StoreIterator(entries, of: name, key: Windowed.sessionSerde(of: codec.key), value: codec.value)
    }

    // MARK: Bytes

    private func keys(_ first: Key?, _ last: Key?) throws -> WindowKeys {
        .range(from: try first.map { try keyBytes($0) }, through: try last.map { try keyBytes($0) })
    }

    private func keyBytes(_ key: Key) throws -> [UInt8] { Array(try codec.bytes(of: key)) }

    /// The session's key in the store. Valid until the next key is encoded.
    private func bytes(of session: Windowed<Key>) throws -> UnsafeRawBufferPointer {
        try codec.bytes(of: session.key) {
            $0.append(bigEndian: segments.bucket(of: session.window.end.ms))
        } behind: {
            $0.append(bigEndian: session.window.end.ms)
            $0.append(bigEndian: session.window.start.ms)
        }
    }

    /// An estimate of the number of entries.
    public var approximateEntryCount: Int { cache.approximateEntryCount }

    // MARK: StateStore

    /// The timestamps are the sessions' ends. If sessions were merged, the merged one is passed on before the
    /// deletions: after a crash in the middle of an at-least-once commit, records are then in two sessions rather than
    /// in none.
    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try segments.drainChanges(deletionsLast: true) { key, value, end in try body(key, value, end) }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try segments.restore(key, value, &codec.keyWriter.pointee)
    }
}

extension Windowed {
    /// The size of end and start (Int64 each) after a key in a session store.
    package static var sessionTrailerBytes: Int { 2 * timestampBytes }
}
