internal import MoldauRecords

/// The second pass of a compaction: rewrites segments without the records that are no longer needed.
struct Cleaner<Files: FileSystem>: ~Copyable {
    private let plan: CompactionPlan<Files>
    private let latest: [KeyDigest: Offset]
    private let end: Offset
    /// Ids of producers whose transaction has a batch before the current position. Kept across segments, as a
    /// transaction may span them.
    private var withData: Set<Int64> = []

    init(plan: CompactionPlan<Files>, latest: [KeyDigest: Offset], end: Offset) {
        self.plan = plan
        self.latest = latest
        self.end = end
    }

    /// Writes one new segment in place of several.
    mutating func clean(_ group: [Segment<Files.File>]) throws(LogError) -> CompactedSegments<Files>.Group {
        let base = group[0].base
        let path = SegmentName.path(plan.directory, base, ".log.cleaned")
        try plan.files.removeFile(path)
        let file = try plan.files.open(path)
        var segment = Segment(
            empty: file, base: base, generation: group[0].generation + 1,
            appendTimes: AppendTimes(of: group.map(\.appendTimes)))
        var markers: Set<Offset> = []
        for source in group {
            var batches = BatchReader(source, directory: plan.directory)
            while let (header, bytes) = try batches.next() {
                guard let kept = try cleaned(header, bytes) else { continue }
                if header.isControl { markers.insert(header.baseOffset) }
                try segment.append(compacted: kept, intervalBytes: plan.configuration.indexIntervalBytes)
            }
        }
        segment.seal()
        try file.sync()
        let range = base...max(group[group.count - 1].end, base)
        let aborted = plan.aborted.filter { range.contains($0.last) && markers.contains($0.last) }
        return CompactedSegments.Group(
            replaced: group, segment: segment, abortedIndex: aborted.flatMap(\.bytes))
    }

    /// The part of a batch that is kept; nil if nothing is.
    private mutating func cleaned(_ header: RecordBatchHeader, _ bytes: SharedBytes) throws(LogError) -> [UInt8]? {
        let whole = [UInt8](bytes.bytes)
        if header.baseOffset >= end { return whole }
        let isPast = header.deleteHorizon.map { $0 <= plan.now } ?? false
        let horizon =
            header.deleteHorizon == nil ? plan.now.adding(ms: plan.configuration.deleteRetentionMs) : nil
        if header.isControl {
            // The marker is needed as long as a batch of its transaction remains.
            if withData.remove(header.producer.id) != nil { return whole }
            if isPast { return isLast(header) ? whole : nil }
            return try filtered(bytes, horizon: horizon) { _ in true }
        }
        let isAborted = plan.isAborted(header)
        var (kept, needsHorizon) = (0, false)
        let latest = latest
        let digest = plan.digest(of:)  // The plan itself, caught by the closure below, makes the compiler crash.
        let result = try filtered(bytes, horizon: nil) { entry in
            guard !isAborted else { return false }
            guard let key = entry.key else {
                kept += 1
                return true
            }
            if let last = latest[digest(key)], entry.offset < last { return false }
            if entry.isTombstone {
                if isPast { return false }
                needsHorizon = true
            }
            kept += 1
            return true
        }
        // A marker is deleted one compaction after its last batch; what was present when this compaction began counts.
        let isEmptyAndStays = kept == 0 && isLast(header)
        if header.producer.isTransactional, !isAborted || isEmptyAndStays { withData.insert(header.producer.id) }
        if kept == 0 { return isEmptyAndStays ? result : nil }
        if needsHorizon, let horizon {
            return try filtered(SharedBytes(copying: result), horizon: horizon) { _ in true }
        }
        return kept == Int(header.recordCount) ? whole : result
    }

    private func filtered(
        _ batch: SharedBytes, horizon: Timestamp?, keeping keeps: (RecordBatchHeader.Entry) -> Bool
    ) throws(LogError) -> [UInt8] {
        do throws(RecordBatchError) {
            let header = try RecordBatchHeader(batch.bytes)
            return try header.filtered(
                batch.bytes, horizon: horizon, as: header.isControl ? nil : plan.configuration.compression,
                keeping: keeps)
        } catch {
            throw .invalidBatch(error)
        }
    }

    /// Whether this is its producer's last batch, which the producer's next batch will be checked against.
    private func isLast(_ header: RecordBatchHeader) -> Bool {
        header.producer.id >= 0 && plan.lastOffsets[header.producer.id] == header.lastOffset
    }
}
