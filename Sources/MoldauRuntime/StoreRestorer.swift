import MoldauCluster
import MoldauRecords
import MoldauState

/// How the restore of one store is going.
public struct RestoreProgress: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        case started
        case progressed
        case finished
    }

    public let phase: Phase
    public let store: String
    /// The changelog partition that is read.
    public let changelog: TopicPartition
    /// Where the store stood when the restore began.
    public let from: Offset
    /// Where the changelog ended then.
    public let to: Offset
    /// Records taken in so far.
    public let restoredCount: Int64
    /// Since the restore of this store began.
    public let elapsed: Duration
    /// Why the store is read from the beginning although it held data; nil where it goes on from its own offset.
    public let rebuiltBecause: String?

    /// 0 while no time was measured.
    public var recordsPerSecond: Int64 {
        elapsed.milliseconds > 0 ? restoredCount * 1_000 / elapsed.milliseconds : 0
    }
}

/// Brings the stores of a thread's tasks to the ends of their changelogs, each from the offset that it holds.
///
/// Goes in steps, one poll each, so that the thread can be stopped in between. Owned by one stream thread.
package final class StoreRestorer {
    private final class Restore {
        let store: any StateStore
        let from: Offset
        let to: Offset
        let began: Timestamp
        let reason: String?
        var count: Int64 = 0

        init(_ store: any StateStore, from: Offset, to: Offset, began: Timestamp, reason: String?) {
            self.store = store
            (self.from, self.to, self.began, self.reason) = (from, to, began, reason)
        }
    }

    private let consumer: any Consumer
    private let report: @Sendable (RestoreProgress) -> Void
    private var restores: [TopicPartition: Restore] = [:]
    package private(set) var restoredCount: Int64 = 0

    /// Looks where the changelogs stand. Blocks.
    /// - Parameter limits: where restores end before the ends of the changelogs.
    package init(
        _ stores: [(store: any StateStore, changelog: TopicPartition)], limits: [TopicPartition: Offset] = [:],
        consumer: any Consumer, now: Timestamp,
        report: @escaping @Sendable (RestoreProgress) -> Void
    ) throws {
        self.consumer = consumer
        self.report = report
        let bounds = try consumer.bounds(of: Set(stores.map(\.changelog)))
        for (store, changelog) in stores {
            guard let held = bounds[changelog] else { continue }
            let (from, reason) = try Self.beginning(of: store, held: held)
            let end = min(held.upperBound, limits[changelog] ?? held.upperBound)
            let restore = Restore(store, from: from, to: end, began: now, reason: reason)
            if from < end {
                restores[changelog] = restore
            } else if reason != nil {
                tell(.finished, changelog, restore, now)
            }
        }
        try consumer.assign(Set(restores.keys))
        for (changelog, restore) in restores.sorted(by: { $0.key < $1.key }) {
            try consumer.seek(changelog, to: restore.from)
            tell(.started, changelog, restore, now)
        }
    }

    /// Where a store's restore begins. A store whose offset the changelog does not have is emptied.
    private static func beginning(of store: any StateStore, held: Range<Offset>) throws -> (Offset, reason: String?) {
        guard let own = store.changelogOffset else { return (held.lowerBound, nil) }
        if own >= held.lowerBound && own <= held.upperBound { return (own, nil) }
        let erased = try store.erase(beforeRestoreFrom: held.lowerBound)
        let reason =
            "the store is at changelog offset \(own), and the changelog holds \(held.lowerBound)..<\(held.upperBound)"
        return (held.lowerBound, erased ? reason : reason + "; what the store held stays")
    }

    package var isDone: Bool { restores.isEmpty }

    /// Takes in what one poll brings. Blocks for at most `wait`.
    package func step(wait: Duration, now: Timestamp) throws {
        guard !isDone else { return }
        for batches in try consumer.poll(wait: wait) {
            guard let restore = restores[batches.partition] else { continue }
            let end = try takeIn(batches, restore)
            let isFinished = end >= restore.to
            tell(isFinished ? .finished : .progressed, batches.partition, restore, now)
            if isFinished { restores[batches.partition] = nil }
        }
        if isDone { try consumer.assign([]) }
    }

    /// - Returns: the offset up to which the store now is.
    private func takeIn(_ batches: FetchedBatches, _ restore: Restore) throws -> Offset {
        var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
        while let record = try reader.next(), record.offset < restore.to {
            // A changelog record without a key is not the store's: compaction would refuse it.
            guard let key = record.key else { continue }
            try restore.store.restore(key: key, value: record.value, timestamp: record.timestamp)
            restore.count += 1
            restoredCount += 1
        }
        let end = min(reader.nextOffset, restore.to)
        try restore.store.restored(upTo: end)
        return end
    }

    private func tell(_ phase: RestoreProgress.Phase, _ changelog: TopicPartition, _ restore: Restore, _ now: Timestamp)
    {
        report(
            RestoreProgress(
                phase: phase, store: restore.store.name, changelog: changelog, from: restore.from, to: restore.to,
                restoredCount: restore.count, elapsed: .milliseconds(now.ms - restore.began.ms),
                rebuiltBecause: restore.reason))
    }
}
