import Logging
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
    /// Up to where the store is now. Offsets count markers and what compaction took as well, so it may go ahead faster than
    /// `restoredCount`.
    public let position: Offset
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

    /// About how long the rest takes, if it goes on as it did; nil while that is not known.
    public var timeLeft: Duration? {
        if position >= to { return .zero }
        guard position > from, elapsed > .zero else { return nil }
        return elapsed * (Double(to - position) / Double(position - from))
    }
}

extension RestoreProgress: CustomStringConvertible {
    public var description: String {
        let left = timeLeft.map { ", about \($0.milliseconds / 1_000) s left" } ?? ""
        return "restoring \(store) from \(changelog): at \(position) of \(to), \(restoredCount) records, "
            + "\(recordsPerSecond) a second\(left)"
    }
}

/// Brings the stores of a thread's tasks to the ends of their changelogs, each from the offset that it holds. Where the
/// changelog is an input of the task, its end is what was committed: the rest is still to be processed.
///
/// Goes in steps, one poll each, so that the thread can be stopped in between. Owned by one stream thread.
package final class StoreRestorer {
    private final class Restore {
        let place: Place
        let from: Offset
        let to: Offset
        let began: Timestamp
        let reason: String?
        var count: Int64 = 0
        var position: Offset
        var lastLogged: Timestamp

        init(_ place: Place, from: Offset, to: Offset, began: Timestamp, reason: String?) {
            self.place = place
            (self.from, self.to, self.began, self.reason) = (from, to, began, reason)
            (position, lastLogged) = (from, began)
        }
    }

    /// A store with what brings it back.
    private struct Place {
        let store: any StateStore
        let changelog: TopicPartition
        let source: SourceRestore?

        /// The first offset that the store does not contain.
        var offset: Offset? { source == nil ? store.changelogOffset : store.positions[changelog] }

        /// Notes that the store is restored up to `end`.
        func restored(upTo end: Offset) throws {
            guard source != nil else { return try store.restored(upTo: end) }
            store.committed(changelogEnd: nil, positions: [changelog: end])
            try store.writeBehind(force: false)
        }
    }

    /// A restore that takes longer says so in the log, this often.
    private static var logInterval: Duration { .seconds(10) }

    private let consumer: any Consumer
    private let report: @Sendable (RestoreProgress) -> Void
    private let logger: Logger
    private var restores: [TopicPartition: Restore] = [:]
    package private(set) var restoredCount: Int64 = 0

    /// Looks where the changelogs stand. Blocks.
    /// - Parameter committed: the committed offsets of the changelogs that are inputs of tasks.
    package init(
        _ stores: [StreamTask.TaskStore], committed: [TopicPartition: CommittedOffset], consumer: any Consumer,
        now: Timestamp, logger: Logger, report: @escaping @Sendable (RestoreProgress) -> Void
    ) throws {
        self.consumer = consumer
        self.report = report
        self.logger = logger
        let bounds = try consumer.bounds(of: Set(stores.compactMap(\.changelog)))
        for entry in stores {
            guard let changelog = entry.changelog, var held = bounds[changelog] else { continue }
            if entry.source != nil {
                // What was not committed, or is not there any more, will be read from the beginning.
                let offset = committed[changelog]?.offset ?? held.lowerBound
                held =
                    held
                    .lowerBound..<(offset >= held.lowerBound && offset <= held.upperBound ? offset : held.lowerBound)
            }
            let place = Place(store: entry.store, changelog: changelog, source: entry.source)
            let (from, reason) = try Self.beginning(of: place, held: held)
            let restore = Restore(place, from: from, to: held.upperBound, began: now, reason: reason)
            if from < held.upperBound {
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
    private static func beginning(of place: Place, held: Range<Offset>) throws -> (Offset, reason: String?) {
        guard let own = place.offset else { return (held.lowerBound, nil) }
        if own >= held.lowerBound && own <= held.upperBound { return (own, nil) }
        // First the offset: should the process end half-way, the next start restores from the beginning all the same.
        try place.restored(upTo: held.lowerBound)
        let erased = try place.store.erase()
        let reason =
            "the store is at changelog offset \(own), and the changelog holds \(held.lowerBound)..<\(held.upperBound)"
        return (held.lowerBound, erased ? reason : reason + "; what the store held stays")
    }

    package var isDone: Bool { restores.isEmpty }

    /// Takes in what one poll brings. Blocks for at most `wait`.
    package func step(wait: Duration, now: Timestamp) throws {
        guard !isDone else { return }
        var changed: Set<TopicPartition> = []
        for batches in try consumer.poll(wait: wait) {
            guard let restore = restores[batches.partition] else { continue }
            try takeIn(batches, restore)
            changed.insert(batches.partition)
        }
        // A changelog may end in what nobody gets to see: markers, aborted transactions, gaps of compaction.
        for (changelog, restore) in restores.sorted(by: { $0.key < $1.key }) {
            restore.position = max(restore.position, min(consumer.position(changelog) ?? .zero, restore.to))
            let isFinished = restore.position >= restore.to
            guard isFinished || changed.contains(changelog) else { continue }
            try restore.place.restored(upTo: restore.position)
            tell(isFinished ? .finished : .progressed, changelog, restore, now)
            if isFinished { restores[changelog] = nil }
        }
        if isDone { try consumer.assign([]) }
    }

    private func takeIn(_ batches: FetchedBatches, _ restore: Restore) throws {
        let before = restore.count
        defer { restoredCount += restore.count - before }
        if let source = restore.place.source {
            let (end, count) = try source.takeIn(batches, upTo: restore.to)
            restore.count += count
            restore.position = end
            return
        }
        let headersStore = restore.place.store as? any HeaderKeepingStore
        var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
        while let record = try reader.next() {
            // A changelog record without a key is not the store's: compaction would refuse it.
            guard let key = record.key else { continue }
            if let headersStore {
                try headersStore.restore(
                    key: key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
            } else {
                try restore.place.store.restore(key: key, value: record.value, timestamp: record.timestamp)
            }
            restore.count += 1
        }
        restore.position = reader.nextOffset
    }

    private func tell(_ phase: RestoreProgress.Phase, _ changelog: TopicPartition, _ restore: Restore, _ now: Timestamp)
    {
        let progress = RestoreProgress(
            phase: phase, store: restore.place.store.name, changelog: changelog, from: restore.from, to: restore.to,
            position: restore.position, restoredCount: restore.count,
            elapsed: .milliseconds(now.ms - restore.began.ms), rebuiltBecause: restore.reason)
        if now >= restore.lastLogged + Self.logInterval {
            restore.lastLogged = now
            logger.info("\(progress)")
        }
        report(progress)
    }
}
