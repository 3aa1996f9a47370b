package import MoldauRecords

extension PartitionLog {
    /// The last stable offset: every transaction below it is committed or aborted, so readers of committed records stop
    /// here.
    package var lastStableOffset: Offset { lastStableOffset(for: nil) }

    /// - Parameter producer: the id of a producer whose own open transaction does not count, so that it reads its own
    ///   writes.
    package func lastStableOffset(for producer: Int64?) -> Offset {
        guard let first = producer.map(producers.firstUnstable(besides:)) ?? producers.firstUnstable else {
            return endOffset
        }
        #if SABOTAGE
            if files.sabotage.contains(.stableOffsetTooHigh) { return first + 1 }
        #endif
        return first
    }

    /// The offsets of a batch that was already appended, and is a retry; nil for a new one.
    /// - Throws: `LogError.producerFenced`, `.outOfOrderSequence`, `.tooManyProducers`.
    func twin(of header: RecordBatchHeader) throws(LogError) -> Range<Offset>? {
        #if SABOTAGE
            if files.sabotage.contains(.sequenceUnchecked) { return nil }
            if files.sabotage.contains(.olderTwinAppended), let twin = try producers.check(header),
                producers.lastOffsets[header.producer.id].map({ $0 >= twin.upperBound }) ?? false
            {
                return nil
            }
        #endif
        return try producers.check(header)
    }

    /// The open transactions, with the offset of their first record; by producer id.
    package var openTransactions: [(producer: Int64, epoch: Int16, start: Offset)] { producers.open }

    /// The newest epoch of each producer that wrote here, by its id.
    package var producerEpochs: [Int64: Int16] { producers.epochs }

    /// All known producers that have written here, by id.
    package var activeProducers: [ActiveProducer] { producers.all }

    /// The maximum number of known producers; batches of further ones get `LogError.tooManyProducers`.
    package mutating func limitProducers(to limit: Int) { producers.limit = limit }

    /// Expires the producers that have written nothing for at least this long. Must be called from time to time:
    /// a producer counts as idle only from the first call after its last write.
    /// - Parameter now: the time of a clock that is never set.
    package mutating func expireProducers(now: Duration, after expiration: Duration) {
        producers.expire(now: now, after: expiration)
    }

    /// Appends the marker that ends a producer's transaction. Not durable until synced.
    /// - Throws: `LogError.producerFenced` if a newer epoch has written.
    package mutating func append(
        _ marker: TransactionMarker, of producer: ProducerStamp, now: Timestamp
    ) throws(LogError) -> Appended {
        let batch = marker.batch(of: producer, at: now)
        let shared = SharedBytes(copying: batch)
        return try append(shared.bytes, now: now, takesControl: true)
    }

    /// Updates the producers' state with a batch that was written at `base`.
    mutating func noteProducer(_ header: RecordBatchHeader, _ batch: UnsafeRawBufferPointer, at base: Offset) {
        guard header.producer.id >= 0 else { return }
        guard header.isControl, let marker = TransactionMarker(batch: batch) else {
            return producers.note(header, at: base)
        }
        if let transaction = producers.note(marker, of: header.producer, at: base) { aborted.append(transaction) }
    }

    /// Writes, before the last segment is closed, its index of aborted transactions and a snapshot of the producers. An
    /// open segment needs neither file: after a crash its markers can be read again.
    mutating func sealProducers(sync: Bool) throws(LogError) {
        try verifyAborted()
        let base = segments[segments.count - 1].base
        let index = aborted.filter { $0.last >= base }.flatMap(\.bytes)
        if !index.isEmpty {
            try files.replace(SegmentName.path(directory, base, ".txnindex"), with: index, in: directory, sync: sync)
        }
        try files.replace(
            SegmentName.path(directory, endOffset, ".snapshot"), with: producers.snapshot, in: directory, sync: sync)
    }

    /// Verifies the batches of the last segment if a recovery has only seen their headers.
    private mutating func verifyAborted() throws(LogError) {
        guard !isAbortedVerified else { return }
        do throws(LogError) {
            try last.unchecked?.check(0..<last.size, of: last.file)
            isAbortedVerified = true
        } catch {
            // Readers get an error for the damage. After a repair, the aborted transactions are searched for again.
            guard case .damagedRecords = error else { throw error }
        }
    }

    // MARK: Recovery

    /// Restores the producers' state: from the newest snapshot and the batches after it.
    /// - Parameter wasClean: whether the last segment's index of aborted transactions is complete.
    mutating func loadProducers(wasClean: Bool) throws(LogError) {
        let names = try files.names(in: directory)
        let last = segments.count - 1
        var newest = try newestSnapshot(in: names, upTo: wasClean ? endOffset : segments[last].base)
        let isComplete = newest?.offset == endOffset
        let areWhole = try loadAborted(ofFirst: isComplete ? segments.count : last)
        if !areWhole {
            newest = nil
            aborted = []
        }
        if !areWhole || !isComplete {
            try files.removeFile(SegmentName.path(directory, segments[last].base, ".txnindex"))
        }
        let limit = producers.limit
        producers = newest?.states ?? ProducerStates()
        producers.limit = limit
        let from = newest?.offset ?? segments[0].base
        rebuildsAborted = !areWhole
        for index in segments.indices where index == last || segments[index + 1].base > from {
            try noteProducers(ofSegment: index, from: from, rebuilds: !areWhole)
        }
        rebuildsAborted = false
        isAbortedVerified = !areWhole || isComplete
    }

    /// Reads the indexes of aborted transactions.
    /// - Returns: false if one of them cannot be verified.
    private mutating func loadAborted(ofFirst count: Int) throws(LogError) -> Bool {
        for index in 0..<count {
            let base = segments[index].base
            let bytes = try files.contents(of: SegmentName.path(directory, base, ".txnindex")) ?? []
            let checksums = try files.contents(of: SegmentName.path(directory, base, ".checksums"))
            guard let known = checksums.flatMap({ SegmentChecksums(file: $0) }),
                known.abortedIndex == crc32c(of: bytes)
            else { return false }
            aborted += AbortedRange.all(in: bytes)
        }
        return true
    }

    private func newestSnapshot(
        in names: [String], upTo limit: Offset
    ) throws(LogError) -> (offset: Offset, states: ProducerStates)? {
        let bases = Set(segments.map(\.base))
        var newest: (offset: Offset, states: ProducerStates)?
        for offset in names.compactMap({ SegmentName.base(of: $0, suffix: ".snapshot") }) {
            let path = SegmentName.path(directory, offset, ".snapshot")
            if offset <= limit, let bytes = try files.contents(of: path), let states = ProducerStates(snapshot: bytes) {
                newest = (offset, states)
            }
            // A snapshot from a clean stop is useless once more has been appended.
            if !bases.contains(offset) { try files.removeFile(path) }
        }
        return newest
    }

    /// - Parameter rebuilds: whether to rebuild the segment's index of aborted transactions.
    private mutating func noteProducers(ofSegment index: Int, from: Offset, rebuilds: Bool) throws(LogError) {
        let segment = try segment(index)
        guard segment.end > from else { return }
        let start = segment.offsetIndex.position(atOrBefore: max(from, segment.base))
        if rebuilds || index < segments.count - 1 {
            try segment.unchecked?.check(start..<segment.size, of: segment.file)
        }
        var scanner = BatchScanner(segment.file, size: segment.size, from: start, nextOffset: segment.base)
        var found: [AbortedRange] = []
        while let header = try scanner.next() {
            guard header.baseOffset >= from, header.producer.id >= 0 else { continue }
            let range = (scanner.position - header.byteCount)..<scanner.position
            let bytes = header.isControl ? try segment.file.read(range.count, at: range.lowerBound) : []
            let shared = SharedBytes(copying: bytes)
            if header.isControl, (try? header.validateChecksum(shared.bytes)) == nil {
                throw .damagedRecords(path: SegmentName.path(directory, segment.base, ".log"), bytes: range)
            }
            if index == segments.count - 1 {
                noteProducer(header, shared.bytes, at: header.baseOffset)
            } else if header.isControl, let marker = TransactionMarker(batch: shared.bytes) {
                let transaction = producers.note(marker, of: header.producer, at: header.baseOffset)
                if let transaction { found.append(transaction) }
            } else {
                producers.note(header, at: header.baseOffset)
            }
        }
        guard rebuilds, index < segments.count - 1 else { return }
        aborted += found
        try files.replace(
            SegmentName.path(directory, segment.base, ".txnindex"), with: found.flatMap(\.bytes), in: directory,
            sync: false)
        try writeIndexes(ofSegment: index)
    }
}
