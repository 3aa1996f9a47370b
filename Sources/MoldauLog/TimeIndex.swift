// The sparse map from timestamps to offsets of one segment.
//
// On disk (.timeindex): 12 bytes an entry, big-endian: the largest timestamp so far (Int64), and the last offset of the
// batch that it came with − the segment's base (UInt32). Every record with a later timestamp has a larger offset. Only
// a cache, like the offset index.

package import MoldauRecords

/// Finds the offset at which a search by time starts.
package struct TimeIndex: Equatable, Sendable {
    package static let entrySize = 12

    /// A timestamp, and the last offset of the batch that it comes from.
    package struct Entry: Equatable, Sendable {
        package var timestamp: Timestamp
        package var offset: Offset
    }

    private let base: Offset
    private var entries: [Entry] = []

    package init(base: Offset) { self.base = base }

    /// Reads an index file.
    /// - Returns: nil when the bytes cannot be a time index.
    package init?(base: Offset, file: [UInt8]) {
        guard file.count % Self.entrySize == 0 else { return nil }
        self.base = base
        file.withUnsafeBytes { bytes in
            for position in stride(from: 0, to: bytes.count, by: Self.entrySize) {
                let relative: UInt32 = bytes.bigEndian(at: position + 8)
                entries.append(
                    Entry(timestamp: Timestamp(ms: bytes.bigEndian(at: position)), offset: base + Int64(relative)))
            }
        }
        for (before, after) in zip(entries, entries.dropFirst()) {
            guard before.timestamp < after.timestamp, before.offset < after.offset else { return nil }
        }
    }

    /// Adds an entry for the largest timestamp so far; no-op if it has not grown since the last entry.
    package mutating func note(_ timestamp: Timestamp, at offset: Offset) {
        if let last = entries.last, timestamp <= last.timestamp { return }
        entries.append(Entry(timestamp: timestamp, offset: offset))
    }

    package var last: Entry? { entries.last }

    /// - Returns: an offset before which no record is at or after `time`; the segment's base if no better one is known.
    package func offset(before time: Timestamp) -> Offset {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].timestamp < time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? base : entries[low - 1].offset + 1
    }

    /// The content of the index file.
    package var fileBytes: [UInt8] {
        var writer = ByteWriter(capacity: entries.count * Self.entrySize)
        for entry in entries {
            writer.append(bigEndian: entry.timestamp.ms)
            writer.append(bigEndian: UInt32(clamping: entry.offset - base))
        }
        return Array(writer.bytes)
    }
}
