package import MoldauRecords

/// Where a reader of a log continues: avoids the search when it reads one run of batches after another.
package struct LogCursor: Equatable, Sendable {
    package var offset: Offset
    var segmentBase: Offset
    var generation: Int
    var position: Int
}

/// A read that was located but not performed yet: the file can be read without holding the log's lock.
package struct PlannedRead<File: LogFile>: Sendable {
    let file: File
    let directory: String
    let segmentBase: Offset
    let generation: Int
    let position: Int
    /// The last indexed batch that the read may reach.
    let farthest: Int
    let size: Int
    let from: Offset
    let maxBytes: Int
    /// The read ends before the first batch at or after this offset.
    let upTo: Offset
    /// The transactions whose batches readers must skip: those that end at `from` or later.
    let aborted: ArraySlice<AbortedRange>
    let unchecked: UncheckedRuns?
    /// Keeps the file readable: compaction and retention may remove it before it is read.
    let hold: FileHold?

    /// Whole batches as they are on disk, and where to continue reading after them.
    package struct Result: Sendable {
        package let bytes: SharedBytes
        package let next: LogCursor
        /// The aborted transactions with records among the bytes; empty if all records were requested.
        package let aborted: [AbortedTransaction]

        /// The bytes without the batches of aborted transactions: those that a reader of committed records may see.
        package var committed: SharedBytes { bytes.withoutAborted(aborted) }
    }

    /// Reads as many whole batches as fit in `maxBytes`, at least one. Blocks on the disk.
    /// - Returns: no bytes if compaction left nothing between the wanted offset and the end; reading continues there.
    package func read() throws(LogError) -> Result {
        guard let start = try firstBatch() else { return nothing }
        var result = try read(at: start, bytes: max(maxBytes, BatchFormat.headerSize))
        if result.bytes.count == 0 {
            // The first batch is larger than `maxBytes`: read it alone.
            var scanner = BatchScanner(file, size: size, from: start, nextOffset: segmentBase)
            guard let header = try scanner.next() else { return nothing }
            result = try read(at: start, bytes: header.byteCount)
            guard result.bytes.count > 0 else { throw damage(start..<size) }
        }
        return result
    }

    /// Where the batches are that `read` would return, for senders that use the file directly. Blocks on the disk.
    package struct Located: Sendable {
        package let bytes: FileBytes
        package let next: LogCursor
        package let aborted: [AbortedTransaction]
    }

    /// Locates what `read` would return, if that is in a file with a descriptor and has at least `minBytes`.
    package func locate(minBytes: Int) throws(LogError) -> Located? {
        guard size - position >= minBytes, let (number, hold) = try file.sharedDescriptor(),
            let start = try firstBatch()
        else { return nil }
        // The batches in between are not examined: for many small batches that would cost as much as reading them.
        var scanner = BatchScanner(file, size: size, from: max(start, farthest), nextOffset: segmentBase)
        var (end, next) = (scanner.position, from)
        while let header = try scanner.next(), header.baseOffset < upTo {
            guard end == start || scanner.position - start <= maxBytes else {
                if next == from { next = header.baseOffset }
                break
            }
            (end, next) = (scanner.position, header.lastOffset + 1)
        }
        guard end - start >= max(minBytes, 1) else { return nil }
        try unchecked?.check(start..<end, of: file)
        return Located(
            bytes: FileBytes(descriptor: number, range: start..<end, hold: hold),
            next: LogCursor(offset: next, segmentBase: segmentBase, generation: generation, position: end),
            aborted: aborted(before: next))
    }

    private func aborted(before next: Offset) -> [AbortedTransaction] {
        aborted.filter { $0.first < next }.map { AbortedTransaction(producer: $0.producer, first: $0.first) }
    }

    private var nothing: Result {
        Result(
            bytes: SharedBytes(copying: []),
            next: LogCursor(offset: upTo, segmentBase: segmentBase, generation: generation, position: size),
            aborted: [])
    }

    /// The position of the batch that contains the wanted offset, or of the first batch after it.
    private func firstBatch() throws(LogError) -> Int? {
        var scanner = BatchScanner(file, size: size, from: position, nextOffset: segmentBase)
        while let header = try scanner.next() {
            guard header.lastOffset >= from else { continue }
            let found = scanner.position - header.byteCount
            // A batch that contains the offset is the right one, whatever was skipped. A later batch may not be: a
            // damaged one before it may have been skipped.
            if header.baseOffset > from { try unchecked?.check(position..<(found + 1), of: file) }
            return header.baseOffset < upTo ? found : nil
        }
        try unchecked?.check(position..<min(scanner.position + BatchFormat.headerSize, size), of: file)
        guard scanner.position == size else { throw damage(scanner.position..<size) }
        return nil
    }

    private func damage(_ bytes: Range<Int>) -> LogError {
        .damagedRecords(path: SegmentName.path(directory, segmentBase, ".log"), bytes: bytes)
    }

    private func read(at start: Int, bytes wanted: Int) throws(LogError) -> Result {
        var next = from
        let bytes = try SharedBytes(capacity: min(wanted, size - start)) { buffer throws(LogError) in
            let got = try file.read(into: buffer, at: start)
            var whole = 0
            while whole < got {
                let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[whole..<got])
                guard let header = try? RecordBatchHeader(rest), header.byteCount <= rest.count,
                    header.baseOffset < upTo
                else { break }
                whole += header.byteCount
                next = header.lastOffset + 1
            }
            return whole
        }
        try unchecked?.check(start..<(start + bytes.count), of: file)
        return Result(
            bytes: bytes,
            next: LogCursor(
                offset: next, segmentBase: segmentBase, generation: generation, position: start + bytes.count),
            aborted: aborted(before: next))
    }
}

extension PartitionLog {
    /// Locates the batches from `offset` on.
    /// - Parameter cursor: where the same reader's last read ended, if there was one.
    /// - Parameter limit: the read ends before the first batch at or after this offset.
    /// - Parameter onlyCommitted: stops at the first open transaction, and lists the aborted ones.
    /// - Parameter producer: the id of a producer whose own open transaction is read nevertheless.
    /// - Parameter includesDeleted: whether deleted records are read as long as their segment exists.
    /// - Returns: nil at the end of the log.
    /// - Throws: `LogError.offsetOutOfRange`.
    package mutating func planRead(
        from offset: Offset, maxBytes: Int, after cursor: LogCursor? = nil, below limit: Offset = Offset(.max),
        onlyCommitted: Bool = false, openOf producer: Int64? = nil, includesDeleted: Bool = false
    ) throws(LogError) -> PlannedRead<Files.File>? {
        let end = endOffset
        guard includesDeleted || offset >= startOffset, offset <= end else {
            throw .offsetOutOfRange(requested: offset, held: startOffset..<end)
        }
        let limit = min(limit, onlyCommitted ? lastStableOffset(for: producer) : end)
        if offset >= limit { return nil }
        var index = indexOfSegment(holding: offset)
        var segment = try segment(index)
        // Compaction may have deleted the last records of a segment, or all of them.
        while segment.size == 0 || offset >= segment.end, index + 1 < segments.count {
            index += 1
            segment = try self.segment(index)
        }
        let position: Int
        if let cursor, cursor.offset == offset, cursor.segmentBase == segment.base,
            cursor.generation == segment.generation, cursor.position < segment.size
        {
            position = cursor.position
        } else {
            position = segment.offsetIndex.position(atOrBefore: offset)
        }
        return PlannedRead(
            file: segment.file, directory: directory, segmentBase: segment.base, generation: segment.generation,
            position: position,
            farthest: segment.offsetIndex.position(
                atOrBefore: position + min(maxBytes, segment.size - position), endingBelow: limit),
            size: segment.size, from: offset, maxBytes: maxBytes, upTo: limit,
            aborted: onlyCommitted ? abortedTransactions(from: offset) : [],
            unchecked: uncheckedRuns(of: segment), hold: try segment.file.hold())
    }

    /// The aborted transactions, whose records readers of committed records do not get.
    private func abortedTransactions(from offset: Offset) -> ArraySlice<AbortedRange> {
        #if SABOTAGE
            if files.sabotage.contains(.abortedReadable) { return [] }
        #endif
        return aborted(endingAtOrAfter: offset)
    }

    /// The batches to be compared with their checksums when they are read.
    private func uncheckedRuns(of segment: Segment<Files.File>) -> UncheckedRuns? {
        #if SABOTAGE
            if files.sabotage.contains(.damageServed) { return nil }
        #endif
        return segment.unchecked
    }

    /// The aborted transactions whose markers are at `offset` or later.
    private func aborted(endingAtOrAfter offset: Offset) -> ArraySlice<AbortedRange> {
        var (low, high) = (0, aborted.count)
        while low < high {
            let middle = (low + high) / 2
            if aborted[middle].last < offset { low = middle + 1 } else { high = middle }
        }
        return aborted[low...]
    }

    /// Estimates how many bytes a read from `offset` would find below `limit`, without reading any: at least 1 if there
    /// are any, and as exact as the index. Used to wait until there are enough.
    package mutating func readableBytes(from offset: Offset, below limit: Offset) throws(LogError) -> Int {
        guard let planned = try planRead(from: offset, maxBytes: 0, below: limit) else { return 0 }
        let segment = try segment(indexOfSegment(holding: planned.segmentBase))
        let end = limit >= segment.end ? segment.size : segment.offsetIndex.position(atOrBefore: limit)
        let later = limit > segment.end ? segments[(indexOfSegment(holding: planned.segmentBase) + 1)...] : []
        return max(1, end - planned.position) + later.reduce(0) { $0 + ($1.opened?.size ?? 0) }
    }

    /// Locates and reads batches in one step; nil at the end of the log.
    package mutating func read(from offset: Offset, maxBytes: Int) throws(LogError) -> SharedBytes? {
        try planRead(from: offset, maxBytes: maxBytes)?.read().bytes
    }

    private func indexOfSegment(holding offset: Offset) -> Int {
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].base <= offset { low = middle + 1 } else { high = middle }
        }
        return max(low - 1, 0)
    }

    /// The latest timestamp of a record; nil if there are no records.
    private mutating func latestTimestamp() throws(LogError) -> Timestamp? {
        var latest: Timestamp?
        for index in segments.indices {
            if let timestamp = try segment(index).latest { latest = max(latest ?? timestamp, timestamp) }
        }
        return latest
    }

    /// The first of the records with the latest timestamp; nil if there are no records. As on Kafka, a deleted record
    /// counts as long as its segment exists. Blocks on the disk.
    package mutating func latestRecord() throws(LogError) -> (offset: Offset, timestamp: Timestamp)? {
        guard let latest = try latestTimestamp(), let offset = try offset(atOrAfter: latest, includesDeleted: true)
        else { return nil }
        return (offset, latest)
    }

    /// The first offset whose record is at or after `time`; nil if there is none. Blocks on the disk.
    /// - Parameter includesDeleted: whether deleted records count as long as their segment exists.
    package mutating func offset(
        atOrAfter time: Timestamp, includesDeleted: Bool = false
    ) throws(LogError) -> Offset? {
        for index in segments.indices {
            let segment = try segment(index)
            let start = includesDeleted ? segment.base : startOffset
            guard let latest = segment.latest, latest >= time, segment.end > start else { continue }
            var from = max(segment.timeIndex.offset(before: time), start)
            while from < segment.end,
                let read = try planRead(from: from, maxBytes: 1 << 20, includesDeleted: includesDeleted)?.read()
            {
                if let found = try firstOffset(in: read.bytes, from: from, atOrAfter: time) { return found }
                from = read.next.offset
            }
        }
        return nil
    }

    private func firstOffset(
        in bytes: SharedBytes, from: Offset, atOrAfter time: Timestamp
    ) throws(LogError) -> Offset? {
        var reader = RecordBatchReader(bytes.bytes, from: from)
        do throws(RecordBatchError) {
            while let record = try reader.next() {
                if record.timestamp >= time { return record.offset }
            }
        } catch {
            throw .invalidBatch(error)
        }
        return nil
    }
}
