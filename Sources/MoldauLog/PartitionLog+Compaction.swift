package import MoldauRecords

extension PartitionLog {
    /// Stores the offset up to which the log was compacted. Only a cache: without it compaction starts at the
    /// beginning.
    private var cleanerOffsetPath: String { "\(directory)/cleaner-offset" }

    /// The compaction to run; nil if it is not worth its cost, or the topic is not compacted.
    package mutating func planCompaction(now: Timestamp) throws(LogError) -> CompactionPlan<Files>? {
        #if SABOTAGE
            if files.sabotage.contains(.neverCompacts) { return nil }
        #endif
        guard configuration.compacts, segments.count > 1 else { return nil }
        let firstDirty = try max(cleanerOffset(), segments[0].base)
        var (closed, clean, dirty, isOverdue): ([Segment<Files.File>], Int, Int, Bool) = ([], 0, 0, false)
        for index in 0..<(segments.count - 1) {
            let segment = try segment(index)
            // Without a configured lag, timestamps in the future are ignored: they would prevent the log from ever
            // being compacted.
            let isOldEnough =
                configuration.minCompactionLagMs == 0
                || age(of: segment.latest, now) >= configuration.minCompactionLagMs
            guard segments[index + 1].base <= lastStableOffset, isOldEnough else { break }
            closed.append(segment)
            if segment.end <= firstDirty {
                clean += segment.size
            } else {
                dirty += segment.size
                isOverdue = isOverdue || age(of: segment.firstTimestamp, now) > configuration.maxCompactionLagMs
            }
        }
        guard dirty > 0 else { return nil }
        let ratio = Double(dirty) / Double(clean + dirty)
        guard ratio >= configuration.minCleanableDirtyRatio || isOverdue else { return nil }
        return CompactionPlan(
            files: files, directory: directory, configuration: configuration, segments: closed,
            firstDirty: firstDirty, end: segments[closed.count].base, aborted: aborted,
            lastOffsets: producers.lastOffsets, now: now, dirtyRatio: ratio)
    }

    private func age(of time: Timestamp?, _ now: Timestamp) -> Int64 {
        let age = now.ms.subtractingReportingOverflow((time ?? now).ms)
        return age.overflow ? 0 : age.partialValue
    }

    private func cleanerOffset() throws(LogError) -> Offset {
        guard let kept = try files.number(at: cleanerOffsetPath), kept >= 0, kept <= endOffset.value else {
            return .zero
        }
        return Offset(kept)
    }

    /// Whether all segments of a plan still exist: retention may have deleted some in the meantime.
    package func holds(_ plan: CompactionPlan<Files>) -> Bool {
        let bases = Set(segments.map(\.base))
        return plan.segments.allSatisfy { bases.contains($0.base) }
    }

    /// Replaces segments by their compacted ones. A new segment is discarded if the log has changed in the meantime.
    package mutating func install(_ compacted: CompactedSegments<Files>) throws(LogError) {
        for group in compacted.groups {
            let base = group.segment.base
            let cleaned = SegmentName.path(directory, base, ".log.cleaned")
            guard let first = segments.firstIndex(where: { $0.base == base }) else {
                try files.removeFile(cleaned)
                continue
            }
            let range = first..<(first + group.replaced.count)
            guard range.upperBound < segments.count,
                zip(segments[range], group.replaced).allSatisfy({
                    $0.base == $1.base && $0.opened?.generation == $1.generation
                })
            else {
                try files.removeFile(cleaned)
                continue
            }
            try files.replace(
                SegmentName.path(directory, base, ".txnindex"), with: group.abortedIndex, in: directory, sync: true)
            let swap = SegmentName.swap(directory, base, upTo: segments[range.upperBound].base)
            try files.rename(cleaned, to: swap)
            try syncDirectory()
            try finish(swap: swap, base: base, replaced: segments[range].map(\.base))
            var segment = group.segment
            segment.moved(to: try files.open(SegmentName.path(directory, base, ".log")))
            segments.replaceSubrange(range, with: [LazySegment(base: base, opened: segment)])
            // For a reader a transaction is open until its marker: without a marker it would hide later records of its
            // producer.
            let kept = Set(AbortedRange.all(in: group.abortedIndex).map(\.last))
            let end = segments[first + 1].base
            aborted.removeAll { base <= $0.last && $0.last < end && !kept.contains($0.last) }
            try writeIndexes(ofSegment: first)
        }
        try files.replace(cleanerOffsetPath, with: compacted.end.value, in: directory, sync: false)
    }

    private func finish(swap: String, base: Offset, replaced: [Offset]) throws(LogError) {
        for old in replaced where old != base { try removeFiles(ofSegmentAt: old) }
        for suffix in [".index", ".timeindex", ".checksums"] {
            try files.removeFile(SegmentName.path(directory, base, suffix))
        }
        // Without the swap file, nothing would show that these segments are to be deleted.
        try syncDirectory()
        try files.rename(swap, to: SegmentName.path(directory, base, ".log"))
        try syncDirectory()
    }

    /// Completes a compaction that a crash interrupted: see Compaction.swift.
    func finishCompaction() throws(LogError) {
        let names = try files.names(in: directory)
        for name in names where name.hasSuffix(".cleaned") { try files.removeFile("\(directory)/\(name)") }
        for name in names {
            guard let range = SegmentName.range(ofSwap: name) else { continue }
            let replaced = names.compactMap(SegmentName.base(ofLog:)).filter { range.contains($0) }
            try finish(swap: "\(directory)/\(name)", base: range.lowerBound, replaced: replaced)
        }
    }
}

extension SegmentName {
    /// The name of a compacted segment that replaces those from `base` up to `end`.
    static func swap(_ directory: String, _ base: Offset, upTo end: Offset) -> String {
        path(directory, base, "-" + path("", end, ".swap").dropFirst())
    }

    static func range(ofSwap name: String) -> Range<Offset>? {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = base(of: "\(parts[0]).swap", suffix: ".swap"),
            let end = self.base(of: String(parts[1]), suffix: ".swap"), base < end
        else { return nil }
        return base..<end
    }
}
