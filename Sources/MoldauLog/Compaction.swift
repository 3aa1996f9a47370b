// Compaction: of the records with one key, the last is enough.
//
// Closed segments below the first open transaction are read twice. The first pass notes each key's last offset in what
// came since the last compaction; the second writes the segments anew, from the log's start, without what a later
// record of that key has replaced. Offsets and order stay. Aborted batches go. Tombstones and the markers of
// transactions of which nothing is left go a day (`delete.retention.ms`) after a compaction has seen them first, so
// that readers who are behind see them too. The last batch of a producer stays, empty if need be: its sequence number is
// what the next one is compared with.
//
// A crash may come between any two steps. A new segment is written to `<base>.log.cleaned` and synced, then named
// `<base>-<end>.swap`, `end` being the base of the first segment that it does not replace. From that moment on it
// counts: the next start removes the segments from `base` to `end` and names it `<base>.log`.

internal import MoldauRecords

/// What a compaction will do: made with the log's lock held, carried out without.
package struct CompactionPlan<Files: FileSystem>: Sendable {
    let files: Files
    let directory: String
    let configuration: LogConfiguration
    /// Closed segments from the log's start up to the end of what is compacted.
    let segments: [Segment<Files.File>]
    /// What lies before was compacted already.
    let firstDirty: Offset
    let end: Offset
    let aborted: [AbortedTransaction]
    /// The last batch of each producer.
    let lastOffsets: [Int64: Offset]
    let now: Timestamp
    /// How much of it is dirty: 0 to 1.
    package let dirtyRatio: Double
}

/// Segments that were written anew, and those that they replace.
package struct CompactedSegments<Files: FileSystem>: Sendable {
    struct Group: Sendable {
        let replaced: [Segment<Files.File>]
        let segment: Segment<Files.File>
        let abortedIndex: [UInt8]
    }

    let groups: [Group]
    /// What lies before is compacted now.
    let end: Offset
    /// Bytes of the replaced segments, and of the new ones.
    package let bytesBefore: Int
    package let bytesAfter: Int
}

extension CompactionPlan {
    /// Reads and writes what is to be compacted, up to as many keys as `maxKeys`; the next compaction goes on after
    /// them. Blocks on the disk, and needs no lock: closed segments do not change.
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

    /// Runs of segments that fit into one.
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

    /// The last offset of each key in what is dirty, and the offset up to which all keys are in it.
    private func latestOffsets(maxKeys: Int) throws(LogError) -> ([KeyDigest: Offset], Offset) {
        var latest: [KeyDigest: Offset] = [:]
        for segment in segments where segment.end > firstDirty {
            var batches = BatchReader(segment, directory: directory)
            while let (header, bytes) = try batches.next() {
                guard header.lastOffset >= firstDirty else { continue }
                if header.baseOffset >= end { return (latest, end) }
                guard !header.isControl, header.codec == 0, !isAborted(header) else { continue }
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

/// 128 bits that stand for a key, drawn with the process's secret. Two keys of one digest would cost a record: with a
/// billion keys the odds of that are below 10⁻²⁰, and nobody can choose such keys.
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
        /// 16 bits, without the secret.
        init(cut key: UnsafeRawBufferPointer) { halves = SIMD2(Int(murmur2(key) & 0xffff), 0) }
    #endif
}

/// Walks the whole batches of a closed segment, and compares each with its checksum.
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
