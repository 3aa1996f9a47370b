package import MoldauRecords

/// Walks the batches of a segment file from the front, as recovery and index building do.
package struct BatchScanner<File: LogFile>: ~Copyable {
    private static var chunkSize: Int { 256 * 1024 }

    private let file: File
    private let size: Int
    private let validFrom: Offset?
    private let isGapless: Bool
    private var chunk: [UInt8] = []
    private var chunkPosition = 0

    /// Where the next batch begins: after the walk, the end of the last good batch.
    package private(set) var position: Int
    /// No batch may begin below this offset.
    package private(set) var nextOffset: Offset
    /// The checksum of those bytes of the last batch that its own does not cover.
    private(set) var headChecksum: UInt32 = 0

    /// - Parameters:
    ///   - size: the bytes of the file to walk.
    ///   - validFrom: from which offset on batches are compared with their checksums; nil for none.
    ///   - isGapless: whether each offset has its record, as in a segment that was never compacted. A header that says
    ///     otherwise ends the walk.
    package init(
        _ file: File, size: Int, from position: Int, nextOffset: Offset, validFrom: Offset? = nil,
        isGapless: Bool = false
    ) {
        self.file = file
        self.size = size
        self.position = position
        self.nextOffset = nextOffset
        self.validFrom = validFrom
        self.isGapless = isGapless
    }

    /// The next batch's header; nil at the end, and where no good batch follows.
    package mutating func next() throws(LogError) -> RecordBatchHeader? {
        guard try load(BatchFormat.headerSize), let header = parse(), header.baseOffset >= nextOffset,
            header.byteCount <= size - position
        else { return nil }
        if isGapless, header.baseOffset != nextOffset || header.recordCount != header.lastOffsetDelta &+ 1 {
            return nil
        }
        // The last one before counts too: nothing behind it shows whether its length is right.
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

    /// Sees to it that the chunk holds `count` bytes from `position` on; false where the file ends before.
    private mutating func load(_ count: Int) throws(LogError) -> Bool {
        guard count <= size - position else { return false }
        if position >= chunkPosition, position + count <= chunkPosition + chunk.count { return true }
        let wanted = min(max(count, validFrom == nil ? 8_192 : Self.chunkSize), size - position)
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
