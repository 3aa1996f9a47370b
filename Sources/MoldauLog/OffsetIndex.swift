// The sparse map from offsets to byte positions of one segment.
//
// On disk (.index): 8 bytes an entry, big-endian: the last offset of a batch − the segment's base (UInt32), the
// position where that batch begins (UInt32). No checksum of its own: it is a cache, checked when read and rebuilt from
// its segment.

package import MoldauRecords

/// Finds the byte of the segment file at which a read starts.
///
/// Entries ascend in both fields, about one per `index.interval.bytes` of batches, so a read scans about that many
/// bytes.
package struct OffsetIndex: Equatable, Sendable {
    package static let entrySize = 8

    private let base: Offset
    /// The relative offset in the upper half, the position in the lower: ordered as one number.
    private var entries: [UInt64] = []

    package init(base: Offset) { self.base = base }

    /// Reads an index file.
    /// - Returns: nil when the bytes cannot be an index of a segment of `segmentSize` bytes.
    package init?(base: Offset, file: [UInt8], segmentSize: Int) {
        guard file.count % Self.entrySize == 0 else { return nil }
        self.base = base
        file.withUnsafeBytes { bytes in
            for position in stride(from: 0, to: bytes.count, by: Self.entrySize) {
                entries.append(bytes.bigEndian(at: position))
            }
        }
        for (before, after) in zip(entries, entries.dropFirst()) {
            guard before >> 32 < after >> 32, before & 0xffff_ffff < after & 0xffff_ffff else { return nil }
        }
        guard self.lastPosition < max(segmentSize, 1) else { return nil }
    }

    /// Adds an entry for a batch. Its offset and position must be beyond those of all earlier entries.
    package mutating func note(lastOffset: Offset, position: Int) {
        // An entry has 32 bits for each number. Without an entry a read only has to scan more.
        guard position <= UInt32.max, (0...Int64(UInt32.max)).contains(lastOffset - base) else { return }
        entries.append(UInt64(lastOffset - base) << 32 | UInt64(position))
    }

    /// - Returns: the start of the last indexed batch that ends at or before `offset`; 0 if there is none.
    package func position(atOrBefore offset: Offset) -> Int {
        let wanted = UInt64(clamping: offset - base)
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle] >> 32 <= wanted { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : Int(entries[low - 1] & 0xffff_ffff)
    }

    /// - Returns: the start of the last indexed batch that begins at or before a position and ends below an offset; 0
    ///   if there is none.
    func position(atOrBefore position: Int, endingBelow limit: Offset) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            let (offset, start) = (base + Int64(entries[middle] >> 32), Int(entries[middle] & 0xffff_ffff))
            if start <= position, offset < limit { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : Int(entries[low - 1] & 0xffff_ffff)
    }

    /// The start of the last indexed batch; 0 if there is none.
    package var lastPosition: Int { Int((entries.last ?? 0) & 0xffff_ffff) }

    /// The content of the index file.
    package var fileBytes: [UInt8] {
        var writer = ByteWriter(capacity: entries.count * Self.entrySize)
        for entry in entries { writer.append(bigEndian: entry) }
        return Array(writer.bytes)
    }
}
