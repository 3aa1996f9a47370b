import MoldauRecords
import MoldauState

/// An entry of a store.
public struct StoreEntry<Key, Row> {
    /// The key; in a store of windows or sessions, with its window.
    public let key: Key
    /// The key's row; in most stores the value with its timestamp.
    public let row: Row

    package init(key: Key, row: Row) { (self.key, self.row) = (key, row) }
}

extension StoreEntry: Sendable where Key: Sendable, Row: Sendable {}
extension StoreEntry: Equatable where Key: Equatable, Row: Equatable {}

/// Some entries of a store, in the order of their keys' bytes, across all partitions; windows of several keys in the
/// order of time segments.
public struct StorePage<Key, Row> {
    /// The entries.
    public let entries: [StoreEntry<Key, Row>]
    /// Where the next page begins, to be passed as `after`; nil if there are no more. The next page may be empty.
    public let next: StorePlace?
}

extension StorePage: Sendable where Key: Sendable, Row: Sendable {}

/// A place in a store, after which a page continues. It stays valid whatever is written meanwhile: entries that exist
/// all the time are in exactly one page.
public struct StorePlace: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// The requested part of a scan.
package struct StorePageRequest: Sendable {
    package let limit: Int
    package let after: StorePlace?
    package let isReversed: Bool

    package init(_ limit: Int, after: StorePlace?, isReversed: Bool = false) {
        (self.limit, self.after, self.isReversed) = (max(1, limit), after, isReversed)
    }
}

/// Merges the parts of a page, from several tasks, in the order of their places. Pure: the caller queries what is
/// `wanted`.
package struct StorePageMerge<Key, Row> {
    /// An entry and its place in its partition.
    package typealias Placed = (place: [UInt8], entry: StoreEntry<Key, Row>)
    /// A partition's entries, and the place where the search was cut short; nil if it was not.
    package typealias Slice = (entries: [Placed], cut: [UInt8]?)

    private struct Part {
        let partition: Partition
        /// Entries that are not in the page yet, the next one last.
        var ahead: [Placed] = []
        /// The last place that was read.
        var place: [UInt8]?
        var isAtEnd = false

        /// Whether its next entry must be read.
        var isUnknown: Bool { ahead.isEmpty && !isAtEnd }
    }

    /// How many entries a stream thread reads at a time: less than a millisecond's work, as records wait meanwhile.
    private static var slice: Int { 256 }
    /// How many rows it visits for them.
    static var steps: Int { 1_024 }

    private let request: StorePageRequest
    private var parts: [Part]
    private var entries: [StoreEntry<Key, Row>] = []
    private var lastPlace: [UInt8]?
    private var cuts = 0
    private let mostCuts: Int
    /// How many entries are requested and not yet received.
    private var count: Int { min(Self.slice, max(1, request.limit - entries.count)) }

    /// - Parameter mostCuts: after this many searches that were cut short the page ends with what it has.
    init(_ partitions: [Partition], _ request: StorePageRequest, mostCuts: Int = 256) {
        (self.request, self.mostCuts) = (request, mostCuts)
        parts = partitions.map { Part(partition: $0, place: request.after?.bytes) }
    }

    /// At most this many entries of a scan.
    /// - Parameter entry: makes an entry of a key and its row.
    package static func slice<ScannedKey, ScannedRow>(
        of scan: StoreIterator<ScannedKey, ScannedRow>, atMost count: Int,
        _ entry: (ScannedKey, ScannedRow) -> StoreEntry<Key, Row>
    ) throws -> Slice {
        var entries: [Placed] = []
        while entries.count < count, let (key, row) = try scan.next() { entries.append((scan.place, entry(key, row))) }
        return (entries, scan.cut)
    }

    /// The partition to query next, after which place, and for how many entries; nil if the page is complete.
    var wanted: (Partition, after: [UInt8]?, count: Int)? {
        if isFull { return nil }
        let next = parts.filter(\.isUnknown).min { isBefore($0.place, $1.place) }
        if cuts >= mostCuts, next?.place != request.after?.bytes { return nil }
        return next.map { ($0.partition, $0.place, count) }
    }

    /// Whether a place comes before another one; nil is before all.
    private func isBefore(_ place: [UInt8]?, _ other: [UInt8]?) -> Bool {
        guard let place, let other else { return place == nil && other != nil }
        return request.isReversed ? other.lexicographicallyPrecedes(place) : place.lexicographicallyPrecedes(other)
    }

    /// Takes the entries of a partition.
    mutating func take(_ slice: Slice, from partition: Partition) {
        guard let index = parts.firstIndex(where: { $0.partition == partition }) else { return }
        parts[index].isAtEnd = slice.cut == nil && slice.entries.count < count
        parts[index].place = slice.cut ?? slice.entries.last?.place ?? parts[index].place
        parts[index].ahead = slice.entries.reversed()
        if slice.cut != nil { cuts += 1 }
        while !isFull, let next = nextPart, let (place, entry) = parts[next].ahead.last {
            // Another part may have an entry that comes before.
            if parts.contains(where: { $0.isUnknown && isBefore($0.place, place) }) { return }
            parts[next].ahead.removeLast()
            entries.append(entry)
            lastPlace = place
        }
    }

    /// A page ends at its limit, but not between two entries at the same place: the second would be skipped.
    private var isFull: Bool {
        guard entries.count >= request.limit else { return false }
        return nextPart.map { parts[$0].ahead.last?.place != lastPlace } ?? true
    }

    /// The part that has the next entry.
    private var nextPart: Int? {
        parts.indices.filter { !parts[$0].ahead.isEmpty }.min { left, right in
            isBefore(parts[left].ahead.last?.place, parts[right].ahead.last?.place)
        }
    }

    /// The merged page.
    var page: StorePage<Key, Row> {
        if parts.allSatisfy({ $0.ahead.isEmpty && $0.isAtEnd }) { return StorePage(entries: entries, next: nil) }
        // If the page is not full, it contains all entries up to the first unknown place.
        let unknown = isFull ? nil : parts.filter(\.isUnknown).map(\.place).min(by: isBefore)
        return StorePage(entries: entries, next: (unknown ?? lastPlace).map(StorePlace.init))
    }
}
