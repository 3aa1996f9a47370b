internal import MoldauRecords

/// The positions of one group: the committed ones, and those pending in open transactions.
///
/// Of two commits for a partition the one that was written later wins, even if the earlier one was in a transaction
/// that ended after it. So the winner is also the record that compaction of the topic retains.
struct OffsetTable: Equatable, Sendable {
    private struct Entry: Equatable, Sendable {
        var offset: GroupOffset
        /// Its position among the commits of the group.
        var place: Int

        // The position is not part of what a group has committed.
        static func == (left: Self, right: Self) -> Bool { left.offset == right.offset }
    }

    private var committed: [TopicPartition: Entry] = [:]
    /// By producer id.
    private var pending: [Int64: [TopicPartition: Entry]] = [:]
    private var place = 0
    /// About how much memory all of them take.
    private(set) var byteCount = 0
    #if SABOTAGE
        /// Whether, as a deliberate bug, the commit whose transaction ended later wins.
        var ignoresOrder = false
    #endif

    static func == (left: Self, right: Self) -> Bool {
        left.committed == right.committed && left.pending == right.pending
    }

    var isEmpty: Bool { committed.isEmpty && pending.isEmpty }

    /// The committed offsets.
    var offsets: [TopicPartition: GroupOffset] { committed.mapValues(\.offset) }

    subscript(partition: TopicPartition) -> GroupOffset? { committed[partition]?.offset }

    /// All partitions with committed offsets, or with pending ones in an open transaction.
    var partitions: Set<TopicPartition> { pending.values.reduce(into: Set(committed.keys)) { $0.formUnion($1.keys) } }

    /// The producers whose open transactions have offsets here.
    var producers: Set<Int64> { Set(pending.keys) }

    /// Whether an open transaction has an offset in this partition.
    func isPending(_ partition: TopicPartition) -> Bool { pending.values.contains { $0[partition] != nil } }

    /// - Parameter producer: the producer in whose transaction the commit is; nil if in none.
    mutating func commit(_ offset: GroupOffset, in partition: TopicPartition, by producer: Int64?) {
        place += 1
        let entry = Entry(offset: offset, place: place)
        byteCount += growth(by: offset, in: partition, by: producer)
        if let producer {
            pending[producer, default: [:]][partition] = entry
        } else {
            committed[partition] = entry
        }
    }

    /// By how much `commit` changes `byteCount`; negative if what it replaces is larger.
    func growth(by offset: GroupOffset, in partition: TopicPartition, by producer: Int64?) -> Int {
        let replaced = producer.map { pending[$0]?[partition] } ?? committed[partition]
        return Self.bytes(of: offset, in: partition) - (replaced.map { Self.bytes(of: $0.offset, in: partition) } ?? 0)
    }

    /// Includes the overhead of the dictionaries.
    private static func bytes(of offset: GroupOffset, in partition: TopicPartition) -> Int {
        160 + partition.topic.utf8.count + offset.metadata.utf8.count
    }

    private mutating func forget(_ entry: Entry?, _ partition: TopicPartition) {
        if let entry { byteCount -= Self.bytes(of: entry.offset, in: partition) }
    }

    /// Also removes the pending offsets of open transactions there.
    mutating func remove(_ partition: TopicPartition) {
        forget(committed.removeValue(forKey: partition), partition)
        for producer in Array(pending.keys) {
            forget(pending[producer]?.removeValue(forKey: partition), partition)
            if pending[producer]?.isEmpty == true { pending[producer] = nil }
        }
    }

    /// Called when the producer's transaction has ended.
    mutating func end(_ producer: Int64, isCommit: Bool) {
        for (partition, entry) in pending.removeValue(forKey: producer) ?? [:] {
            let isNewer = committed[partition].map { $0.place > entry.place } ?? false
            #if SABOTAGE
                let isOvertaken = isNewer && !ignoresOrder
            #else
                let isOvertaken = isNewer
            #endif
            guard isCommit, !isOvertaken else {
                forget(entry, partition)
                continue
            }
            forget(committed[partition], partition)
            committed[partition] = entry
        }
    }
}
