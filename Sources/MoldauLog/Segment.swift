// One file of a partition's log, with its two indexes: `<base offset, 20 digits>.log`, `.index`, `.timeindex`.
//
// The index files are caches. They are written when the segment is closed (rolled, or at a clean stop), together with
// the checksums of everything; read when the segment is first used; and rebuilt from the batches if they are missing or
// damaged.

package import MoldauRecords

/// A run of batches in one file, with the indexes that find an offset or a time in it.
package struct Segment<File: LogFile>: Sendable {
    /// How many bytes are written back at a time: for smaller pieces a system call is not worth its cost.
    private static var writebackBytes: Int { 1 << 20 }

    package let base: Offset
    package private(set) var file: File
    /// How often compaction has rewritten the segment: positions of one generation are invalid in another.
    let generation: Int
    /// Bytes of good batches; anything in the file beyond them was never acknowledged.
    package private(set) var size: Int
    package private(set) var firstTimestamp: Timestamp?
    /// The offset after the last record.
    package private(set) var end: Offset

    package private(set) var offsetIndex: OffsetIndex
    package private(set) var timeIndex: TimeIndex
    private var maxTimestamp: (timestamp: Timestamp, offset: Offset)?
    private var checksums = RunningChecksums()
    /// Runs of bytes that an earlier process wrote and that have not been verified yet.
    private(set) var unchecked: UncheckedRuns?
    /// Whether the files beside the segment must be written again.
    private(set) var isRebuilt = false
    private var bytesSinceIndexed = 0
    /// The end of the bytes whose write-back was started.
    private var writebackEnd = 0
    package private(set) var appendTimes: AppendTimes

    package init(empty file: File, base: Offset, generation: Int = 0, appendTimes: AppendTimes = AppendTimes()) {
        self.appendTimes = appendTimes
        self.base = base
        self.file = file
        self.generation = generation
        size = 0
        end = base
        offsetIndex = OffsetIndex(base: base)
        timeIndex = TimeIndex(base: base)
    }

    /// Builds the indexes from the batches, and ends the segment after the last good one.
    ///
    /// For the last segment of a log, which is never compacted.
    /// - Parameter durableEnd: batches before this offset were already complete: only their headers are checked now,
    ///   and the rest is verified when it is read.
    package init(
        scanning file: File, path: String, base: Offset, intervalBytes: Int, durableEnd: Offset = .zero
    ) throws(LogError) {
        self.init(empty: file, base: base)
        try scan(
            to: try file.size(), intervalBytes: intervalBytes, validFrom: durableEnd, isGapless: true, path: path)
    }

    /// Opens a closed segment from the files beside it; missing ones are rebuilt from the batches.
    /// - Throws: `LogError.damagedRecords` if batches are missing or damaged, as far as that is visible without reading
    ///   them; other damage is found when they are read.
    package init(
        closed file: File, path: String, base: Offset, offsetIndex: [UInt8]?, timeIndex: [UInt8]?, checksums: [UInt8]?,
        intervalBytes: Int
    ) throws(LogError) {
        let fileSize = try file.size()
        self.init(empty: file, base: base)
        let known = checksums.flatMap { SegmentChecksums(file: $0) }.flatMap { $0.canBe(of: base) ? $0 : nil }
        if let known { appendTimes = known.appendTimes }
        guard let known, known.size == fileSize else {
            try scan(to: fileSize, intervalBytes: intervalBytes, validFrom: .zero, path: path)
            let expected = known?.size ?? fileSize
            guard size >= expected else { throw .damagedRecords(path: path, bytes: size..<max(fileSize, expected)) }
            isRebuilt = true
            return
        }
        let unchecked = UncheckedRuns(known.runs, path: path)
        self.unchecked = unchecked
        guard let offsetIndex, let timeIndex, crc32c(of: offsetIndex) == known.offsetIndex,
            crc32c(of: timeIndex) == known.timeIndex,
            let offsets = OffsetIndex(base: base, file: offsetIndex, segmentSize: fileSize),
            let times = TimeIndex(base: base, file: timeIndex)
        else {
            try unchecked.check(0..<fileSize, of: file)
            try scan(to: fileSize, intervalBytes: intervalBytes, validFrom: nil, path: path)
            isRebuilt = true
            return
        }
        self.offsetIndex = offsets
        self.timeIndex = times
        size = fileSize
        end = known.end
        self.checksums = RunningChecksums(after: known.runs)
        if !known.runs.isEmpty {
            firstTimestamp = known.firstTimestamp
            maxTimestamp = (known.latest.timestamp, known.latest.offset)
        }
    }

    private mutating func scan(
        to fileSize: Int, intervalBytes: Int, validFrom: Offset?, isGapless: Bool = false, path: String
    ) throws(LogError) {
        var scanner = BatchScanner(
            file, size: fileSize, from: 0, nextOffset: base, validFrom: validFrom, isGapless: isGapless)
        var isDurable = validFrom.map { $0 > base } ?? false
        while let header = try scanner.next() {
            if isDurable, let validFrom, header.baseOffset >= validFrom {
                trust(path)
                isDurable = false
            }
            note(header, head: scanner.headChecksum, baseOffset: header.baseOffset, intervalBytes: intervalBytes)
        }
        if isDurable { trust(path) }
    }

    /// Leaves the verification of what was scanned so far to the first read.
    private mutating func trust(_ path: String) {
        checksums.closeRun()
        unchecked = UncheckedRuns(checksums.runs, path: path)
    }

    /// Whether a batch must go into a new segment.
    package func isFull(for header: RecordBatchHeader, now: Timestamp, _ configuration: LogConfiguration) -> Bool {
        guard size > 0 else { return false }
        let age = now.ms.subtractingReportingOverflow((appendTimes.first ?? now).ms)
        return size + header.byteCount > configuration.segmentBytes
            || (!age.overflow && age.partialValue > configuration.segmentMs)
            || end + Int64(header.lastOffsetDelta) - base > Int64(Int32.max)
    }

    /// Sets the time of the first or last append to `now` if it is unknown.
    /// - Returns: whether one was unknown.
    mutating func noteUnknownTimes(_ now: Timestamp) -> Bool {
        guard size > 0, appendTimes.last == nil || appendTimes.first == nil else { return false }
        appendTimes = AppendTimes(first: appendTimes.first ?? now, last: appendTimes.last ?? now)
        return true
    }

    /// After a crash: the checksum file may contain when the segment was begun, but not when it was last appended to.
    mutating func noteBegin(_ checksums: [UInt8]?) {
        appendTimes.first = checksums.flatMap { SegmentChecksums(file: $0) }?.appendTimes.first
    }

    /// Appends a batch: `head` is its header with the assigned offsets, `body` the rest.
    ///
    /// After an error the segment is as it was before.
    package mutating func append(
        _ header: RecordBatchHeader, head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, intervalBytes: Int,
        now: Timestamp
    ) throws(LogError) {
        do {
            try file.write(head, body, at: size)
        } catch {
            try? file.truncate(to: size)
            throw error
        }
        var header = header
        header.checksum = head[BatchFormat.checksum]
        let headChecksum = crc32c(UnsafeRawBufferPointer(rebasing: head[..<BatchFormat.crcEnd]))
        note(header, head: headChecksum, baseOffset: end, intervalBytes: intervalBytes)
        appendTimes.note(now)
    }

    /// See `PartitionLog.beginWriteback`.
    mutating func beginWriteback() throws(LogError) {
        guard size - writebackEnd >= Self.writebackBytes else { return }
        try file.beginWriteback(writebackEnd..<size)
        writebackEnd = size
    }

    /// Appends a batch that already has its offsets, to a segment without readers.
    mutating func append(compacted batch: [UInt8], intervalBytes: Int) throws(LogError) {
        let shared = SharedBytes(copying: batch)
        let header: RecordBatchHeader
        do { header = try RecordBatchHeader(shared.bytes) } catch { throw .invalidBatch(error) }
        try file.write(shared.bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: size)
        let head = crc32c(UnsafeRawBufferPointer(rebasing: shared.bytes[..<BatchFormat.crcEnd]))
        note(header, head: head, baseOffset: header.baseOffset, intervalBytes: intervalBytes)
    }

    /// Called after the file was renamed; `file` was opened under the new name.
    mutating func moved(to file: File) { self.file = file }

    private mutating func note(_ header: RecordBatchHeader, head: UInt32, baseOffset: Offset, intervalBytes: Int) {
        checksums.note(header, head: head)
        let last = baseOffset + Int64(header.lastOffsetDelta)
        if firstTimestamp == nil { firstTimestamp = header.baseTimestamp }
        if maxTimestamp.map({ header.maxTimestamp > $0.timestamp }) ?? true {
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

    /// Completes the indexes before they are written to files.
    package mutating func seal() {
        noteMaxTimestamp()
        checksums.closeRun()
        isRebuilt = false
    }

    /// The checksum file of a sealed segment.
    /// - Parameters:
    ///   - abortedIndex: the bytes of its index of aborted transactions.
    ///   - isVerified: whether the index is reliable. If not, its checksum is made wrong, so that the next open
    ///     rebuilds it from batches that it verifies.
    func checksumFile(abortedIndex: [UInt8], isVerified: Bool) -> [UInt8] {
        SegmentChecksums(
            end: end, firstTimestamp: firstTimestamp ?? .none,
            latest: TimeIndex.Entry(timestamp: latest ?? .none, offset: maxTimestamp?.offset ?? base),
            offsetIndex: crc32c(of: offsetIndex.fileBytes), timeIndex: crc32c(of: timeIndex.fileBytes),
            abortedIndex: isVerified ? crc32c(of: abortedIndex) : ~crc32c(of: abortedIndex), runs: checksums.runs,
            appendTimes: appendTimes
        ).fileBytes
    }
}

func crc32c(of bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { crc32c($0) } }

/// The names of a segment's files.
package enum SegmentName {
    /// The path of a segment's file with that suffix: `.log`, `.index` and so on.
    package static func path(_ directory: String, _ base: Offset, _ suffix: String) -> String {
        let digits = String(base.value)
        return "\(directory)/\(String(repeating: "0", count: max(0, 20 - digits.count)))\(digits)\(suffix)"
    }

    /// The base offset in the name of a log file; nil for other names.
    package static func base(ofLog name: String) -> Offset? { base(of: name, suffix: ".log") }

    /// The largest base offset for which the segment's offsets still fit in 64 bits.
    private static var largestBase: Int64 { .max - 2 * Int64(UInt32.max) }

    /// The offset in the name of a file with that suffix; nil for other names.
    static func base(of name: String, suffix: String) -> Offset? {
        let digits = name.utf8.dropLast(suffix.utf8.count)
        guard name.hasSuffix(suffix), digits.count == 20, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let base = Int64(String(digits) ?? ""), base <= largestBase
        else { return nil }
        return Offset(base)
    }
}
