import MoldauRecords

/// Records of a partition that were copied one after another: where they were, and where they are.
struct MirrorRun: Equatable {
    /// The first record's offset in the source.
    let first: Offset
    /// The last one's.
    let last: Offset
    /// The first record's offset in the target, where the others follow without gaps.
    let target: Offset
    /// How many records these are: fewer than offsets, if the source's topic is compacted.
    let count: Int64

    /// The offset behind them in the target.
    var targetEnd: Offset { target + count }
    /// Whether each offset of the source is a record.
    private var isDense: Bool { last - first + 1 == count }

    /// Where a reader of the target goes on that was to read this offset of the source next, or one behind the run: no
    /// record is left out. Within a run with gaps it is the run's beginning.
    func target(of offset: Offset) -> Offset {
        if offset > last { return targetEnd }
        return isDense && offset > first ? target + (offset - first) : target
    }

    /// Runs that follow each other in both logs are one.
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

    /// Where and what a run is, by what was written; nil if it was not written so.
    static func read(key: String, text: String) -> (partition: TopicPartition, run: MirrorRun)? {
        let numbers = text.split(separator: ":").map { Int64($0) }
        guard let (partition, first) = place(key: key), numbers.count == 3, let last = numbers[0],
            let target = numbers[1], let count = numbers[2], last >= first.value, target >= 0, count > 0
        else { return nil }
        let run = MirrorRun(first: first, last: Offset(last), target: Offset(target), count: count)
        return (partition, run)
    }

    /// Whose run it is, and its first offset.
    static func place(key: String) -> (partition: TopicPartition, first: Offset)? {
        let parts = key.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, let number = Int32(parts[1]), number >= 0,
            let first = Int64(parts[2]), first >= 0
        else { return nil }
        return (TopicPartition(String(parts[0]), number), Offset(first))
    }
}

/// All runs of a partition that are known: those of the source's records, without a gap between them.
struct MirrorRuns: Equatable {
    /// In the order of their offsets.
    private(set) var all: [MirrorRun]

    init(_ runs: some Sequence<MirrorRun> = []) { all = runs.sorted(on: \.first) }

    /// Notes a run that lies behind all others.
    mutating func append(_ run: MirrorRun) { all.append(run) }

    /// Removes the runs whose records the source does not hold any more.
    /// - Returns: those.
    mutating func removeAll(before start: Offset) -> [MirrorRun] {
        let gone = all.prefix { $0.last < start }
        all.removeFirst(gone.count)
        return Array(gone)
    }

    /// Where in the target a reader goes on that was to read this offset of the source next; nil if nothing was copied.
    func target(of offset: Offset) -> Offset? {
        // The last run that begins at or before it: what lies between two runs is no record.
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle].first <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? all.first?.target : all[low - 1].target(of: offset)
    }
}
