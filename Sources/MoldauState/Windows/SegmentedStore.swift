// The bytes of a store whose entries belong to a time and expire with it, built on the write-back cache.
//
// In the changelog a key is Kafka Streams': key │ times and numbers of the window, beginning with the time that decides
// about expiry. In the store it is preceded by eight bytes, the number of its bucket, big-endian: time ÷ width of a
// bucket. So the entries of a bucket are together, oldest buckets first, and the expired entries are at the beginning
// of the store: one range deletion removes them, in the same step as the next write-behind.
//
// Within a bucket, entries are ordered by their keys' bytes, then by time. With wide buckets, the windows of a key are
// found with few seeks; buckets of 1 ms order all entries by time.

import MoldauRecords

/// A store that refuses writes for expired times.
@usableFromInline
package protocol ExpiringStore: StateStore {
    /// Called with each refused write.
    var onExpired: (() -> Void)? { get set }
    /// Entries from this time on are kept regardless of their age: they have not been read yet.
    var keptFrom: Int64 { get set }
}

/// A typed store on top of a segmented store.
@usableFromInline
protocol SegmentBackedStore: CacheBackedStore, ExpiringStore {
    var segments: SegmentedStore { get }
}

extension SegmentBackedStore {
    @usableFromInline package func withRow(
        ofChangelogKey key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws { try segments.withRow(ofChangelogKey: key, body) }

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
    /// Entries from this time on are kept regardless of their age: they have not been read yet.
    @exclusivity(unchecked) package var keptFrom: Int64 = .max
    /// The number of bytes after the key: the time that decides about expiry, and what follows it.
    @usableFromInline let trailerBytes: Int
    /// The greatest time that was put; −1 before the first.
    @exclusivity(unchecked) package private(set) var streamTime: Int64 = -1
    /// The last bucket that may contain entries.
    @exclusivity(unchecked) private(set) var lastBucket: Int64 = -1
    @exclusivity(unchecked) private var droppedBucket: Int64 = 0

    /// Called with each write that is refused because its time has expired.
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
        // After a restart, stream time is what was stored with the data, or at least the time of the last row.
        streamTime = cache.metadata.streamTime
        lastBucket = streamTime < 0 ? -1 : streamTime / bucketMs
        let last = try cache.byteStore.cursor(.all, reverse: true)
        guard let key = last.key else { return }
        let (held, time) = (try bucket(ofRow: key), try time(ofRow: key))
        // The time of a damaged row must not decide what has expired.
        guard bucket(of: time) == held else {
            throw .damaged(store: cache.name, reason: "a row lies in bucket \(held), which is not that of its time")
        }
        lastBucket = max(lastBucket, held)
        streamTime = max(streamTime, lastBucket.multipliedCapped(by: bucketMs))
    }

    /// Moves the rows into buckets of the width that the definition needs now, which differs from the width on disk.
    /// Works in steps: until the last one, the stored width is "unknown", so that the next start continues.
    private func arrangeRows() throws(StateError) {
        cache.metadata.bucketMs = nil
        try cache.rewriteRows { row throws(StateError) in
            let place = row.key.withUnsafeBytes { key in
                Result { () throws(StateError) in (held: try bucket(ofRow: key), due: bucket(of: try time(ofRow: key)))
                }
            }
            let (held, due) = try place.get()
            guard held != due else { return }
            try cache.write(Self.row(row.key[Self.bucketBytes...], inBucket: due), row.value)
            try cache.write(row.key, nil)
        }
    }

    private static func row(_ changelogKey: some Collection<UInt8>, inBucket bucket: Int64) -> [UInt8] {
        withUnsafeBytes(of: bucket.bigEndian) { Array($0) } + changelogKey
    }

    /// The bucket that a row is stored in.
    private func bucket(ofRow key: UnsafeRawBufferPointer) throws(StateError) -> Int64 {
        guard key.count >= Self.bucketBytes + trailerBytes else { throw tooShort(key) }
        let bucket: Int64 = key.bigEndian(at: 0)
        if bucket < 0 { throw .damaged(store: cache.name, reason: "a row lies in bucket \(bucket)") }
        return bucket
    }

    /// The time of a row.
    /// - Throws: `StateError.damaged` if it has none.
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

    /// The number of the bucket that contains a time.
    @inlinable package func bucket(of time: Int64) -> Int64 { time / bucketMs }

    /// Records a write at that time.
    /// - Returns: false if the time has expired: nothing may be written.
    /// - Throws: `NegativeWindowTime`.
    @usableFromInline
    package func admits(_ time: Int64) throws(NegativeWindowTime) -> Bool {
        if time < 0 { throw NegativeWindowTime(store: cache.name, time: Timestamp(ms: time)) }
        observe(time)
        if isWritable(time) { return true }
        onExpired?()
        return false
    }

    /// Records a write that adds nothing. As in Kafka Streams, it advances stream time only if expiry is exact.
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

    /// The oldest time whose entries are kept.
    var firstKept: Int64 { min(retention.firstKept(at: streamTime), keptFrom) }

    private func dropExpired() {
        let firstBucket = bucket(of: firstKept)
        guard firstBucket > droppedBucket else { return }
        droppedBucket = firstBucket
        cache.dropBelow = withUnsafeBytes(of: firstBucket.bigEndian) { Array($0) }
    }

    /// The oldest time whose entries can be read.
    var firstReadable: Int64 {
        switch reach {
        case .retention: retention.first(at: streamTime)
        case .endOfRetention: max(0, retention.first(at: streamTime).subtractingCapped(1))
        case .untilDropped: firstKept
        }
    }

    /// Whether an entry of that time is within the retention.
    @usableFromInline package func isWithinRetention(_ time: Int64) -> Bool { time >= retention.first(at: streamTime) }

    /// Whether an entry of that time can be read.
    @usableFromInline package func isReadable(_ time: Int64) -> Bool { time >= firstReadable }

    /// Whether a write at that time is accepted.
    package func isWritable(_ time: Int64) -> Bool {
        // What is within the retention always is; so the segments seldom have to be computed.
        isWithinRetention(time) || time >= retention.firstWritable(at: streamTime)
    }

    /// The entries of some keys with times in `times`.
    /// - Parameter isOfAnyAge: whether to include expired entries that have not been deleted yet.
    func entries(
        _ keys: WindowKeys, in times: ClosedRange<Int64>, reverse: Bool, isOfAnyAge: Bool = false,
        where isIncluded: ((UnsafeRawBufferPointer) -> Bool)? = nil
    ) -> SegmentedCursor {
        let first = isOfAnyAge ? firstKept : firstReadable
        let last = times.upperBound
        return SegmentedCursor(
            self, keys, from: max(first, times.lowerBound), to: last, reverse: reverse, where: isIncluded)
    }

    /// The time in a changelog key.
    func time(ofChangelogKey key: UnsafeRawBufferPointer) -> Int64 {
        key.bigEndian(at: key.count - trailerBytes)
    }

    // MARK: Changelog

    /// Like `CachedByteStore.drainChanges`, with the keys of the changelog and their times.
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

    /// See `CacheBackedStore`.
    func withRow(
        ofChangelogKey key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard key.count >= trailerBytes else { return }
        let time = time(ofChangelogKey: key)
        // Windows that are kept longer, until they are closed, are removed without a deletion record.
        guard time >= max(0, retention.firstKept(at: streamTime)) else { return }
        try Self.row(key, inBucket: bucket(of: time)).withUnsafeBytes { try body($0) }
    }

    /// Applies a changelog record, unless its time has expired.
    /// - Parameter writer: a buffer for the key; its content is lost.
    func restore(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ writer: inout ByteWriter
    ) throws {
        guard key.count >= trailerBytes, time(ofChangelogKey: key) >= 0 else {
            throw SerdeError.malformed(
                type: "key of the windowed store \(cache.name)",
                reason: "its \(key.count) bytes hold no valid time of a window")
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
