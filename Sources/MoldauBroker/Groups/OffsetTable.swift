internal import MoldauRecords

/// The positions of one group: what is committed, and what will be with the transactions that are open.
///
/// Of two commits for a partition the one that was written later counts, even if the earlier one was in a transaction
/// that ended after it. So what counts is also what is left after a compaction of the records.
struct OffsetTable: Equatable, Sendable {
    private struct Entry: Equatable, Sendable {
        var offset: GroupOffset
        /// Its place among the commits of the group.
        var place: Int

        // The place is no part of what a group has committed.
        static func == (left: Self, right: Self) -> Bool { left.offset == right.offset }
    }

    private var committed: [TopicPartition: Entry] = [:]
    /// By producer id.
    private var pending: [Int64: [TopicPartition: Entry]] = [:]
    private var place = 0
    #if SABOTAGE
        /// Whether, as a mistake, the commit counts whose transaction ended later.
        var ignoresOrder = false
    #endif

    static func == (left: Self, right: Self) -> Bool {
        left.committed == right.committed && left.pending == right.pending
    }

    var isEmpty: Bool { committed.isEmpty && pending.isEmpty }

    /// The committed offsets.
    var offsets: [TopicPartition: GroupOffset] { committed.mapValues(\.offset) }

    subscript(partition: TopicPartition) -> GroupOffset? { committed[partition]?.offset }

    /// All partitions that are committed, or are to be by an open transaction.
    var partitions: Set<TopicPartition> { pending.values.reduce(into: Set(committed.keys)) { $0.formUnion($1.keys) } }

    /// The producers whose transactions have offsets here.
    var producers: Set<Int64> { Set(pending.keys) }

    /// Whether an open transaction has an offset in this partition.
    func isPending(_ partition: TopicPartition) -> Bool { pending.values.contains { $0[partition] != nil } }

    /// - Parameter producer: whose transaction the commit is in; nil if in none.
    mutating func commit(_ offset: GroupOffset, in partition: TopicPartition, by producer: Int64?) {
        place += 1
        let entry = Entry(offset: offset, place: place)
        if let producer {
            pending[producer, default: [:]][partition] = entry
        } else {
            committed[partition] = entry
        }
    }

    /// Also removes what open transactions would commit there.
    mutating func remove(_ partition: TopicPartition) {
        committed[partition] = nil
        for producer in pending.keys {
            pending[producer]?[partition] = nil
            if pending[producer]?.isEmpty == true { pending[producer] = nil }
        }
    }

    /// The producer's transaction has ended.
    mutating func end(_ producer: Int64, isCommit: Bool) {
        for (partition, entry) in pending.removeValue(forKey: producer) ?? [:] where isCommit {
            #if SABOTAGE
                if ignoresOrder { committed[partition] = nil }
            #endif
            if let newer = committed[partition], newer.place > entry.place { continue }
            committed[partition] = entry
        }
    }
}
