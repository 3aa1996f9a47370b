package import MoldauRecords

/// The log of one partition: batches in the order of their offsets, in a directory of segments.
///
/// A value owned by one thread or lock. Appends and reads go to the operating system at once: a read sees every append
/// before it, and a killed process loses nothing. Durable is what was there when a sync of the files in `takeUnsynced`
/// began.
///
/// Invariants: `segments` is never empty and ascends; only the last is written; all others are on disk whole.
package struct PartitionLog<Files: FileSystem>: Sendable {
    package let directory: String
    package var configuration: LogConfiguration
    let files: Files
    package internal(set) var segments: [LazySegment<Files.File>]
    /// The first offset that may be read.
    package internal(set) var startOffset: Offset
    /// Whether there is something for `takeUnsynced`.
    package internal(set) var hasUnsynced = false
    /// Whether no file says yet when the last segment was begun: a crash would forget it.
    var hasUnwrittenBegin = false
    /// What batches are marked with: Kafka's count of the partition's leaders.
    var leaderEpoch: Int32 = 0
    var producers = ProducerStates()
    /// By their markers' offsets.
    var aborted: [AbortedTransaction] = []
    /// While the indexes of aborted transactions are made anew: no checksum may stand for those on the disk.
    var rebuildsAborted = false

    /// The offset that the next record gets.
    package var endOffset: Offset { last.end }

    /// The segment that is appended to: there always is one, and it is open.
    var last: Segment<Files.File> {
        get { segments[segments.count - 1].opened! }  // Set by whoever puts a segment at the end.
        _modify { yield &segments[segments.count - 1].opened! }  // In its place, without a copy of its indexes.
    }

    /// Opens a partition's log, and creates it where there is none. Blocks; reads the whole last segment after an
    /// unclean stop.
    /// - Parameter wasClean: whether the log was closed. If not, the last segment's checksums are verified and what is
    ///   not whole at its end is cut off: it was never acknowledged.
    /// - Parameter durableEnd: the offset up to which records were durable. They are never cut off.
    /// - Parameter checkpointedStart: the first offset that may be read, where the log's own file does not tell.
    /// - Throws: `LogError.io`; `.missingRecords`, `.damagedRecords` where records that were durable are not there.
    package init(
        _ files: Files, directory: String, configuration: LogConfiguration, wasClean: Bool, durableEnd: Offset = .zero,
        checkpointedStart: Offset = .zero
    ) throws(LogError) {
        self.files = files
        self.directory = directory
        self.configuration = configuration
        segments = []
        startOffset = .zero
        try open(wasClean: wasClean, durableEnd: durableEnd, checkpointedStart: checkpointedStart)
    }

    // MARK: Appending

    /// Where appended batches came to lie.
    package struct Appended: Equatable, Sendable {
        /// The offset of the first record.
        package var first: Offset
        /// The offset after the last.
        package var end: Offset
    }

    /// Appends whole record batches that lie one after another, and gives them their offsets. Not durable until synced.
    ///
    /// Batches of a producer with sequence numbers must follow its last one; one that is there already is not appended
    /// again, and its old place is the answer.
    /// - Parameter isBuilt: whether `RecordBatchBuilder` has built them in this process, with a key in each record: then their records
    ///   need not be walked.
    /// - Throws: `LogError.invalidBatch`, `.batchTooLarge`, `.controlBatch`, `.nullKey`: then nothing was appended.
    ///   `.producerFenced`, `.outOfOrderSequence`, `.io`: then the last batches may be missing.
    package mutating func append(
        _ batches: UnsafeRawBufferPointer, now: Timestamp, isBuilt: Bool = false
    ) throws(LogError) -> Appended {
        try append(batches, now: now, takesControl: false, isBuilt: isBuilt)
    }

    /// - Parameter takesControl: whether the batches may be markers: those of others than the coordinator are forged.
    mutating func append(
        _ batches: UnsafeRawBufferPointer, now: Timestamp, takesControl: Bool, isBuilt: Bool = false
    ) throws(LogError) -> Appended {
        try validate(batches, takesControl: takesControl, walksRecords: !isBuilt)
        var appended = Appended(first: endOffset, end: endOffset)
        var rest = batches
        while rest.count > 0 {
            let header = try parseBatch(rest)
            let batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
            if let twin = try twin(of: header) {
                if rest.count == batches.count { appended.first = twin.lowerBound }
                appended.end = twin.upperBound
            } else {
                let base = endOffset
                try append(header, batch, now: now)
                noteProducer(header, batch, at: base)
                appended.end = endOffset
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
        return appended
    }

    /// All that a reader, or a later compaction, relies on.
    private func validate(
        _ batches: UnsafeRawBufferPointer, takesControl: Bool, walksRecords: Bool
    ) throws(LogError) {
        guard batches.count > 0 else { throw .invalidBatch(.truncated(needed: BatchFormat.headerSize, got: 0)) }
        var rest = batches
        while rest.count > 0 {
            let header = try parseBatch(rest)
            guard header.byteCount <= configuration.maxMessageBytes else {
                throw .batchTooLarge(bytes: header.byteCount, limit: configuration.maxMessageBytes)
            }
            guard takesControl || !header.isControl else { throw .controlBatch }
            let firstWithoutKey: Int?
            do {
                try header.validateChecksum(rest)
                let batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
                firstWithoutKey =
                    walksRecords ? try header.validateRecords(batch, isKeyed: configuration.compacts) : nil
            } catch {
                throw .invalidBatch(error)
            }
            if let firstWithoutKey { throw .nullKey(record: firstWithoutKey) }
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
    }

    private func parseBatch(_ bytes: UnsafeRawBufferPointer) throws(LogError) -> RecordBatchHeader {
        do {
            return try RecordBatchHeader(bytes)
        } catch {
            throw .invalidBatch(error)
        }
    }

    private mutating func append(
        _ header: RecordBatchHeader, _ batch: UnsafeRawBufferPointer, now: Timestamp
    ) throws(LogError) {
        var header = header
        if configuration.isLogAppendTime { header.maxTimestamp = now }
        if last.isFull(for: header, now: now, configuration) { try roll() }
        // The header is copied and completed; the producer's bytes stay as they are, and the checksum does not cover
        // the change.
        var head: InlineArray<61, UInt8> = InlineArray(repeating: 0)  // `BatchFormat.headerSize`: a type takes a literal.
        var failure: LogError?
        withUnsafeMutableBytes(of: &head) { head in
            head.copyMemory(from: UnsafeRawBufferPointer(rebasing: batch[..<BatchFormat.headerSize]))
            let body = UnsafeRawBufferPointer(rebasing: batch[BatchFormat.headerSize...])
            head[BatchFormat.baseOffset] = endOffset.value
            head[BatchFormat.leaderEpoch] = leaderEpoch
            if configuration.isLogAppendTime { setAppendTime(now, header, head, body) }
            do throws(LogError) {
                try last.append(
                    header, head: UnsafeRawBufferPointer(head), body: body,
                    intervalBytes: configuration.indexIntervalBytes, now: now)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        hasUnsynced = true
    }

    private func setAppendTime(
        _ now: Timestamp, _ header: RecordBatchHeader, _ head: UnsafeMutableRawBufferPointer,
        _ body: UnsafeRawBufferPointer
    ) {
        head[BatchFormat.attributes] = header.attributes | BatchFormat.logAppendTime
        head[BatchFormat.maxTimestamp] = now.ms
        let summedHead = UnsafeRawBufferPointer(rebasing: head[BatchFormat.crcEnd...])
        head[BatchFormat.checksum] = crc32c(body, seed: crc32c(summedHead))
    }

    /// Closes the last segment, durably, and begins a new one.
    package mutating func roll() throws(LogError) {
        let base = endOffset
        try last.file.sync()
        try sealProducers(sync: true)
        try writeIndexes(ofSegment: segments.count - 1)
        try addSegment(at: base)
    }

    mutating func addSegment(at base: Offset) throws(LogError) {
        let file = try files.open(SegmentName.path(directory, base, ".log"))
        try syncDirectory()
        segments.append(LazySegment(base: base, opened: Segment(empty: file, base: base)))
        hasUnwrittenBegin = true
    }

    /// Makes the names of the log's files durable.
    func syncDirectory() throws(LogError) {
        #if SABOTAGE
            if files.sabotage.contains(.skipsDirectorySync) { return }
        #endif
        try files.syncDirectory(directory)
    }

    mutating func writeIndexes(ofSegment index: Int) throws(LogError) {
        segments[index].opened!.seal()  // Whoever asks has opened it.
        let segment = segments[index].opened!  // As above.
        let offsetPath = SegmentName.path(directory, segment.base, ".index")
        let timePath = SegmentName.path(directory, segment.base, ".timeindex")
        try files.replace(offsetPath, with: segment.offsetIndex.fileBytes, in: directory, sync: false)
        try files.replace(timePath, with: segment.timeIndex.fileBytes, in: directory, sync: false)
        let aborted = try files.contents(of: SegmentName.path(directory, segment.base, ".txnindex")) ?? []
        try files.replace(
            SegmentName.path(directory, segment.base, ".checksums"), with: segment.checksumFile(abortedIndex: aborted),
            in: directory, sync: false)
    }

    // MARK: Durability

    /// The file to sync for everything appended so far to be durable; nil when it is already. From here on the log
    /// counts it as synced: the caller syncs, or the log goes offline.
    package mutating func takeUnsynced() -> (file: Files.File, end: Offset)? {
        guard hasUnsynced else { return nil }
        hasUnsynced = false
        return (last.file, endOffset)
    }

    /// Makes everything durable and writes the indexes out. The log is not used afterwards.
    package mutating func close() throws(LogError) {
        try last.file.sync()
        try sealProducers(sync: false)
        try writeIndexes(ofSegment: segments.count - 1)
        hasUnsynced = false
    }
}

/// A segment that is opened when it is first needed. The last of a log always is.
package struct LazySegment<File: LogFile>: Sendable {
    let base: Offset
    var opened: Segment<File>?
}
