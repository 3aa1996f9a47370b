// Finds damage in a partition's directory that no log has open, and leaves it out.
//
// Offsets stay what they are: what is left out is a gap, as compaction leaves them, and the log goes on behind its old end, in
// a new segment. So positions of groups and of stores stay right, and the journal of what is durable does too. A segment is
// written anew beside the old one, synced and renamed; the files beside it go before, so that a crash in between leaves the
// damage to be found again.

package import MoldauRecords

/// What is wrong with a partition.
package struct PartitionDamage: Sendable {
    package let partition: TopicPartition
    /// In the order of their offsets; of one that only lacks its end, none.
    package let stretches: [DamagedStretch]
    /// The offset after the last record that can be read.
    package let foundEnd: Offset
    /// The offset that the next record gets after the repair.
    package let end: Offset
    /// The last segment, and its bytes without a torn tail.
    let last: (base: Offset, size: Int)

    /// What is not there at all at the end.
    package var missing: Range<Offset> { max(foundEnd, stretches.last?.offsets.upperBound ?? foundEnd)..<end }

    /// What is lost where the stretches alone are left out.
    package var lostBySkipping: [Range<Offset>] { (stretches.map(\.offsets) + [missing]).filter { !$0.isEmpty } }

    /// What is lost where everything from the first damage on is left out.
    package var lostByTruncating: Range<Offset> { (stretches.first?.offsets.lowerBound ?? foundEnd)..<end }
}

/// Looks at one partition's files, and mends them.
package struct PartitionRepair<Files: FileSystem> {
    private let files: Files
    private let directory: String
    private let partition: TopicPartition
    private let durableEnd: Offset
    private let wasClean: Bool

    /// - Parameters:
    ///   - durableEnd: the offset up to which records were durable.
    ///   - wasClean: whether the log was closed: then nothing at its end is torn.
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
    /// - Returns: nil where nothing is wrong.
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
            // What a stretch at the end of a segment held ends where the next one begins.
            let known = isLast ? max(end, durableEnd) : bases[index + 1]
            stretches += examined.stretches.map {
                $0.offsets.isEmpty && $0 == examined.stretches.last ? $0.ending(known) : $0
            }
        }
        let next = max(end, durableEnd, stretches.last?.offsets.upperBound ?? end)
        guard !stretches.isEmpty || end < durableEnd else { return nil }
        return PartitionDamage(partition: partition, stretches: stretches, foundEnd: end, end: next, last: last)
    }

    /// Leaves the damaged stretches out, durably.
    package func skip(_ damage: PartitionDamage) throws(LogError) {
        for (base, stretches) in Dictionary(grouping: damage.stretches, by: \.segment).sorted(by: { $0.key < $1.key }) {
            let tail = base == damage.last.base ? [damage.last.size..<Int.max] : []
            try rewrite(base, without: stretches.map(\.bytes) + tail)
        }
        if damage.stretches.last?.segment != damage.last.base { try cutTail(of: damage.last) }
        try begin(at: damage.end)
    }

    /// The last segment will not be the last any more.
    private func cutTail(of last: (base: Offset, size: Int)) throws(LogError) {
        let file = try files.open(path(last.base))
        guard try file.size() > last.size else { return }
        try file.truncate(to: last.size)
        try file.sync()
        try removeFiles(last.base)
    }

    /// Leaves everything out from the first damage on, durably.
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

    /// Lets the log go on at `end`, whatever is missing before. What is known of its producers is to be found anew.
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
