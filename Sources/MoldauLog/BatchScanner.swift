package import MoldauRecords

/// Scans the batches of a segment file from the front, for recovery and index building.
package struct BatchScanner<File: LogFile>: ~Copyable {
    private static var chunkSize: Int { 256 * 1024 }
    private static var headerChunkSize: Int { 8 * 1024 }

    private let file: File
    private let size: Int
    private let validFrom: Offset?
    /// The largest offset an index can describe: its entries hold offsets relative to the segment's base in 32 bits.
    private let lastPossible: Offset
    private let isGapless: Bool
    private var chunk: [UInt8] = []
    private var chunkPosition = 0

    /// Where the next batch begins. After the scan: the end of the last good batch.
    package private(set) var position: Int
    /// The smallest base offset that the next batch may have.
    package private(set) var nextOffset: Offset
    /// The checksum of the last batch's first bytes, which the batch's own CRC does not cover.
    private(set) var headChecksum: UInt32 = 0

    /// - Parameters:
    ///   - size: how many bytes of the file to scan.
    ///   - nextOffset: the segment's base offset.
    ///   - validFrom: batches that end at or after this offset are verified against their checksums; nil verifies none.
    ///   - isGapless: whether every offset must have its record, as in a segment that was never compacted. A header
    ///     that contradicts this ends the scan.
    package init(
        _ file: File, size: Int, from position: Int, nextOffset: Offset, validFrom: Offset? = nil,
        isGapless: Bool = false
    ) {
        self.file = file
        self.size = size
        self.position = position
        self.nextOffset = nextOffset
        self.validFrom = validFrom
        lastPossible = Offset(min(nextOffset.value, .max - Int64(Int32.max)) + Int64(Int32.max))
        self.isGapless = isGapless
    }

    /// The next batch's header; nil at the end of the file, or if no good batch follows.
    package mutating func next() throws(LogError) -> RecordBatchHeader? {
        guard try load(BatchFormat.headerSize), let header = parse(), header.baseOffset >= nextOffset,
            header.lastOffset <= lastPossible, header.byteCount <= size - position
        else { return nil }
        if isGapless, header.baseOffset != nextOffset || header.recordCount != header.lastOffsetDelta &+ 1 {
            return nil
        }
        // The batch just before `validFrom` is verified too: no batch behind it shows whether its length is right.
        if let validFrom, header.lastOffset + 1 >= validFrom {
            guard try load(header.byteCount), isIntact(header) else { return nil }
        }
        headChecksum = chunk.withUnsafeBytes { bytes in
            let start = position - chunkPosition
            return crc32c(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + BatchFormat.crcEnd)]))
        }
        position += header.byteCount
        nextOffset = header.lastOffset + 1
        return header
    }

    /// Loads `count` bytes from `position` on into the chunk; returns false if the file ends before.
    private mutating func load(_ count: Int) throws(LogError) -> Bool {
        guard count <= size - position else { return false }
        if position >= chunkPosition, position + count <= chunkPosition + chunk.count { return true }
        // For batches that are only skipped, the header is enough, so large ones are not read completely.
        let isWalking = validFrom.map { nextOffset < $0 } ?? true
        let wanted = min(max(count, isWalking ? Self.headerChunkSize : Self.chunkSize), size - position)
        chunk = try file.read(wanted, at: position)
        chunkPosition = position
        return chunk.count >= count
    }

    private func parse() -> RecordBatchHeader? {
        chunk.withUnsafeBytes {
            try? RecordBatchHeader(UnsafeRawBufferPointer(rebasing: $0[(position - chunkPosition)...]))
        }
    }

    private func isIntact(_ header: RecordBatchHeader) -> Bool {
        chunk.withUnsafeBytes { bytes in
            let batch = UnsafeRawBufferPointer(rebasing: bytes[(position - chunkPosition)...])
            return (try? header.validateChecksum(batch)) != nil
        }
    }
}
