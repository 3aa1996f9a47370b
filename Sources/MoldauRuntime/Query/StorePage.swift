import MoldauRecords
import MoldauState

/// An entry of a store.
public struct StoreEntry<Key, Row> {
    /// The key; in a store of windows or sessions, with its window.
    public let key: Key
    /// What the store has for it; in most stores the value with its timestamp.
    public let row: Row
}

extension StoreEntry: Sendable where Key: Sendable, Row: Sendable {}
extension StoreEntry: Equatable where Key: Equatable, Row: Equatable {}

/// Some entries of a store, in the order of their keys' bytes, over all partitions; windows of several keys in the
/// order of time segments.
public struct StorePage<Key, Row> {
    /// The entries.
    public let entries: [StoreEntry<Key, Row>]
    /// Where the next page begins, to be given as `after`; nil if there are no more. The next page may be empty.
    public let next: StorePlace?
}

extension StorePage: Sendable where Key: Sendable, Row: Sendable {}

/// A place in a store, behind which a page goes on. It stays valid whatever is written meanwhile: entries that are
/// there all the time are in exactly one page.
public struct StorePlace: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// Which part of a scan is wanted.
struct StorePageRequest: Sendable {
    let limit: Int
    let after: StorePlace?
    let isReversed: Bool

    init(_ limit: Int, after: StorePlace?, isReversed: Bool = false) {
        (self.limit, self.after, self.isReversed) = (max(1, limit), after, isReversed)
    }
}

/// Joins the parts of a page, which several tasks have, in the order of their places. Pure: the caller asks for what is
/// `wanted`.
struct StorePageMerge<Key, Row> {
    typealias Placed = (place: [UInt8], entry: StoreEntry<Key, Row>)

    private struct Part {
        let partition: Partition
        /// Entries that are not in the page yet, the next one last.
        var ahead: [Placed] = []
        /// The last place that was read.
        var place: [UInt8]?
        var isAtEnd = false
    }

    /// How many entries a stream thread reads at a time: less than a millisecond's work, as records wait meanwhile.
    private static var slice: Int { 256 }

    private let request: StorePageRequest
    private var parts: [Part]
    private var entries: [StoreEntry<Key, Row>] = []
    private var lastPlace: [UInt8]?
    /// How many entries were asked for and not yet received.
    private var count: Int { min(Self.slice, max(1, request.limit - entries.count)) }

    init(_ partitions: [Partition], _ request: StorePageRequest) {
        self.request = request
        parts = partitions.map { Part(partition: $0, place: request.after?.bytes) }
    }

    /// The partition to ask next, behind which place, and for how many entries; nil if the page is complete.
    var wanted: (Partition, after: [UInt8]?, count: Int)? {
        if isComplete { return nil }
        return parts.first { $0.ahead.isEmpty && !$0.isAtEnd }.map { ($0.partition, $0.place, count) }
    }

    /// Takes what a partition has.
    mutating func take(_ read: [Placed], from partition: Partition) {
        guard let index = parts.firstIndex(where: { $0.partition == partition }) else { return }
        parts[index].isAtEnd = read.count < count
        parts[index].place = read.last?.place ?? parts[index].place
        parts[index].ahead = read.reversed()
        while !isComplete, parts.allSatisfy({ !$0.ahead.isEmpty || $0.isAtEnd }), let next = nextPart {
            guard let (place, entry) = parts[next].ahead.popLast() else { return }
            entries.append(entry)
            lastPlace = place
        }
    }

    /// A page ends at its limit, but not between two entries of the same place: these would be lost.
    private var isComplete: Bool {
        guard entries.count >= request.limit else { return false }
        return nextPart.map { parts[$0].ahead.last?.place != lastPlace } ?? true
    }

    /// The part that has the next entry.
    private var nextPart: Int? {
        parts.indices.filter { !parts[$0].ahead.isEmpty }.min { left, right in
            let (left, right) = (parts[left].ahead.last?.place ?? [], parts[right].ahead.last?.place ?? [])
            return request.isReversed ? right.lexicographicallyPrecedes(left) : left.lexicographicallyPrecedes(right)
        }
    }

    /// What was found.
    var page: StorePage<Key, Row> {
        let isAtEnd = parts.allSatisfy { $0.ahead.isEmpty && $0.isAtEnd }
        return StorePage(entries: entries, next: isAtEnd ? nil : lastPlace.map(StorePlace.init))
    }
}
