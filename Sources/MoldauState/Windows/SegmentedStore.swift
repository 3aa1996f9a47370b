// The bytes of a store whose entries belong to a time and expire with it, on the write-back cache.
//
// A key in the changelog is Kafka Streams': key │ times and numbers of the window, the time that decides first. In the
// store eight bytes stand before it, the number of its bucket, big-endian: time ÷ the width of a bucket. So the entries
// of a bucket lie together, oldest buckets first, and what has expired is the beginning of the store: one range
// deletion drops it, in one step with the next write-behind.
//
// Within a bucket, entries are in the order of their keys' bytes, then of time. Wide buckets find the windows of a key
// with few seeks; buckets of 1 ms put all entries in the order of time.

import MoldauRecords

/// A store that refuses writes whose time is over.
@usableFromInline
package protocol ExpiringStore: StateStore {
    /// Called with each refused write.
    var onExpired: (() -> Void)? { get set }
    /// Entries from that time on stay whatever their age: someone is still to read them.
    var keptFrom: Int64 { get set }
}

/// A typed face of a segmented store.
@usableFromInline
protocol SegmentBackedStore: CacheBackedStore, ExpiringStore {
    var segments: SegmentedStore { get }
}

extension SegmentBackedStore {
    @usableFromInline package var onExpired: (() -> Void)? {
        get { segments.onExpired }
        set { segments.onExpired = newValue }
    }
    @usableFromInline package var keptFrom: Int64 {
        get { segments.keptFrom }
        set { segments.keptFrom = newValue }
    }
}

/// Entries by key and time, with retention.
@usableFromInline
package final class SegmentedStore {
    @usableFromInline package let cache: CachedByteStore
    let retention: WindowRetention
    @usableFromInline let bucketMs: Int64
    private let reach: WindowReach
    /// Entries from that time on stay whatever their age: someone is still to read them.
    @exclusivity(unchecked) package var keptFrom: Int64 = .max
    /// The bytes behind the key: the time that decides, and what follows it.
    @usableFromInline let trailerBytes: Int
    /// The greatest time that was put; −1 before the first.
    @exclusivity(unchecked) package private(set) var streamTime: Int64 = -1
    /// The last bucket that may hold entries.
    @exclusivity(unchecked) private(set) var lastBucket: Int64 = -1
    @exclusivity(unchecked) private var droppedBucket: Int64 = 0

    /// Called with each write that is refused because its time is over.
    package var onExpired: (() -> Void)?

    @usableFromInline static var bucketBytes: Int { 8 }

    init(
        cache: CachedByteStore, retention: WindowRetention, bucketMs: Int64, reach: WindowReach, trailerBytes: Int
    ) throws(StateError) {
        self.cache = cache
        self.retention = retention
        self.trailerBytes = trailerBytes
        self.bucketMs = bucketMs
        self.reach = reach
        if cache.byteStore.mayHoldData, cache.metadata.bucketMs != bucketMs { try arrangeRows() }
        cache.metadata.bucketMs = bucketMs
        // After a restart, stream time is what was stored with the data on disk, or at least where it ends.
        streamTime = cache.metadata.streamTime
        lastBucket = streamTime < 0 ? -1 : streamTime / bucketMs
        let last = try cache.byteStore.cursor(.all, reverse: true)
        guard let key = last.key else { return }
        let (held, time) = (try bucket(ofRow: key), try time(ofRow: key))
        // The time of a row that is damaged must not decide what is over.
        guard bucket(of: time) == held else {
            throw .damaged(store: cache.name, reason: "a row lies in bucket \(held), which is not that of its time")
        }
        lastBucket = max(lastBucket, held)
        streamTime = max(streamTime, lastBucket.multipliedCapped(by: bucketMs))
    }

    /// Puts the rows into buckets of the width that the definition needs now, which is another one than on disk. In steps: as
    /// long as some are on the way the store says that the width is not known, so that the next start goes on with it.
    private func arrangeRows() throws(StateError) {
        cache.metadata.bucketMs = nil
        try cache.rewriteRows { row throws(StateError) in
            let place = row.key.withUnsafeBytes { key in
                Result { () throws(StateError) in (held: try bucket(ofRow: key), due: bucket(of: try time(ofRow: key)))
                }
            }
            let (held, due) = try place.get()
            guard held != due else { return }
            let moved = withUnsafeBytes(of: due.bigEndian) { Array($0) } + row.key[Self.bucketBytes...]
            try cache.write(moved, row.value)
            try cache.write(row.key, nil)
        }
    }

    /// The bucket that a row lies in.
    private func bucket(ofRow key: UnsafeRawBufferPointer) throws(StateError) -> Int64 {
        guard key.count >= Self.bucketBytes + trailerBytes else { throw tooShort(key) }
        let bucket: Int64 = key.bigEndian(at: 0)
        if bucket < 0 { throw .damaged(store: cache.name, reason: "a row lies in bucket \(bucket)") }
        return bucket
    }

    /// The time of a row.
    /// - Throws: `StateError.damaged` for one that has none.
    func time(ofRow key: UnsafeRawBufferPointer) throws(StateError) -> Int64 {
        guard key.count >= Self.bucketBytes + trailerBytes else { throw tooShort(key) }
        let time = time(ofChangelogKey: key)
        if time < 0 { throw .damaged(store: cache.name, reason: "a row has the time \(time)") }
        return time
    }

    private func tooShort(_ key: UnsafeRawBufferPointer) -> StateError {
        .damaged(
            store: cache.name,
            reason: "a row's key has \(key.count) bytes, and the time of its window alone takes "
                + "\(Self.bucketBytes + trailerBytes)")
    }

    @inlinable package func bucket(of time: Int64) -> Int64 { time / bucketMs }

    /// Takes note of a write at that time.
    /// - Returns: false where the time is over: nothing may be written.
    /// - Throws: `NegativeWindowTime`.
    @usableFromInline
    package func admits(_ time: Int64) throws(NegativeWindowTime) -> Bool {
        if time < 0 { throw NegativeWindowTime(store: cache.name, time: Timestamp(ms: time)) }
        observe(time)
        if isWritable(time) { return true }
        onExpired?()
        return false
    }

    /// Takes note of a write that adds nothing. As in Kafka Streams, it counts only where expiry is exact.
    @usableFromInline
    package func admitsNothing(at time: Int64) throws(NegativeWindowTime) -> Bool {
        retention.isExact ? try admits(time) : true
    }

    private func observe(_ time: Int64) {
        guard time > streamTime else { return }
        streamTime = time
        cache.metadata.streamTime = time
        lastBucket = max(lastBucket, bucket(of: time))
        dropExpired()
    }

    /// The oldest time whose entries are not dropped.
    var firstKept: Int64 { min(retention.firstKept(at: streamTime), keptFrom) }

    private func dropExpired() {
        let firstBucket = bucket(of: firstKept)
        guard firstBucket > droppedBucket else { return }
        droppedBucket = firstBucket
        cache.dropBelow = withUnsafeBytes(of: firstBucket.bigEndian) { Array($0) }
    }

    /// The oldest time whose entries reads find.
    var firstReadable: Int64 {
        switch reach {
        case .retention: retention.first(at: streamTime)
        case .endOfRetention: max(0, retention.first(at: streamTime).subtractingCapped(1))
        case .untilDropped: firstKept
        }
    }

    /// Whether an entry of that time is within the retention.
    @usableFromInline package func isWithinRetention(_ time: Int64) -> Bool { time >= retention.first(at: streamTime) }

    /// Whether reads find an entry of that time.
    @usableFromInline package func isReadable(_ time: Int64) -> Bool { time >= firstReadable }

    /// Whether a write at that time is taken.
    package func isWritable(_ time: Int64) -> Bool { time >= retention.firstWritable(at: streamTime) }

    /// The entries of some keys whose times are in `times`.
    /// - Parameter isOfAnyAge: whether also what is over is found, as long as it is not dropped.
    func entries(
        _ keys: WindowKeys, in times: ClosedRange<Int64>, reverse: Bool, isOfAnyAge: Bool = false,
        where isIncluded: ((UnsafeRawBufferPointer) -> Bool)? = nil
    ) -> SegmentedCursor {
        let first = isOfAnyAge ? firstKept : firstReadable
        let last = times.upperBound
        return SegmentedCursor(
            self, keys, from: max(first, times.lowerBound), to: last, reverse: reverse, where: isIncluded)
    }

    /// The time in a key as the changelog has it.
    func time(ofChangelogKey key: UnsafeRawBufferPointer) -> Int64 {
        key.bigEndian(at: key.count - trailerBytes)
    }

    // MARK: Changelog

    /// As `CachedByteStore.drainChanges`, with the keys of the changelog and their times.
    func drainChanges(
        deletionsLast: Bool = false,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ time: Timestamp) throws -> Void
    ) throws {
        try cache.drainChanges(deletionsLast: deletionsLast) { flat, value in
            let time = try time(ofRow: flat)
            let key = UnsafeRawBufferPointer(rebasing: flat[Self.bucketBytes...])
            try body(key, value, Timestamp(ms: time))
        }
    }

    /// Takes in a record of the changelog, unless its time is over.
    /// - Parameter writer: for the key; its content is lost.
    func restore(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ writer: inout ByteWriter
    ) throws {
        guard key.count >= trailerBytes, time(ofChangelogKey: key) >= 0 else {
            throw SerdeError.malformed(
                type: "key of the windowed store \(cache.name)",
                reason: "\(key.count) bytes without the time of a window")
        }
        let time = time(ofChangelogKey: key)
        observe(time)
        guard time >= firstKept else { return }
        writer.removeAll()
        writer.append(bigEndian: bucket(of: time))
        writer.append(contentsOf: key)
        try cache.restore(writer.bytes, value)
    }
}
