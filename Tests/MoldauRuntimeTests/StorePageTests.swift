import MoldauRecords
import Testing

@testable import MoldauRuntime

/// How pages are merged from the rows of several tasks when their searches are cut short.
struct StorePageTests {
    private typealias Merge = StorePageMerge<[UInt8], Int>

    /// The rows of a task in search order, wanted and unwanted.
    private struct Rows {
        var rows: [(place: [UInt8], isWanted: Bool)]

        /// Answers as a stream thread does: up to `count` entries after the place, reading at most `steps` rows.
        func slice(after place: [UInt8]?, _ count: Int, steps: Int, isReversed: Bool) -> Merge.Slice {
            var found: [Merge.Placed] = []
            var (looked, last) = (0, place)
            for row in rows where place.map({ isReversed ? row.place < $0 : $0 < row.place }) ?? true {
                if found.count == count { return (found, nil) }
                if looked == steps { return (found, last) }
                (looked, last) = (looked + 1, row.place)
                if row.isWanted { found.append((row.place, StoreEntry(key: row.place, row: 0))) }
            }
            return (found, nil)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `each entry is in exactly one page, in order, however short the searches are`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let isReversed = Bool.random(using: &random)
        let (steps, limit) = (Int.random(in: 1...9, using: &random), Int.random(in: 1...40, using: &random))
        let rarity = Int.random(in: 1...40, using: &random)
        let parts = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            let places = Set((0..<300).map { _ in UInt16.random(in: 0..<2_000, using: &random) }).sorted()
            let rows = places.map {
                ([UInt8($0 >> 8), UInt8($0 & 255)], Int.random(in: 0..<rarity, using: &random) == 0)
            }
            return Rows(rows: isReversed ? rows.reversed() : rows)
        }
        var (found, place, asked): ([[UInt8]], StorePlace?, Int) = ([], nil, 0)
        repeat {
            let partitions = parts.indices.map { Partition(Int32($0)) }
            var merge = Merge(partitions, StorePageRequest(limit, after: place, isReversed: isReversed), mostCuts: 3)
            var asks = 0
            while let (partition, after, count) = merge.wanted {
                let part = parts[Int(partition.number)]
                merge.take(part.slice(after: after, count, steps: steps, isReversed: isReversed), from: partition)
                asks += 1
            }
            #expect(asks <= 3 + parts.count + 2 * limit, "a page is bounded")
            found += merge.page.entries.map(\.key)
            if let next = merge.page.next?.bytes, let last = place?.bytes {
                #expect(isReversed ? next < last : last < next)
            }
            (place, asked) = (merge.page.next, asked + asks)
        } while place != nil && asked < 100_000
        let all = parts.flatMap { $0.rows.filter(\.isWanted).map(\.place) }
        #expect(found == all.sorted { isReversed ? $1 < $0 : $0 < $1 })
    }
}

private func < (left: [UInt8], right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }
