import MoldauRecords

/// The keys that a cursor over windows includes.
enum WindowKeys {
    case one([UInt8])
    /// Both bounds included, in the order of their bytes; nil means no bound.
    case range(from: [UInt8]?, through: [UInt8]?)

    func contains(_ key: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .one(let only): only.withUnsafeBytes { compareBytes(key, $0) == 0 }
        case .range(let first, let last):
            (first?.withUnsafeBytes { compareBytes(key, $0) >= 0 } ?? true)
                && (last?.withUnsafeBytes { compareBytes(key, $0) <= 0 } ?? true)
        }
    }
}

/// A cursor over the entries of some keys and times, bucket by bucket; within a bucket by key, then time. See
/// `StoreCursor` for the effect of writes meanwhile.
final class SegmentedCursor: EntryCursor {
    private let store: SegmentedStore
    private let keys: WindowKeys
    private let first: Int64
    private let last: Int64
    private let reverse: Bool
    private let isIncluded: ((UnsafeRawBufferPointer) -> Bool)?
    /// The buckets that are still ahead.
    private var buckets: ClosedRange<Int64>?
    private var cursor: StoreCursor?

    init(
        _ store: SegmentedStore, _ keys: WindowKeys, from first: Int64, to last: Int64, reverse: Bool,
        where isIncluded: ((UnsafeRawBufferPointer) -> Bool)?
    ) {
        self.store = store
        self.keys = keys
        self.reverse = reverse
        self.isIncluded = isIncluded
        (self.first, self.last) = (first, last)
        let lastBucket = min(store.lastBucket, max(-1, last) / store.bucketMs)
        if first <= last, first / store.bucketMs <= lastBucket { buckets = first / store.bucketMs...lastBucket }
    }

    /// The entry's key as in the changelog, after `next()` returned true.
    var key: UnsafeRawBufferPointer {
        // `matches` has checked the length.
        cursor.map { UnsafeRawBufferPointer(rebasing: $0.key[SegmentedStore.bucketBytes...]) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    var value: UnsafeRawBufferPointer { cursor?.value ?? UnsafeRawBufferPointer(start: nil, count: 0) }

    var place: UnsafeRawBufferPointer { cursor?.key ?? UnsafeRawBufferPointer(start: nil, count: 0) }

    var isCut: Bool { cursor?.isCut ?? false }

    func next() throws(StateError) -> Bool {
        while true {
            if let cursor {
                while try cursor.next() { if try matches(cursor.key) { return true } }
                if cursor.isCut { return false }
            }
            guard let range = nextRange() else {
                cursor = nil
                return false
            }
            cursor = try store.cache.scan(range, reverse: reverse)
        }
    }

    private func matches(_ row: UnsafeRawBufferPointer) throws(StateError) -> Bool {
        let time = try store.time(ofRow: row)
        guard time >= first, time <= last else { return false }
        let key = UnsafeRawBufferPointer(rebasing: row[SegmentedStore.bucketBytes...])
        let own = UnsafeRawBufferPointer(rebasing: key[..<(key.count - store.trailerBytes)])
        return keys.contains(own) && isIncluded?(key) ?? true
    }

    /// From this number of buckets on, scanning all their keys is assumed to be cheaper than a search in each.
    private static let manyBuckets = 64

    /// The key range of the next bucket; of all remaining ones if each has only few entries.
    private func nextRange() -> KeyRange? {
        guard let ahead = buckets else { return nil }
        if store.bucketMs == 1 || ahead.upperBound - ahead.lowerBound >= Self.manyBuckets {
            buckets = nil
            return KeyRange(from: bytes(of: ahead.lowerBound), upTo: end(of: ahead.upperBound))
        }
        let bucket = reverse ? ahead.upperBound : ahead.lowerBound
        if ahead.lowerBound == ahead.upperBound {
            buckets = nil
        } else {
            buckets = reverse ? ahead.lowerBound...bucket - 1 : bucket + 1...ahead.upperBound
        }
        return range(in: bucket)
    }

    private func range(in bucket: Int64) -> KeyRange {
        let head = bytes(of: bucket)
        switch keys {
        case .one(let key):
            return KeyRange(from: head + key + bytes(of: first), through: head + key + highestTrailer)
        case .range(let from, let through):
            // With its times, a shorter key may sort after `through`: the range must include the highest one possible.
            let highest = through.flatMap { key in
                (0...key.count).map { key[..<$0] + highestTrailer }.max { $0.lexicographicallyPrecedes($1) }
            }
            let upper = highest.map { head + $0 + [0] } ?? end(of: bucket)
            return KeyRange(from: head + (from ?? []), upTo: upper)
        }
    }

    private var highestTrailer: [UInt8] {
        bytes(of: last) + [UInt8](repeating: 0xff, count: store.trailerBytes - timestampBytes)
    }

    private func end(of bucket: Int64) -> [UInt8]? { bucket == .max ? nil : bytes(of: bucket + 1) }
    private func bytes(of number: Int64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
