package import MoldauRecords

extension PartitionLog {
    /// Stores the partition's first readable offset, durably: segments before it are deleted, and a power cut may bring
    /// some of them back.
    private var startOffsetPath: String { "\(directory)/log-start-offset" }

    /// Stores a later first readable offset, without a sync, so apart from the durable one. If it is lost, deleted
    /// records of the first segment reappear; no record is lost by that.
    private var latestStartPath: String { "\(directory)/log-start-offset-latest" }

    mutating func open(wasClean: Bool, durableEnd: Offset, checkpointedStart: Offset) throws(LogError) {
        let isNew = !files.exists(directory)
        if isNew { try files.createDirectory(directory) }
        // A killed process may leave names and bytes in the operating system that are not on disk.
        if isNew || !wasClean { try files.syncParent(of: directory) }
        if !isNew && !wasClean { try syncDirectory() }
        try finishCompaction()
        let bases = try files.names(in: directory).compactMap(SegmentName.base(ofLog:))
        segments = bases.map { LazySegment(base: $0, opened: nil) }
        if let last = bases.last {
            try openLast(base: last, wasClean: wasClean, durableEnd: durableEnd)
        } else {
            try addSegment(at: .zero)
        }
        try readStartOffset(checkpointedStart)
        guard endOffset >= durableEnd else {
            throw .missingRecords(directory: directory, durableEnd: durableEnd, foundEnd: endOffset)
        }
        try readLeaderEpoch()
        try loadProducers(wasClean: wasClean)
    }

    private mutating func openLast(base: Offset, wasClean: Bool, durableEnd: Offset) throws(LogError) {
        let path = SegmentName.path(directory, base, ".log")
        let file = try files.open(path)
        if wasClean {
            segments[segments.count - 1].opened = try load(file, base: base)
        } else {
            let segment = try Segment(
                scanning: file, path: path, base: base, intervalBytes: configuration.indexIntervalBytes,
                durableEnd: durableEnd)
            guard max(segment.end, base) >= durableEnd else {
                throw .missingRecords(directory: directory, durableEnd: durableEnd, foundEnd: segment.end)
            }
            segments[segments.count - 1].opened = segment
            last.noteBegin(try files.contents(of: SegmentName.path(directory, base, ".checksums")))
            // Data that a crash left in the operating system is not on disk yet.
            hasUnsynced = true
        }
        let size = last.size
        if try file.size() > size { try file.truncate(to: size) }
    }

    private func load(_ file: Files.File, base: Offset) throws(LogError) -> Segment<Files.File> {
        try Segment(
            closed: file, path: SegmentName.path(directory, base, ".log"), base: base,
            offsetIndex: try files.contents(of: SegmentName.path(directory, base, ".index")),
            timeIndex: try files.contents(of: SegmentName.path(directory, base, ".timeindex")),
            checksums: try files.contents(of: SegmentName.path(directory, base, ".checksums")),
            intervalBytes: configuration.indexIntervalBytes)
    }

    /// The segment at that index; opens it if needed.
    mutating func segment(_ index: Int) throws(LogError) -> Segment<Files.File> {
        if let opened = segments[index].opened { return opened }
        let base = segments[index].base
        let segment = try load(try files.open(SegmentName.path(directory, base, ".log")), base: base)
        segments[index].opened = segment
        if segment.isRebuilt, !rebuildsAborted { try writeIndexes(ofSegment: index) }
        return segment
    }

    private mutating func readStartOffset(_ checkpointed: Offset) throws(LogError) {
        var noted: [Offset] = []
        for path in [startOffsetPath, latestStartPath] {
            if let number = try files.number(at: path) { noted.append(Offset(number)) }
        }
        // Kafka's file for all partitions is less precise.
        if noted.isEmpty { noted = [checkpointed] }
        startOffset = max(segments[0].base, noted.filter { $0 <= endOffset }.max() ?? .zero)
        // An offset beyond the end: it was never right, or a power cut took records that were deleted anyway. It is not
        // used: it would hide the records that are there, and later those that get these offsets.
        if noted.contains(where: { $0 > endOffset }) {
            try files.removeFile(latestStartPath)
            try files.replace(startOffsetPath, with: startOffset.value, in: directory, sync: true)
        }
        // Segments that reappeared after a power cut.
        try dropSegmentsBeforeStart()
    }

    private mutating func readLeaderEpoch() throws(LogError) {
        if let kept = try files.leaderEpoch(in: directory) {
            leaderEpoch = kept
        } else {
            try files.writeLeaderEpoch(leaderEpoch, from: startOffset, in: directory)
        }
    }

    /// Raises the first readable offset to `offset`, at most to the end, and deletes the segments that lie wholly
    /// before it.
    /// - Throws: `LogError.offsetOutOfRange` if `offset` is beyond the end; `.io`.
    package mutating func deleteRecords(before offset: Offset) throws(LogError) {
        guard offset <= endOffset else {
            throw .offsetOutOfRange(requested: offset, held: startOffset..<endOffset)
        }
        guard offset > startOffset else { return }
        try moveStart(to: offset)
    }

    /// Deletes the first segments; the last one stays.
    mutating func removeFirstSegments(_ count: Int) throws(LogError) {
        if count > 0 { try moveStart(to: max(startOffset, segments[count].base)) }
    }

    /// The new first offset is made durable before segments are deleted: a power cut may undo some of the deletions,
    /// and a segment that reappears must not be taken for the predecessor of the remaining ones.
    private mutating func moveStart(to start: Offset) throws(LogError) {
        let isDeleting = segments.count > 1 && segments[1].base <= start
        try files.replace(
            isDeleting ? startOffsetPath : latestStartPath, with: start.value, in: directory, sync: isDeleting)
        startOffset = start
        try dropSegmentsBeforeStart()
    }

    /// Deletes the segments whose records all lie before the first readable offset.
    private mutating func dropSegmentsBeforeStart() throws(LogError) {
        while segments.count > 1, segments[1].base <= startOffset {
            try removeFiles(ofSegmentAt: segments[0].base)
            segments.removeFirst()
        }
        aborted.removeAll { $0.last < startOffset }
    }

    func removeFiles(ofSegmentAt base: Offset) throws(LogError) {
        for suffix in [".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checksums"] {
            try files.removeFile(SegmentName.path(directory, base, suffix))
        }
    }
}
