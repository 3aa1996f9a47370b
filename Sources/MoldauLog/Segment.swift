// One file of a partition's log, with its two indexes: `<base offset, 20 digits>.log`, `.index`, `.timeindex`.
//
// The index files are caches. They are written when the segment is closed (rolled, or at a clean stop), read when the
// segment is first searched, and rebuilt from the batches whenever they are missing or cannot be right.

package import MoldauRecords

/// A run of batches in one file, and where in it to find an offset or a time.
package struct Segment<File: LogFile>: Sendable {
    package let base: Offset
    package let file: File
    /// Bytes of good batches; what the file holds beyond them was never acknowledged.
    package private(set) var size: Int
    package private(set) var firstTimestamp: Timestamp?
    /// The offset after the last record.
    package private(set) var end: Offset

    package private(set) var offsetIndex: OffsetIndex
    package private(set) var timeIndex: TimeIndex
    private var maxTimestamp: (timestamp: Timestamp, offset: Offset)?
    private var bytesSinceIndexed = 0

    package init(empty file: File, base: Offset) {
        self.base = base
        self.file = file
        size = 0
        end = base
        offsetIndex = OffsetIndex(base: base)
        timeIndex = TimeIndex(base: base)
    }

    /// Builds the indexes from the batches and ends the segment after the last good one.
    package init(scanning file: File, base: Offset, intervalBytes: Int, validatesChecksums: Bool) throws(LogError) {
        self.init(empty: file, base: base)
        try scan(to: try file.size(), intervalBytes: intervalBytes, validatesChecksums: validatesChecksums)
    }

    /// Takes the indexes from their files and looks at the batches after the last entry only; where the files are
    /// missing or cannot be right, at all batches.
    package init(
        indexed file: File, base: Offset, offsetIndex: [UInt8]?, timeIndex: [UInt8]?, intervalBytes: Int
    ) throws(LogError) {
        let fileSize = try file.size()
        self.init(empty: file, base: base)
        if let offsets = offsetIndex, let times = timeIndex,
            let offsets = OffsetIndex(base: base, file: offsets, segmentSize: fileSize),
            let times = TimeIndex(base: base, file: times), fileSize > 0
        {
            var head = BatchScanner(file, size: fileSize, from: 0, nextOffset: base, validatesChecksums: false)
            var tail = BatchScanner(
                file, size: fileSize, from: offsets.lastPosition, nextOffset: base, validatesChecksums: false)
            if let first = try head.next(), try tail.next() != nil {
                self.offsetIndex = offsets
                self.timeIndex = times
                firstTimestamp = first.baseTimestamp
                maxTimestamp = times.last.map { ($0.timestamp, $0.offset) }
                size = tail.position
                end = tail.nextOffset
            }
        }
        try scan(to: fileSize, intervalBytes: intervalBytes, validatesChecksums: false)
    }

    private mutating func scan(to fileSize: Int, intervalBytes: Int, validatesChecksums: Bool) throws(LogError) {
        var scanner = BatchScanner(
            file, size: fileSize, from: size, nextOffset: end, validatesChecksums: validatesChecksums)
        while let header = try scanner.next() {
            note(header, baseOffset: header.baseOffset, intervalBytes: intervalBytes)
        }
    }

    /// Whether a batch has to go to a new segment.
    package func isFull(for header: RecordBatchHeader, now: Timestamp, _ configuration: LogConfiguration) -> Bool {
        guard size > 0 else { return false }
        let time = header.maxTimestamp >= .init(ms: 0) ? header.maxTimestamp : now
        let age = time.ms.subtractingReportingOverflow(firstTimestamp?.ms ?? time.ms)
        return size + header.byteCount > configuration.segmentBytes
            || (!age.overflow && age.partialValue > configuration.segmentMs)
            || end + Int64(header.lastOffsetDelta) - base > Int64(Int32.max)
    }

    /// Writes a batch at the end: `head` is its header with the offset that it got here, `body` the rest.
    ///
    /// After an error the segment is as it was before.
    package mutating func append(
        _ header: RecordBatchHeader, head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, intervalBytes: Int
    ) throws(LogError) {
        do {
            try file.write(head, body, at: size)
        } catch {
            try? file.truncate(to: size)
            throw error
        }
        note(header, baseOffset: end, intervalBytes: intervalBytes)
    }

    private mutating func note(_ header: RecordBatchHeader, baseOffset: Offset, intervalBytes: Int) {
        let last = baseOffset + Int64(header.lastOffsetDelta)
        if firstTimestamp == nil { firstTimestamp = header.baseTimestamp }
        if maxTimestamp == nil || header.maxTimestamp > maxTimestamp!.timestamp {
            maxTimestamp = (header.maxTimestamp, last)
        }
        if bytesSinceIndexed > intervalBytes {
            offsetIndex.note(lastOffset: last, position: size)
            noteMaxTimestamp()
            bytesSinceIndexed = 0
        }
        bytesSinceIndexed += header.byteCount
        size += header.byteCount
        end = last + 1
    }

    private mutating func noteMaxTimestamp() {
        if let (timestamp, offset) = maxTimestamp { timeIndex.note(timestamp, at: offset) }
    }

    /// The largest timestamp; nil in an empty segment.
    package var latest: Timestamp? { maxTimestamp?.timestamp }

    /// Makes the indexes complete, for writing them out.
    package mutating func seal() { noteMaxTimestamp() }
}

/// The names of a segment's files.
package enum SegmentName {
    package static func path(_ directory: String, _ base: Offset, _ suffix: String) -> String {
        let digits = String(base.value)
        return "\(directory)/\(String(repeating: "0", count: max(0, 20 - digits.count)))\(digits)\(suffix)"
    }

    /// The base offset in the name of a log file; nil for other names.
    package static func base(ofLog name: String) -> Offset? { base(of: name, suffix: ".log") }

    /// The offset in the name of a file with that suffix; nil for other names.
    static func base(of name: String, suffix: String) -> Offset? {
        guard name.hasSuffix(suffix), name.count == 20 + suffix.count else { return nil }
        return Int64(name.dropLast(suffix.count)).map(Offset.init)
    }
}
