package import MoldauLog
package import MoldauRecords
internal import Synchronization

/// One partition of the broker: its log, with its own lock, and the bells of readers that wait for its next record.
///
/// The directory is created by the first append, so that an unused partition costs nothing.
package final class BrokerPartition<Files: FileSystem>: Sendable {
    private struct State: Sendable {
        var configuration: LogConfiguration
        var log: PartitionLog<Files>?
        /// The bells that readers added, by occasion.
        var bells: [Bell.Occasion: [Bell]] = [:]
        /// The error that every call throws from now on.
        var end: BrokerError?
        /// Whether the next sync will include the log.
        var isNoted = false
    }

    /// Batches that were read, in their form on disk, and where reading continues.
    package struct Fetched: Sendable {
        package let bytes: SharedBytes
        package let next: LogCursor
        /// The aborted transactions with records among the bytes; empty if all records were requested.
        package let aborted: [AbortedTransaction]
        /// The offset after the last readable record.
        package let end: Offset

        /// The bytes without the batches of aborted transactions: those that a reader of committed records may see.
        package var committed: SharedBytes { bytes.withoutAborted(aborted) }
    }

    package let name: TopicPartition
    private let topicID: TopicID?
    private let files: Files
    private let directory: String
    private let wasClean: Bool
    private let durableEnd: Offset
    private let checkpointedStart: Offset
    let groupCommit: GroupCommit<Files>
    private let clock: @Sendable () -> Timestamp
    private let transactions: Transactions
    private let state: Mutex<State>

    init(
        _ name: TopicPartition, topicID: TopicID?, files: Files, directory: String, configuration: LogConfiguration,
        wasClean: Bool, durableEnd: Offset, checkpointedStart: Offset, groupCommit: GroupCommit<Files>,
        clock: @escaping @Sendable () -> Timestamp,
        transactions: Transactions
    ) {
        self.name = name
        self.topicID = topicID
        self.files = files
        self.directory = directory
        state = Mutex(State(configuration: configuration))
        self.wasClean = wasClean
        self.durableEnd = durableEnd
        self.checkpointedStart = checkpointedStart
        self.groupCommit = groupCommit
        self.clock = clock
        self.transactions = transactions
    }

    var configuration: LogConfiguration { state.withLock { $0.configuration } }

    /// Applies new settings.
    func configure(_ configuration: LogConfiguration) {
        state.withLock { state in
            state.configuration = configuration
            state.log?.configuration = configuration
        }
    }

    /// Runs `body` on the log while holding the lock; creates the log if it does not exist and `creates` is set.
    func withLog<Result: Sendable>(
        creates: Bool = false, _ body: (inout PartitionLog<Files>) throws(LogError) -> Result
    ) throws(BrokerError) -> Result? {
        do {
            return try state.withLock { state throws(BrokerError) in
                if let end = state.end { throw end }
                // Before the new records are readable: readers may rely on the next sync.
                defer { note(&state) }
                do throws(LogError) {
                    if state.log == nil {
                        guard creates || durableEnd > .zero || files.exists(directory) else { return nil }
                        if let topicID, files.exists(directory) { try files.claim(directory, for: topicID) }
                        var log = try PartitionLog(
                            files, directory: directory, configuration: state.configuration, wasClean: wasClean,
                            durableEnd: durableEnd, checkpointedStart: checkpointedStart)
                        if let topicID { try files.claim(directory, for: topicID) }
                        log.limitProducers(to: transactions.limits.producersPerPartition)
                        state.log = log
                    }
                    return try body(&state.log!)  // Opened above if it was not open.
                } catch {
                    // A partition that could not be opened because of lost records stays closed.
                    if state.log == nil, error.isLoss { state.end = .log(name, error) }
                    throw .log(name, error)
                }
            }
        } catch {
            // After a failed sync, of whatever file, it is unknown what is on disk.
            if case .log(_, let cause) = error, case .io(operation: "sync", _, _, _) = cause {
                groupCommit.goOffline(cause)
            }
            throw error
        }
    }

    /// Appends whole batches of a client; readers see them at once. Durable after the broker's `flush`. Blocks on the
    /// file system.
    /// - Parameter isBuilt: whether this process has built them: see `PartitionLog.append`.
    /// - Throws: `BrokerError.internalTopic`; `.producerFenced`, `.invalidTransaction` if the coordinator knows no
    ///   transaction of the producer that writes here; `.log` if the log refuses.
    @discardableResult
    package func append(
        _ batches: UnsafeRawBufferPointer, isBuilt: Bool = false
    ) throws(BrokerError) -> PartitionLog<Files>.Appended {
        if Broker<Files>.isInternal(name.topic) { throw .internalTopic(name.topic) }
        #if SABOTAGE
            var stamp = try stamp(of: batches)
        #else
            let stamp = try stamp(of: batches)
        #endif
        guard stamp.id >= 0 else { return try appendOwn(batches, isBuilt: isBuilt) }
        #if SABOTAGE
            if files.sabotage.contains(.staleEpochAccepted) { return try appendOwn(batches, isBuilt: isBuilt) }
            if files.sabotage.contains(.unlistedAccepted) { stamp.isTransactional = false }
        #endif
        nonisolated(unsafe) let batches = batches  // Used inside the call alone.
        return try transactions.whileAdmitted(stamp, to: name) { () throws(BrokerError) in
            try appendOwn(batches, isBuilt: isBuilt)
        }
    }

    /// The producer of the batches; throws unless it is the same for all.
    private func stamp(of batches: UnsafeRawBufferPointer) throws(BrokerError) -> ProducerStamp {
        do throws(RecordBatchError) {
            let first = try RecordBatchHeader(batches)
            var rest = batches
            var header = first
            while header.byteCount < rest.count {
                rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
                header = try RecordBatchHeader(rest)
                guard header.producer.isOfSameProducer(as: first.producer) else {
                    throw .malformed(baseOffset: header.baseOffset, field: .producer)
                }
            }
            guard first.producer.id < 0 || first.producer.baseSequence >= 0 else {
                throw .malformed(baseOffset: first.baseOffset, field: .sequence)
            }
            return first.producer
        } catch {
            throw .log(name, .invalidBatch(error))
        }
    }

    /// Appends whole batches of the broker itself, like `append`.
    @discardableResult
    package func appendOwn(
        _ batches: UnsafeRawBufferPointer, isBuilt: Bool = false
    ) throws(BrokerError) -> PartitionLog<Files>.Appended {
        nonisolated(unsafe) let batches = batches  // Used inside the call alone.
        return try append { log, now throws(LogError) in try log.append(batches, now: now, isBuilt: isBuilt) }
    }

    private func append(
        _ body: (inout PartitionLog<Files>, Timestamp) throws(LogError) -> PartitionLog<Files>.Appended
    ) throws(BrokerError) -> PartitionLog<Files>.Appended {
        do throws(LogError) { try groupCommit.checkOnline() } catch { throw .log(name, error) }
        let now = clock()
        let appended = try withLog(creates: true) { log throws(LogError) in
            let appended = try body(&log, now)
            if groupCommit.isAwaited { try log.beginWriteback() }
            return appended
        }!  // With `creates` there is a log.
        ring(.appends)
        if !groupCommit.isAwaited { ring(.visibility) }
        return appended
    }

    private func ring(_ occasion: Bell.Occasion) {
        for bell in state.withLock({ $0.bells[occasion] ?? [] }) { bell.ring() }
    }

    /// Called when the records before `end` are durable: they become visible to external clients.
    func noteSynced(upTo end: Offset) {
        state.withLock { $0.log?.noteSynced(upTo: end) }
        if groupCommit.isAwaited { ring(.visibility) }
    }

    /// Called with the lock held; it is taken before that of the group commit.
    private func note(_ state: inout sending State) {
        guard !state.isNoted, state.log?.hasUnsynced == true else { return }
        state.isNoted = true
        groupCommit.note(self)
    }

    /// Opens the log; its tail must be synced before it is read.
    func recover() throws(BrokerError) { _ = try withLog { _ throws(LogError) in } }

    var isDeleted: Bool { end != nil }

    /// The error that every call throws; nil while the partition is usable.
    var end: BrokerError? { state.withLock { $0.end } }

    /// Calls `body` with the log if it is open; nil if it is not.
    func withOpenLog<Answer: Sendable>(_ body: (PartitionLog<Files>) -> Answer) -> Answer? {
        state.withLock { state in state.log.map { body($0) } }
    }

    /// The file to sync, and the offset up to which it has records; from here on the partition counts as clean.
    func takeUnsynced() -> (file: Files.File, end: Offset)? {
        state.withLock { state in
            state.isNoted = false
            return state.log?.takeUnsynced()
        }
    }

    /// Reads whole batches from `offset` on: as many as fit into `maxBytes`, but at least one. Does not wait. Blocks on
    /// the disk.
    /// - Parameters:
    ///   - cursor: `next` of the same reader's last read.
    ///   - onlyCommitted: leaves out the records of open transactions, and lists the aborted transactions.
    ///   - producer: the id of a producer whose own open transaction is read too.
    /// - Returns: nil at the end of the partition; no bytes if compaction left nothing before the end.
    package func read(
        from offset: Offset, maxBytes: Int, after cursor: LogCursor? = nil, onlyCommitted: Bool = false,
        openOf producer: Int64? = nil
    ) throws(BrokerError) -> Fetched? {
        let found = try withLog { log throws(LogError) in
            (
                try log.planRead(
                    from: offset, maxBytes: maxBytes, after: cursor, onlyCommitted: onlyCommitted, openOf: producer),
                onlyCommitted ? log.lastStableOffset(for: producer) : log.endOffset
            )
        }
        guard let (planned, end) = found else {
            try checkEmpty(offset)
            return nil
        }
        do throws(LogError) {
            guard let read = try planned?.read() else { return nil }
            return Fetched(bytes: read.bytes, next: read.next, aborted: read.aborted, end: end)
        } catch {
            throw .log(name, error)
        }
    }

    /// Throws unless `offset` is 0: a partition without a log is empty.
    func checkEmpty(_ offset: Offset) throws(BrokerError) {
        guard offset == .zero else {
            throw .log(name, .offsetOutOfRange(requested: offset, held: Offset.zero..<Offset.zero))
        }
    }

    /// Calls `body` with every record. For topics of the broker itself.
    func forEachRecord(_ body: (RecordView) -> Void) throws(BrokerError) {
        try forEachBatch { _, _, reader throws(RecordBatchError) in
            while let record = try reader.next() { body(record) }
        }
    }

    /// Calls `body` with every batch, including markers and batches of undecided and aborted transactions, each with a
    /// reader of its records.
    /// - Returns: the number of bytes read.
    @discardableResult
    func forEachBatch(
        _ body: (RecordBatchHeader, UnsafeRawBufferPointer, inout RecordBatchReader) throws(RecordBatchError) -> Void
    ) throws(BrokerError) -> Int {
        let start = try bounds().lowerBound
        var (position, cursor) = (start, LogCursor?.none)
        var byteCount = 0
        while let fetched = try read(from: position, maxBytes: 1 << 20, after: cursor) {
            var rest = fetched.bytes.bytes
            do throws(RecordBatchError) {
                while rest.count > 0 {
                    let header = try RecordBatchHeader(rest)
                    let batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
                    var reader = RecordBatchReader(batch, from: start)
                    try body(header, batch, &reader)
                    rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
                }
            } catch {
                throw .log(name, .invalidBatch(error))
            }
            (position, cursor) = (fetched.next.offset, fetched.next)
            byteCount += fetched.bytes.count
        }
        return byteCount
    }

    /// The first offset held, and the last stable offset: the one after the last committed record.
    package func bounds() throws(BrokerError) -> Range<Offset> {
        try withLog { log throws(LogError) in
            log.startOffset..<max(log.startOffset, log.lastStableOffset)
        } ?? Offset.zero..<Offset.zero
    }

    /// The offset that the next record will get.
    package func endOffset() throws(BrokerError) -> Offset {
        try withLog { log throws(LogError) in log.endOffset } ?? .zero
    }

    /// The producers with open transactions, sorted by id, and where these begin.
    /// - Parameter opens: whether to open a log that is not in use.
    func openTransactions(
        opens: Bool = true
    ) throws(BrokerError) -> [(producer: ProducerIdentity, start: Offset)] {
        if !opens, state.withLock({ $0.log == nil }) { return [] }
        return try withLog { log throws(LogError) in
            log.openTransactions.map { (ProducerIdentity(id: $0.producer, epoch: $0.epoch), $0.start) }
        } ?? []
    }

    /// The producers that are known to have written here, by id.
    package func producers() throws(BrokerError) -> [ActiveProducer] {
        try withLog { log throws(LogError) in log.activeProducers } ?? []
    }

    /// Expires the producers that have not written here for long; no-op for a log that is not in use.
    func expireProducers(now: Duration) {
        state.withLock { $0.log?.expireProducers(now: now, after: transactions.limits.producerExpiration) }
    }

    /// The newest epoch of each producer that wrote here, by its id.
    func producerEpochs() throws(BrokerError) -> [Int64: Int16] {
        try withLog { log throws(LogError) in log.producerEpochs } ?? [:]
    }

    /// Ends a producer's transaction here, if one is open; readers of committed records can then continue.
    /// - Parameter end: the offset after the transaction's records: a transaction that began there or later is a
    ///   different one.
    func end(_ producer: ProducerIdentity, before end: Offset, _ marker: TransactionMarker) throws(BrokerError) {
        let isOpen = try withLog { log throws(LogError) in
            log.openTransactions.contains { $0.producer == producer.id && $0.start < end }
        }
        guard isOpen == true else { return }
        try write(marker, of: producer)
    }

    /// Ends a producer's transaction here, whether or not it has written: older epochs are fenced from now on.
    func write(_ marker: TransactionMarker, of producer: ProducerIdentity) throws(BrokerError) {
        _ = try append { log, now throws(LogError) in
            try log.append(marker, of: producer.unnumberedStamp, now: now)
        }
    }

    /// The first offset whose record is at or after `time`; nil if there is none. Blocks on the disk.
    package func offset(atOrAfter time: Timestamp) throws(BrokerError) -> Offset? {
        try withLog { log throws(LogError) in try log.offset(atOrAfter: time) } ?? nil
    }

    /// Deletes whole segments of records below `offset`, and makes the other records below it unreadable.
    package func deleteRecords(before offset: Offset) throws(BrokerError) {
        _ = try withLog { log throws(LogError) in try log.deleteRecords(before: offset) }
    }

    /// Deletes expired segments.
    /// - Returns: the deleted offsets; nil for none.
    func applyRetention() throws(BrokerError) -> Range<Offset>? {
        let now = clock()
        let removed = try withLog { log throws(LogError) in
            let start = log.startOffset
            try log.applyRetention(now: now)
            return start..<log.startOffset
        }
        return removed.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The first offset held and the end, if the log is open.
    var openBounds: Range<Offset>? {
        state.withLock { state in state.log.map { $0.startOffset..<max($0.startOffset, $0.endOffset) } }
    }

    /// Rewrites closed segments without records that later ones replace, if that is worth it. The partition is locked
    /// only before and after.
    /// - Returns: the bytes before and after; nil if nothing was done.
    @discardableResult
    package func compact() throws(BrokerError) -> (before: Int, after: Int)? {
        let now = clock()
        let plan = try withLog { log throws(LogError) in try log.planCompaction(now: now) } ?? nil
        guard let plan else { return nil }
        let compacted: CompactedSegments<Files>
        do throws(LogError) {
            compacted = try plan.run()
        } catch {
            if case .io = error, try withLog({ log throws(LogError) in log.holds(plan) }) == false { return nil }
            throw .log(name, error)
        }
        _ = try withLog { log throws(LogError) in try log.install(compacted) }
        return (compacted.bytesBefore, compacted.bytesAfter)
    }

    /// Rings this bell on every such occasion from now on, and when the partition is deleted or closed.
    package func add(_ bell: Bell, for occasion: Bell.Occasion) {
        state.withLock { $0.bells[occasion, default: []].append(bell) }
    }

    /// Stops ringing the bell; no-op if it was not added.
    package func remove(_ bell: Bell) {
        state.withLock { state in
            for occasion in Bell.Occasion.allCases { state.bells[occasion]?.removeAll { $0 === bell } }
        }
    }

    /// Rings every bell: every later call throws.
    private func ringForEnd() { for occasion in Bell.Occasion.allCases { ring(occasion) } }

    /// Makes the log durable and writes its indexes; every later call throws `.closed`.
    func close() throws(LogError) {
        defer { ringForEnd() }
        try state.withLock { state throws(LogError) in
            if state.end != nil { return }
            state.end = .closed
            try state.log?.close()
            state.log = nil
        }
    }

    /// Called when the topic was deleted: every later call throws.
    func markDeleted() {
        state.withLock { state in
            state.end = .unknownTopic(name.topic)
            state.log = nil
        }
        ringForEnd()
    }
}
