// Finds damage in the directory of a partition that is not open, and rewrites the partition without it.
//
// Offsets stay the same: the damaged part becomes a gap, like the gaps of compaction, and the log continues after its
// old end in a new segment. So the committed positions of groups, the positions of stores and the durability journal
// stay valid. A segment is rewritten beside the old one, synced, and renamed into its place; the index and checksum
// files beside it are removed first, so that after a crash in between the damage is found again.

package import MoldauRecords

/// The damage of a partition.
package struct PartitionDamage: Sendable {
    package let partition: TopicPartition
    /// In the order of their offsets; empty if only the end of the log is missing.
    package let stretches: [DamagedStretch]
    /// The offset after the last readable record.
    package let foundEnd: Offset
    /// The offset that the next record gets after the repair.
    package let end: Offset
    /// The base offset of the last segment, and its size without a torn tail.
    let last: (base: Offset, size: Int)

    /// The offsets missing at the end of the log.
    package var missing: Range<Offset> { max(foundEnd, stretches.last?.offsets.upperBound ?? foundEnd)..<end }

    /// The offsets that are lost if only the damaged stretches are left out.
    package var lostBySkipping: [Range<Offset>] { (stretches.map(\.offsets) + [missing]).filter { !$0.isEmpty } }

    /// The offsets that are lost if everything from the first damage on is left out.
    package var lostByTruncating: Range<Offset> { (stretches.first?.offsets.lowerBound ?? foundEnd)..<end }
}

/// Examines and repairs one partition's files.
package struct PartitionRepair<Files: FileSystem> {
    private let files: Files
    private let directory: String
    private let partition: TopicPartition
    private let durableEnd: Offset
    private let wasClean: Bool

    /// - Parameters:
    ///   - durableEnd: the offset up to which records were durable.
    ///   - wasClean: whether the log was closed: then its end cannot be torn.
    package init(
        _ files: Files, directory: String, partition: TopicPartition, durableEnd: Offset, wasClean: Bool
    ) {
        (self.files, self.directory, self.partition) = (files, directory, partition)
        (self.durableEnd, self.wasClean) = (durableEnd, wasClean)
    }

    private func bases() throws(LogError) -> [Offset] {
        try files.names(in: directory).compactMap(SegmentName.base(ofLog:)).sorted()
    }

    private func path(_ base: Offset, _ suffix: String = ".log") -> String {
        SegmentName.path(directory, base, suffix)
    }

    /// Reads the whole partition. Blocks on the disk.
    /// - Returns: nil if there is no damage.
    package func examine() throws(LogError) -> PartitionDamage? {
        let bases = try bases()
        guard let start = bases.first else { return nil }
        var (stretches, end): ([DamagedStretch], Offset) = ([], start)
        var last = (base: start, size: 0)
        for (index, base) in bases.enumerated() {
            let isLast = index == bases.count - 1
            let checksums = try files.contents(of: path(base, ".checksums")).flatMap { SegmentChecksums(file: $0) }
            let examined = try SegmentExamination(
                try files.open(path(base)), base: base, limit: isLast ? nil : bases[index + 1],
                checksums: checksums,
                tornFrom: isLast && !wasClean ? durableEnd : nil)
            end = max(examined.end, base)
            last = (base, examined.usedSize)
            // The records lost in a stretch at the end of a segment end where the next segment begins.
            let known = isLast ? max(end, durableEnd) : bases[index + 1]
            stretches += examined.stretches.map {
                $0.offsets.isEmpty && $0 == examined.stretches.last ? $0.ending(known) : $0
            }
        }
        let next = max(end, durableEnd, stretches.last?.offsets.upperBound ?? end)
        guard !stretches.isEmpty || end < durableEnd else { return nil }
        return PartitionDamage(partition: partition, stretches: stretches, foundEnd: end, end: next, last: last)
    }

    /// Rewrites the partition without the damaged stretches, durably.
    package func skip(_ damage: PartitionDamage) throws(LogError) {
        for (base, stretches) in Dictionary(grouping: damage.stretches, by: \.segment).sorted(on: \.key) {
            let tail = base == damage.last.base ? [damage.last.size..<Int.max] : []
            try rewrite(base, without: stretches.map(\.bytes) + tail)
        }
        if damage.stretches.last?.segment != damage.last.base { try cutTail(of: damage.last) }
        try begin(at: damage.end)
    }

    /// Cuts off the torn tail of the last segment, which will no longer be the last.
    private func cutTail(of last: (base: Offset, size: Int)) throws(LogError) {
        let file = try files.open(path(last.base))
        guard try file.size() > last.size else { return }
        try file.truncate(to: last.size)
        try file.sync()
        try removeFiles(last.base)
    }

    /// Rewrites the partition without anything from the first damage on, durably.
    package func truncate(_ damage: PartitionDamage) throws(LogError) {
        guard let first = damage.stretches.first else { return try skip(damage) }
        for base in try bases().reversed() where base > first.segment { try removeFiles(base, with: [".log"]) }
        let size = try files.open(path(first.segment)).size()
        try rewrite(first.segment, without: [first.bytes.lowerBound..<max(size, first.bytes.upperBound)])
        try begin(at: damage.end)
    }

    private func removeFiles(_ base: Offset, with suffixes: [String] = []) throws(LogError) {
        for suffix in [".checksums", ".index", ".timeindex", ".txnindex", ".snapshot"] + suffixes {
            try files.removeFile(path(base, suffix))
        }
        try files.syncDirectory(directory)
    }

    private func rewrite(_ base: Offset, without gaps: [Range<Int>]) throws(LogError) {
        let temporary = path(base, ".log.cleaned")
        try files.removeFile(temporary)
        let (old, new) = (try files.open(path(base)), try files.open(temporary))
        var (position, written) = (0, 0)
        for gap in gaps + [try old.size()..<Int.max] {
            while position < gap.lowerBound {
                let bytes = try old.read(min(1 << 20, gap.lowerBound - position), at: position)
                guard !bytes.isEmpty else { break }
                try new.write(bytes, at: written)
                position += bytes.count
                written += bytes.count
            }
            position = max(position, gap.upperBound)
        }
        try new.sync()
        try removeFiles(base)
        try files.rename(temporary, to: path(base))
        try files.syncDirectory(directory)
    }

    /// Makes the log continue at `end`, whatever is missing before. The state of its producers must be rebuilt.
    private func begin(at end: Offset) throws(LogError) {
        for name in try files.names(in: directory) where name.hasSuffix(".snapshot") {
            try files.removeFile("\(directory)/\(name)")
        }
        try files.removeFile("\(directory)/cleaner-offset")
        if !files.exists(path(end)) { _ = try files.open(path(end)) }
        try files.syncDirectory(directory)
    }
}

extension DamagedStretch {
    fileprivate func ending(_ end: Offset) -> DamagedStretch {
        DamagedStretch(
            segment: segment, bytes: bytes, offsets: offsets.lowerBound..<max(offsets.lowerBound, end), reason: reason)
    }
}
