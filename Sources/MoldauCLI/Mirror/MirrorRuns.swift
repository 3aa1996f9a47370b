import MoldauRecords

/// Records of a partition that were copied one after another: their offsets in the source and in the target.
struct MirrorRun: Equatable {
    /// The first record's offset in the source.
    let first: Offset
    /// The last record's offset in the source.
    let last: Offset
    /// The first record's offset in the target; the others follow it without gaps.
    let target: Offset
    /// The number of records: smaller than the number of offsets if the source's topic is compacted.
    let count: Int64

    /// The offset after them in the target.
    var targetEnd: Offset { target + count }
    /// Whether every offset in the source has a record.
    private var isDense: Bool { last - first + 1 == count }

    /// Maps an offset of the source, in the run or after it, to the target offset at which a reader resumes without
    /// missing a record. Within a run with gaps that is the start of the run.
    func target(of offset: Offset) -> Offset {
        if offset > last { return targetEnd }
        return isDense && offset > first ? target + (offset - first) : target
    }

    /// Merges two runs that are adjacent in both logs; nil if they are not.
    func joined(with next: MirrorRun) -> MirrorRun? {
        guard isDense, next.isDense, last + 1 == next.first, targetEnd == next.target else { return nil }
        return MirrorRun(first: first, last: next.last, target: target, count: count + next.count)
    }

    init(first: Offset, last: Offset, target: Offset, count: Int64) {
        (self.first, self.last, self.target, self.count) = (first, last, target, count)
    }

    // MARK: As text

    /// `topic:partition:first`.
    func key(of partition: TopicPartition) -> String { "\(partition.topic):\(partition.partition):\(first)" }

    /// `last:target:count`.
    var text: String { "\(last):\(target):\(count)" }

    /// Parses a noted run; nil if the text is not one.
    static func read(key: String, text: String) -> (partition: TopicPartition, run: MirrorRun)? {
        let numbers = text.split(separator: ":").map { Int64($0) }
        guard let (partition, first) = place(key: key), numbers.count == 3, let last = numbers[0],
            let target = numbers[1], let count = numbers[2], last >= first.value, target >= 0, count > 0
        else { return nil }
        let run = MirrorRun(first: first, last: Offset(last), target: Offset(target), count: count)
        return (partition, run)
    }

    /// The partition and first offset in a run's key; nil if it is not one.
    static func place(key: String) -> (partition: TopicPartition, first: Offset)? {
        let parts = key.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, let number = Int32(parts[1]), number >= 0,
            let first = Int64(parts[2]), first >= 0
        else { return nil }
        return (TopicPartition(String(parts[0]), number), Offset(first))
    }
}

/// All known runs of a partition: those of the records that the source still holds, with no record missing in between.
struct MirrorRuns: Equatable {
    /// By ascending offset.
    private(set) var all: [MirrorRun]

    init(_ runs: some Sequence<MirrorRun> = []) { all = runs.sorted(on: \.first) }

    /// Appends a run, which must be after all others.
    mutating func append(_ run: MirrorRun) { all.append(run) }

    /// Removes the runs whose records the source no longer holds.
    /// - Returns: the removed runs.
    mutating func removeAll(before start: Offset) -> [MirrorRun] {
        let gone = all.prefix { $0.last < start }
        all.removeFirst(gone.count)
        return Array(gone)
    }

    /// Maps a source offset to the target offset at which a reader resumes; nil if nothing was copied.
    func target(of offset: Offset) -> Offset? {
        // The last run that begins at or before the offset; there are no records between two runs.
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle].first <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? all.first?.target : all[low - 1].target(of: offset)
    }
}
