package import MoldauRecords

extension PartitionLog {
    /// Where the partition's first readable offset is kept. Losing it brings deleted records back, unless Kafka's file of all
    /// partitions tells; it never loses one.
    private var startOffsetPath: String { "\(directory)/log-start-offset" }

    mutating func open(wasClean: Bool, durableEnd: Offset, checkpointedStart: Offset) throws(LogError) {
        let isNew = !files.exists(directory)
        if isNew { try files.createDirectory(directory) }
        // A killed process leaves names and bytes that are with the operating system alone.
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
            // What a crash left in the operating system's hands is not on disk yet.
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

    /// The segment, opened if it was not yet.
    mutating func segment(_ index: Int) throws(LogError) -> Segment<Files.File> {
        if let opened = segments[index].opened { return opened }
        let base = segments[index].base
        let segment = try load(try files.open(SegmentName.path(directory, base, ".log")), base: base)
        segments[index].opened = segment
        if segment.isRebuilt, !rebuildsAborted { try writeIndexes(ofSegment: index) }
        return segment
    }

    private mutating func readStartOffset(_ checkpointed: Offset) throws(LogError) {
        let kept = try files.number(at: startOffsetPath).map(Offset.init) ?? checkpointed
        startOffset = max(segments[0].base, kept <= endOffset ? kept : .zero)
        // A number that was never right, or records that a power cut took although they were deleted. It is not believed: it would
        // take what is there, and later what will have these offsets.
        if kept > endOffset { try files.replace(startOffsetPath, with: startOffset.value, in: directory, sync: true) }
    }

    private mutating func readLeaderEpoch() throws(LogError) {
        if let kept = try files.leaderEpoch(in: directory) {
            leaderEpoch = kept
        } else {
            try files.writeLeaderEpoch(leaderEpoch, from: startOffset, in: directory)
        }
    }

    /// Raises the first readable offset to `offset`, at most to the end; segments that lie wholly before it go.
    /// - Throws: `LogError.offsetOutOfRange` beyond the end, `.io`.
    package mutating func deleteRecords(before offset: Offset) throws(LogError) {
        guard offset <= endOffset else {
            throw .offsetOutOfRange(requested: offset, held: startOffset..<endOffset)
        }
        guard offset > startOffset else { return }
        try files.replace(startOffsetPath, with: offset.value, in: directory, sync: false)
        startOffset = offset
        while segments.count > 1, segments[1].base <= startOffset { try removeFirstSegment() }
    }

    mutating func removeFirstSegment() throws(LogError) {
        try removeFiles(ofSegmentAt: segments[0].base)
        segments.removeFirst()
        startOffset = max(startOffset, segments[0].base)
        aborted.removeAll { $0.last < startOffset }
    }

    func removeFiles(ofSegmentAt base: Offset) throws(LogError) {
        for suffix in [".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checksums"] {
            try files.removeFile(SegmentName.path(directory, base, suffix))
        }
    }
}
