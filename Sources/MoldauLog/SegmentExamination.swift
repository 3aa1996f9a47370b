// Examines every batch of a segment and finds the stretches that readers cannot get past.
//
// A batch is good if its header, its checksum and each of its records are. If one is not, the length in its header
// determines where the next batch begins, if a good batch is there; otherwise the next good batch is searched for byte
// by byte. The bytes in between are a damaged stretch. So is a run of batches whose own checksums are correct, but
// which does not match its checksum in `.checksums`: a batch's own checksum does not cover its first bytes, among them
// its offset.

package import MoldauRecords

/// A stretch of a segment's file that cannot be read.
package struct DamagedStretch: Equatable, Sendable {
    /// The base offset of its segment.
    package let segment: Offset
    package let bytes: Range<Int>
    /// The offsets lost with it. For a log's last stretch the end is a guess if the header is unreadable too.
    package let offsets: Range<Offset>
    package let reason: String
}

/// Scans a segment's batches, good and bad.
struct SegmentExamination<File: LogFile> {
    private static var windowBytes: Int { 1 << 20 }

    private enum Verdict {
        case good(RecordBatchHeader)
        /// Its checksum is correct, so these bytes were written; but no reader can read them.
        case junk(RecordBatchHeader, String)
        case broken(String)
    }

    private let file: File
    private let base: Offset
    private let size: Int
    /// Set if the segment is the log's last: broken bytes beyond this offset are a torn tail and not damage.
    private let tornFrom: Offset?
    /// The first offset of the next segment.
    private let limit: Offset?
    /// Runs with changes in bytes that no batch's own checksum covers.
    private var changedRuns: [Range<Int>] = []

    private(set) var stretches: [DamagedStretch] = []
    /// The offset after the last good batch.
    private(set) var end: Offset
    /// The size of the segment without a torn tail.
    private(set) var usedSize = 0

    /// - Parameter limit: the base of the next segment; nil for the last one, in which every offset must have its
    ///   record.
    init(
        _ file: File, base: Offset, limit: Offset?, checksums: SegmentChecksums?, tornFrom: Offset?
    ) throws(LogError) {
        (self.file, self.base, self.limit, self.tornFrom) = (file, base, limit, tornFrom)
        size = try file.size()
        end = base
        for run in checksums?.runs ?? [] where run.bytes.upperBound <= size {
            if try isChanged(run) { changedRuns.append(run.bytes) }
        }
        try walk()
    }

    private mutating func walk() throws(LogError) {
        while usedSize < size {
            let (position, first) = (usedSize, end)
            switch try judge(at: position, isGapless: limit == nil) {
            case .good(let header):
                usedSize += header.byteCount
                end = header.lastOffset + 1
            case .junk(let header, let reason):
                usedSize += header.byteCount
                end = header.lastOffset + 1
                add(position..<usedSize, first..<end, reason)
            case .broken(let reason):
                if changedRun(at: position) == nil, let tornFrom, first >= tornFrom { return }
                guard let next = try nextGood(after: position) else {
                    usedSize = size
                    add(position..<size, first..<first, reason)
                    return
                }
                usedSize = next.position
                end = next.base
                add(position..<next.position, first..<next.base, reason)
            }
        }
    }

    private mutating func add(_ bytes: Range<Int>, _ offsets: Range<Offset>, _ reason: String) {
        stretches.append(DamagedStretch(segment: base, bytes: bytes, offsets: offsets, reason: reason))
    }

    private func changedRun(at position: Int) -> Range<Int>? { changedRuns.first { $0.contains(position) } }

    /// - Parameter isGapless: whether the batch must begin where the one before ended and have a record for each
    ///   offset.
    private func judge(at position: Int, isGapless: Bool = false) throws(LogError) -> Verdict {
        if changedRun(at: position) != nil { return .broken("the bytes are not those that were written") }
        let head = SharedBytes(copying: try file.read(min(BatchFormat.headerSize, size - position), at: position))
        let header: RecordBatchHeader
        do throws(RecordBatchError) { header = try RecordBatchHeader(head.bytes) } catch { return .broken("\(error)") }
        guard isGapless ? header.baseOffset == end : header.baseOffset >= end,
            limit.map({ header.lastOffset < $0 }) ?? (header.lastOffset - base <= Int64(UInt32.max)),
            !isGapless || header.recordCount == header.lastOffsetDelta &+ 1
        else {
            return .broken("the batch cannot have the offset \(header.baseOffset): \(end) is next")
        }
        guard header.byteCount <= size - position else {
            return .broken("the batch takes \(header.byteCount) bytes, but only \(size - position) are left")
        }
        let batch = SharedBytes(copying: try file.read(header.byteCount, at: position))
        do throws(RecordBatchError) { try header.validateChecksum(batch.bytes) } catch { return .broken("\(error)") }
        do throws(RecordBatchError) {
            try header.checkReadable(batch.bytes)
            return .good(header)
        } catch {
            return .junk(header, "\(error)")
        }
    }

    /// Where the next batch with a correct checksum begins.
    private func nextGood(after position: Int) throws(LogError) -> (position: Int, base: Offset)? {
        if let run = changedRun(at: position) {
            guard run.upperBound < size else { return nil }
            if let base = try goodBase(at: run.upperBound) { return (run.upperBound, base) }
        }
        if let length = try lengthOfBatch(at: position), let base = try goodBase(at: position + length) {
            return (position + length, base)
        }
        var windowStart = position + 1
        while windowStart + BatchFormat.headerSize <= size {
            let window = try file.read(min(Self.windowBytes, size - windowStart), at: windowStart)
            let last = window.count - BatchFormat.magicEnd
            guard last >= 0 else { return nil }
            let magic = BatchFormat.magic.position
            for place in 0...last where window[place + magic] == UInt8(BatchFormat.version) {
                if let base = try goodBase(at: windowStart + place) { return (windowStart + place, base) }
            }
            windowStart += last + 1
            if windowStart + magic >= size { return nil }
        }
        return nil
    }

    /// The batch length in the header at `position`, correct or not.
    private func lengthOfBatch(at position: Int) throws(LogError) -> Int? {
        let head = SharedBytes(copying: try file.read(min(BatchFormat.headerSize, size - position), at: position))
        guard head.count == BatchFormat.headerSize else { return nil }
        let length = Int(head.bytes[BatchFormat.length]) + BatchFormat.lengthEnd
        return length >= BatchFormat.headerSize && length < size - position ? length : nil
    }

    private func goodBase(at position: Int) throws(LogError) -> Offset? {
        switch try judge(at: position) {
        case .good(let header), .junk(let header, _): header.baseOffset
        case .broken: nil
        }
    }

    /// Whether a run does not match its checksum although the own checksums of all its batches are correct.
    private func isChanged(_ run: ChecksumRun) throws(LogError) -> Bool {
        let bytes = SharedBytes(copying: try file.read(run.bytes.count, at: run.bytes.lowerBound))
        guard crc32c(bytes.bytes) != run.checksum else { return false }
        var rest = bytes.bytes
        while rest.count > 0 {
            guard let header = try? RecordBatchHeader(rest), (try? header.validateChecksum(rest)) != nil else {
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
        return true
    }
}

extension RecordBatchHeader {
    /// Throws if a reader would fail on this batch. Compaction may have deleted records from it.
    fileprivate func checkReadable(_ batch: UnsafeRawBufferPointer) throws(RecordBatchError) {
        if isControl {
            guard TransactionMarker(batch: batch) != nil else {
                throw .malformed(baseOffset: baseOffset, field: .keyLength)
            }
            return
        }
        guard codec <= 4 else { throw .malformed(baseOffset: baseOffset, field: .attributes) }
        var reader = RecordBatchReader(batch)
        while let record = try reader.next() { _ = try record.headers() }
    }
}
