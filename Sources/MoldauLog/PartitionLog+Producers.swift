package import MoldauRecords

extension PartitionLog {
    /// The offset up to which transactions are decided: what readers of committed records may read.
    package var lastStableOffset: Offset {
        guard let first = producers.firstUnstable else { return endOffset }
        return configuration.sabotage.contains(.stableOffsetTooHigh) ? first + 1 : first
    }

    /// The producers whose transactions are open, and where those begin; by id.
    package var openTransactions: [(producer: Int64, epoch: Int16, start: Offset)] { producers.open }

    /// The newest epoch of each producer that wrote here, by its id.
    package var producerEpochs: [Int64: Int16] { producers.epochs }

    /// Appends the marker that ends a producer's transaction. Not durable until synced.
    /// - Throws: `LogError.producerFenced` where a newer epoch wrote.
    package mutating func append(
        _ marker: TransactionMarker, of producer: ProducerStamp, now: Timestamp
    ) throws(LogError) -> Appended {
        let batch = marker.batch(of: producer, at: now)
        let shared = batch.withUnsafeBytes { SharedBytes(copying: $0) }
        return try append(shared.bytes, now: now)
    }

    /// Takes note of a batch that was written at `base`.
    mutating func noteProducer(
        _ header: RecordBatchHeader, _ batch: UnsafeRawBufferPointer, at base: Offset
    ) throws(LogError) {
        guard header.producer.id >= 0 else { return }
        guard header.isControl, let marker = TransactionMarker(batch: batch) else {
            return producers.note(header, at: base)
        }
        guard let transaction = producers.note(marker, of: header.producer, at: base) else { return }
        try addAborted(transaction)
    }

    private mutating func addAborted(_ transaction: AbortedTransaction) throws(LogError) {
        aborted.append(transaction)
        let file = try files.open(SegmentName.path(directory, segments[segments.count - 1].base, ".txnindex"))
        try file.write(transaction.bytes, at: abortedInLastSegment * AbortedTransaction.entryBytes)
        abortedInLastSegment += 1
    }

    /// Before the last segment is closed for good: what a crash must not take.
    mutating func sealProducers() throws(LogError) {
        if abortedInLastSegment > 0 {
            try files.open(SegmentName.path(directory, segments[segments.count - 1].base, ".txnindex")).sync()
        }
        abortedInLastSegment = 0
        try writeProducerSnapshot(sync: true)
    }

    func writeProducerSnapshot(sync: Bool) throws(LogError) {
        try files.replace(
            SegmentName.path(directory, endOffset, ".snapshot"), with: producers.snapshot, in: directory, sync: sync)
    }

    // MARK: Recovery

    /// Brings the producers up to the end of the log: from the newest snapshot and the batches after it.
    /// - Parameter wasClean: whether the last segment's index of aborted transactions is whole.
    mutating func loadProducers(wasClean: Bool) throws(LogError) {
        let lastBase = segments[segments.count - 1].base
        let names = try files.names(in: directory)
        for base in names.compactMap({ SegmentName.base(of: $0, suffix: ".txnindex") }) where base >= segments[0].base {
            if base == lastBase, !wasClean { continue }
            let entries = AbortedTransaction.all(
                in: try files.contents(of: SegmentName.path(directory, base, ".txnindex")) ?? [])
            aborted += entries
            if base == lastBase { abortedInLastSegment = entries.count }
        }
        if !wasClean { try files.removeFile(SegmentName.path(directory, lastBase, ".txnindex")) }
        let newest = try newestSnapshot(in: names, upTo: wasClean ? endOffset : lastBase)
        if let (_, states) = newest { producers = states }
        let from = newest?.offset ?? segments[0].base
        for index in segments.indices {
            if index + 1 < segments.count, segments[index + 1].base <= from { continue }
            try noteProducers(ofSegment: index, from: from)
        }
    }

    private func newestSnapshot(
        in names: [String], upTo limit: Offset
    ) throws(LogError) -> (offset: Offset, ProducerStates)? {
        let bases = Set(segments.map(\.base))
        var newest: (Offset, ProducerStates)?
        for offset in names.compactMap({ SegmentName.base(of: $0, suffix: ".snapshot") }) {
            let path = SegmentName.path(directory, offset, ".snapshot")
            if offset <= limit, let bytes = try files.contents(of: path), let states = ProducerStates(snapshot: bytes) {
                newest = (offset, states)
            }
            // One of a clean stop is of no use once more is appended.
            if !bases.contains(offset) { try files.removeFile(path) }
        }
        return newest
    }

    private mutating func noteProducers(ofSegment index: Int, from: Offset) throws(LogError) {
        let segment = try segment(index)
        guard segment.end > from else { return }
        let start = segment.offsetIndex.position(atOrBefore: max(from, segment.base))
        var scanner = BatchScanner(
            segment.file, size: segment.size, from: start, nextOffset: segment.base, validatesChecksums: false)
        while let header = try scanner.next() {
            guard header.baseOffset >= from, header.producer.id >= 0 else { continue }
            let bytes =
                header.isControl ? try segment.file.read(header.byteCount, at: scanner.position - header.byteCount) : []
            let shared = bytes.withUnsafeBytes { SharedBytes(copying: $0) }
            if index == segments.count - 1 {
                try noteProducer(header, shared.bytes, at: header.baseOffset)
            } else if header.isControl, let marker = TransactionMarker(batch: shared.bytes) {
                // Its segment is sealed: the index knows what it aborts.
                _ = producers.note(marker, of: header.producer, at: header.baseOffset)
            } else {
                producers.note(header, at: header.baseOffset)
            }
        }
    }
}
