package import MoldauRecords

/// The log of one partition: record batches in the order of their offsets, in a directory of segment files.
///
/// Owned by one thread, or protected by a lock. Appends and reads go to the operating system at once: a read sees every
/// append before it, and killing the process loses nothing. Everything that was appended before a sync of the file from
/// `takeUnsynced` began is durable after it.
///
/// Invariants: `segments` is never empty and is sorted by base offset; only the last segment is written to; all others
/// are completely on disk.
package struct PartitionLog<Files: FileSystem>: Sendable {
    package let directory: String
    package var configuration: LogConfiguration
    let files: Files
    package internal(set) var segments: [LazySegment<Files.File>]
    /// The first readable offset.
    package internal(set) var startOffset: Offset
    /// Whether something was appended since the last `takeUnsynced`.
    package internal(set) var hasUnsynced = false
    /// Whether the last segment's begin time is not in a file yet: a crash would lose it.
    var hasUnwrittenBegin = false
    /// The leader epoch that batches are stamped with: how often the partition's leader has changed.
    var leaderEpoch: Int32 = 0
    var producers = ProducerStates()
    /// Ordered by the offsets of their markers.
    var aborted: [AbortedRange] = []
    /// Everything before this offset was synced, as far as the caller has reported.
    package private(set) var durableEnd: Offset = .zero
    /// Set while the indexes of aborted transactions are rebuilt: until then no checksum file may confirm those on
    /// disk.
    var rebuildsAborted = false
    /// Whether the batches from which the aborted transactions were found are verified. A recovery reads the headers of
    /// batches that were durable, but does not verify their checksums.
    var isAbortedVerified = true

    /// The offset that the next record will get.
    package var endOffset: Offset { last.end }

    /// The segment that records are appended to: it always exists, and is open.
    var last: Segment<Files.File> {
        get { segments[segments.count - 1].opened! }  // Set by the code that adds a segment at the end.
        _modify { yield &segments[segments.count - 1].opened! }  // In place, without copying its indexes.
    }

    /// Opens a partition's log; creates it if it does not exist. Blocks; reads the whole last segment after an unclean
    /// stop.
    /// - Parameter wasClean: whether the log was closed. If not, the last segment's checksums are verified and an
    ///   incomplete end is cut off: it was never acknowledged.
    /// - Parameter durableEnd: records below this offset were durable. They are never cut off.
    /// - Parameter checkpointedStart: the first readable offset, used if the log's own file does not hold it.
    /// - Throws: `LogError.io`; `.missingRecords` or `.damagedRecords` if durable records are gone.
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
        self.durableEnd = hasUnsynced ? durableEnd : endOffset
    }

    // MARK: Appending

    /// The offsets that appended batches were assigned.
    package struct Appended: Equatable, Sendable {
        /// The offset of the first record.
        package var first: Offset
        /// The offset after the last.
        package var end: Offset
        /// The timestamp that the broker gave the records; nil if they have their own, or were in the log already.
        package var logAppendTime: Timestamp?
    }

    /// Appends whole record batches that lie one after another, and gives them their offsets. Not durable until synced.
    ///
    /// Batches of a producer with sequence numbers must follow its last one. A batch that is already in the log is not
    /// appended again; the result then holds its old offsets.
    /// - Parameter isBuilt: whether `RecordBatchBuilder` built the batches in this process, with a key in each record:
    ///   then their records need not be checked.
    /// - Throws: `LogError.invalidBatch`, `.batchTooLarge`, `.controlBatch`, `.nullKey`, `.timestampOutOfBounds`: then
    ///   nothing was appended, unless a batch was too large only after it was compressed as the topic requires.
    ///   `.producerFenced`, `.outOfOrderSequence`, `.tooManyProducers`, `.io`: then the last batches may be missing.
    package mutating func append(
        _ batches: UnsafeRawBufferPointer, now: Timestamp, isBuilt: Bool = false
    ) throws(LogError) -> Appended {
        try append(batches, now: now, takesControl: false, isBuilt: isBuilt)
    }

    /// - Parameter takesControl: whether the batches may be transaction markers; only those of the coordinator are
    ///   genuine.
    mutating func append(
        _ batches: UnsafeRawBufferPointer, now: Timestamp, takesControl: Bool, isBuilt: Bool = false
    ) throws(LogError) -> Appended {
        try validate(batches, now: now, takesControl: takesControl, walksRecords: !isBuilt)
        var appended = Appended(first: endOffset, end: endOffset)
        var rest = batches
        while rest.count > 0 {
            let header = try parseBatch(rest)
            let batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
            if let twin = try twin(of: header) {
                if rest.count == batches.count { appended.first = twin.lowerBound }
                appended.end = twin.upperBound
            } else {
                try appendNew(header, batch, now: now)
                appended.end = endOffset
                if configuration.isLogAppendTime { appended.logAppendTime = now }
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
        return appended
    }

    /// Appends a batch that was checked, compressed as the topic requires.
    private mutating func appendNew(
        _ header: RecordBatchHeader, _ batch: UnsafeRawBufferPointer, now: Timestamp
    ) throws(LogError) {
        let base = endOffset
        if let repacked = try repacked(header, batch) {
            try append(try parseBatch(repacked.bytes), repacked.bytes, now: now)
        } else {
            try append(header, batch, now: now)
        }
        noteProducer(header, batch, at: base)
    }

    func parseBatch(_ bytes: UnsafeRawBufferPointer) throws(LogError) -> RecordBatchHeader {
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
        // The header is copied and completed; the producer's bytes stay unchanged. The batch's checksum does not cover
        // the fields that change.
        var head: InlineArray<61, UInt8> = InlineArray(repeating: 0)  // `headerSize`; the type needs a literal.
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

    /// Closes the last segment, durably, and starts a new one.
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
        segments[index].opened!.seal()  // The caller has opened it.
        let segment = segments[index].opened!  // As above.
        let offsetPath = SegmentName.path(directory, segment.base, ".index")
        let timePath = SegmentName.path(directory, segment.base, ".timeindex")
        try files.replace(offsetPath, with: segment.offsetIndex.fileBytes, in: directory, sync: false)
        try files.replace(timePath, with: segment.timeIndex.fileBytes, in: directory, sync: false)
        let aborted = try files.contents(of: SegmentName.path(directory, segment.base, ".txnindex")) ?? []
        try files.replace(
            SegmentName.path(directory, segment.base, ".checksums"),
            with: segment.checksumFile(abortedIndex: aborted, isVerified: isAbortedVerified), in: directory, sync: false
        )
    }

    // MARK: Durability

    /// The file to sync so that everything appended so far becomes durable; nil if it is durable already. From here on
    /// the log regards it as synced: the caller must sync the file, or take the log offline if that fails.
    package mutating func takeUnsynced() -> (file: Files.File, end: Offset)? {
        guard hasUnsynced else { return nil }
        hasUnsynced = false
        return (last.file, endOffset)
    }

    /// Starts writing appended bytes to disk once there are many, so that the next sync takes less time.
    package mutating func beginWriteback() throws(LogError) { try last.beginWriteback() }

    /// Called when the sync of the result of `takeUnsynced` has succeeded.
    package mutating func noteSynced(upTo end: Offset) { durableEnd = max(durableEnd, end) }

    /// Makes everything durable and writes the indexes. The log must not be used afterwards.
    package mutating func close() throws(LogError) {
        try last.file.sync()
        try sealProducers(sync: false)
        try writeIndexes(ofSegment: segments.count - 1)
        hasUnsynced = false
    }
}

/// A segment that is opened when it is first needed. The last segment of a log is always open.
package struct LazySegment<File: LogFile>: Sendable {
    let base: Offset
    var opened: Segment<File>?
}
