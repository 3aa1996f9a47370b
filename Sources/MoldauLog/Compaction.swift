// Compaction: of the records with one key, only the last is retained.
//
// Closed segments below the first open transaction are read twice. The first pass notes each key's last offset among
// the records appended since the last compaction; the second rewrites the segments, from the start of the log, without
// the records that a later record of the same key has replaced. Offsets and order stay the same. Batches of aborted
// transactions are deleted. Tombstones, and the markers of transactions that have no batch left, are deleted a day
// (`delete.retention.ms`) after a compaction first saw them, so that slow readers see them too. The last batch of each
// producer is retained, emptied if need be: the producer's next batch is checked against its sequence number. A
// compressed batch that loses records is compressed again, by its own codec if the topic does not name one.
//
// A crash may come between any two steps. A new segment is written to `<base>.log.cleaned` and synced, then renamed to
// `<base>-<end>.swap`, where `end` is the base of the first segment that it does not replace. From then on it is valid:
// the next start deletes the segments from `base` up to `end` and renames it to `<base>.log`.

internal import MoldauRecords

/// What a compaction will do. Created with the log's lock held, run without it.
package struct CompactionPlan<Files: FileSystem>: Sendable {
    let files: Files
    let directory: String
    let configuration: LogConfiguration
    /// The closed segments from the start of the log up to the end of the range to compact.
    let segments: [Segment<Files.File>]
    /// Everything before this offset has been compacted already.
    let firstDirty: Offset
    let end: Offset
    let aborted: [AbortedRange]
    /// The last offset of each producer, by its id.
    let lastOffsets: [Int64: Offset]
    let now: Timestamp
    /// The share of bytes that have not been compacted yet: 0 to 1.
    package let dirtyRatio: Double
}

/// Rewritten segments, and the segments that they replace.
package struct CompactedSegments<Files: FileSystem>: Sendable {
    struct Group: Sendable {
        let replaced: [Segment<Files.File>]
        let segment: Segment<Files.File>
        let abortedIndex: [UInt8]
    }

    let groups: [Group]
    /// Everything before this offset is now compacted.
    let end: Offset
    /// The size of the replaced segments and of the new ones, in bytes.
    package let bytesBefore: Int
    package let bytesAfter: Int
}

extension CompactionPlan {
    /// Reads and rewrites the segments, for up to `maxKeys` keys; the next compaction continues after them. Blocks on
    /// the disk. Needs no lock, as closed segments do not change.
    package func run(maxKeys: Int = 4_000_000) throws(LogError) -> CompactedSegments<Files> {
        let (latest, end) = try latestOffsets(maxKeys: maxKeys)
        var cleaner = Cleaner(plan: self, latest: latest, end: end)
        var groups: [CompactedSegments<Files>.Group] = []
        for group in grouped(upTo: end) { groups.append(try cleaner.clean(group)) }
        return CompactedSegments(
            groups: groups, end: end,
            bytesBefore: groups.reduce(0) { $0 + $1.replaced.reduce(0) { $0 + $1.size } },
            bytesAfter: groups.reduce(0) { $0 + $1.segment.size })
    }

    /// Runs of consecutive segments that together fit into one.
    private func grouped(upTo end: Offset) -> [[Segment<Files.File>]] {
        var groups: [[Segment<Files.File>]] = []
        var size = 0
        for segment in segments where segment.base < end {
            let first = groups.last?[0].base ?? segment.base
            if groups.isEmpty || size + segment.size > configuration.segmentBytes
                || segment.end - first > Int64(Int32.max)
            {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(segment)
            size += segment.size
        }
        return groups
    }

    /// The last offset of each key in the dirty part, and the offset up to which every key has been seen.
    private func latestOffsets(maxKeys: Int) throws(LogError) -> ([KeyDigest: Offset], Offset) {
        var latest: [KeyDigest: Offset] = [:]
        for segment in segments where segment.end > firstDirty {
            var batches = BatchReader(segment, directory: directory)
            while let (header, bytes) = try batches.next() {
                guard header.lastOffset >= firstDirty else { continue }
                if header.baseOffset >= end { return (latest, end) }
                guard !header.isControl, !isAborted(header) else { continue }
                if latest.count + Int(header.recordCount) > maxKeys, !latest.isEmpty {
                    return (latest, header.baseOffset)
                }
                do throws(RecordBatchError) {
                    var reader = RecordBatchReader(bytes.bytes)
                    while let record = try reader.next() {
                        if let key = record.key { latest[digest(of: key)] = record.offset }
                    }
                } catch {
                    throw .invalidBatch(error)
                }
            }
        }
        return (latest, end)
    }

    func digest(of key: UnsafeRawBufferPointer) -> KeyDigest {
        #if SABOTAGE
            if files.sabotage.contains(.digestCut) { return KeyDigest(cut: key) }
        #endif
        return KeyDigest(key)
    }

    func isAborted(_ header: RecordBatchHeader) -> Bool {
        header.producer.isTransactional
            && aborted.contains {
                $0.producer == header.producer.id && $0.first <= header.baseOffset && header.baseOffset <= $0.last
            }
    }
}

/// 128 bits that stand for a key, hashed with the process's random seed. Two keys with the same digest would cost a
/// record: with a billion keys the odds of that are below 10⁻²⁰, and such keys cannot be chosen on purpose.
struct KeyDigest: Hashable, Sendable {
    private let halves: SIMD2<Int>

    init(_ key: UnsafeRawBufferPointer) {
        var (first, second) = (Hasher(), Hasher())
        first.combine(bytes: key)
        second.combine(1)
        second.combine(bytes: key)
        halves = SIMD2(first.finalize(), second.finalize())
    }

    #if SABOTAGE
        /// For `Sabotage.digestCut`: 16 bits, without the secret seed.
        init(cut key: UnsafeRawBufferPointer) { halves = SIMD2(Int(murmur2(key) & 0xffff), 0) }
    #endif
}

/// Walks the whole batches of a closed segment and verifies each checksum.
struct BatchReader<File: LogFile>: ~Copyable {
    private let segment: Segment<File>
    private let path: String
    private var scanner: BatchScanner<File>

    init(_ segment: Segment<File>, directory: String) {
        self.segment = segment
        path = SegmentName.path(directory, segment.base, ".log")
        scanner = BatchScanner(segment.file, size: segment.size, from: 0, nextOffset: segment.base)
    }

    mutating func next() throws(LogError) -> (RecordBatchHeader, SharedBytes)? {
        let start = scanner.position
        guard start < segment.size else { return nil }
        guard let header = try scanner.next() else { throw damage(start..<segment.size) }
        try segment.unchecked?.check(start..<scanner.position, of: segment.file)
        let file = segment.file
        let bytes = try SharedBytes(capacity: header.byteCount) { buffer throws(LogError) in
            try file.read(into: buffer, at: start)
        }
        guard (try? header.validateChecksum(bytes.bytes)) != nil else { throw damage(start..<scanner.position) }
        return (header, bytes)
    }

    private func damage(_ bytes: Range<Int>) -> LogError { .damagedRecords(path: path, bytes: bytes) }
}
