import Logging
import MoldauCluster
import MoldauRecords
import MoldauState

/// Restores the stores of a thread's tasks to the ends of their changelogs, each from its own offset, and keeps those
/// of standby copies up to date. If the changelog is an input of the task, its end is the committed position: the rest
/// has not been processed yet.
///
/// A changelog's end is that of its last record, committed or not: the open transaction of a thread that no longer
/// exists may precede records that others have committed since. The restore waits until that transaction has ended.
///
/// Works in steps, one poll each, so that the thread can do other things in between. Standby copies wait while tasks
/// are restored. Owned by one stream thread.
package final class StoreRestorer {
    private final class Restore {
        let target: Target
        let from: Offset
        /// Records before this offset are only compared with the store, which has lost some of its changelog.
        let comparedTo: Offset
        /// The offset where it ends; nil for a standby copy, which follows the changelog.
        let to: Offset?
        /// The known end of the changelog.
        var end: Offset
        let began: Duration
        let reason: String?
        var count: Int64 = 0
        /// The first offset that the store does not contain.
        var position: Offset
        var lastLogged: Duration

        init(_ target: Target, _ beginning: Beginning, end: Offset, follows: Bool, began: Duration) {
            self.target = target
            (from, reason, self.end, self.began) = (beginning.from, beginning.reason, end, began)
            comparedTo = beginning.comparedTo ?? from
            to = follows ? nil : end
            (position, lastLogged) = (from, began)
        }
    }

    /// Where a store's restore begins.
    private struct Beginning {
        var from: Offset
        /// See `Restore.comparedTo`; nil: nothing is compared.
        var comparedTo: Offset?
        /// Why the store is rebuilt.
        var reason: String?
    }

    /// A store and what restores it.
    private struct Target {
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

    /// How often a long restore is logged.
    private static var logInterval: Duration { .seconds(10) }

    private let consumer: any Consumer
    private let committed: (Set<TopicPartition>, _ time: Duration?) throws -> [TopicPartition: CommittedOffset]
    private let report: @Sendable (RestoreProgress) -> Void
    private let logger: Logger
    private var restores: [TopicPartition: Restore] = [:]
    /// Looks up the ends of followed changelogs.
    private var looks = Recurrence(every: .milliseconds(100), since: nil)
    private var standbyLookup: StandbyLookup
    /// Why the last step could not write what it had read; nothing more is read before there is space.
    private var shortage: StateError?
    package private(set) var restoredCount: Int64 = 0
    /// The number of changelog records applied to standby copies.
    package private(set) var followedCount: Int64 = 0

    /// - Parameter committed: finds the committed offsets of changelogs that are inputs of tasks.
    package init(
        consumer: any Consumer,
        committed: @escaping (Set<TopicPartition>, _ time: Duration?) throws -> [TopicPartition: CommittedOffset],
        logger: Logger, report: @escaping @Sendable (RestoreProgress) -> Void
    ) {
        (self.consumer, self.committed, self.logger, self.report) = (consumer, committed, logger, report)
        standbyLookup = StandbyLookup(logger)
    }

    /// Looks up the changelogs' bounds, and starts restoring. Stores that were following continue at their offset.
    /// Blocks.
    package func add(_ stores: TaskStores, follows: Bool = false, now: Duration) throws {
        try remove(stores)
        let targets = stores.entries.compactMap { entry in
            entry.changelog.map { Target(store: entry.store, changelog: $0, source: entry.source) }
        }
        let added = try begin(targets, follows: follows, now)
        try consumer.assign(Set(restores.keys))
        for restore in added {
            try consumer.seek(restore.target.changelog, to: restore.from)
            if !follows { tell(.started, restore, now) }
        }
        letFollow()
    }

    private func begin(_ targets: [Target], follows: Bool, _ now: Duration) throws -> [Restore] {
        var added: [Restore] = []
        let bounds = try bounds(of: targets, within: follows ? StandbyLookup.patience : nil)
        for target in targets {
            guard let held = bounds[target.changelog] else { continue }
            var beginning = try beginning(of: target, held: held)
            if !follows, target.source == nil, target.store.mayLackDeletions {
                logger.info("the changelog \(target.changelog) is read from its beginning to find lost deletions")
                target.store.beginComparison()
                beginning.comparedTo = beginning.from
                beginning.from = held.lowerBound
            }
            let restore = Restore(target, beginning, end: held.upperBound, follows: follows, began: now)
            if follows || restore.from < held.upperBound {
                restores[target.changelog] = restore
                added.append(restore)
            } else if restore.reason != nil {
                tell(.finished, restore, now)
            }
        }
        return added
    }

    /// The ranges to read, by changelog.
    private func bounds(
        of targets: [Target], within time: Duration?
    ) throws -> [TopicPartition: Range<Offset>] {
        let changelogs = Set(targets.map(\.changelog))
        let (ends, sources) = (
            try consumer.ends(of: changelogs, within: time), Set(targets.filter { $0.source != nil }.map(\.changelog))
        )
        let committed = sources.isEmpty ? [:] : try committed(sources, time)
        let copies = time == nil ? [] : targets
        let copied: [TopicPartition: Offset] = copies.reduce(into: [:]) { $0[$1.changelog] = $1.offset }
        return try consumer.bounds(of: changelogs, within: time).reduce(into: [:]) { bounds, entry in
            let (changelog, held) = entry
            guard sources.contains(changelog) else {
                bounds[changelog] = held.lowerBound..<max(held.upperBound, ends[changelog] ?? held.upperBound)
                return
            }
            // If nothing was committed, or it no longer exists, the topic will be read from the beginning. A copy may
            // be ahead of the last commit that the cluster has returned.
            let offset = max(committed[changelog]?.offset ?? held.lowerBound, copied[changelog] ?? .zero)
            // The committed offset may be after a transaction that is still open: the restore waits for its end.
            let end = max(held.upperBound, ends[changelog] ?? .zero)
            bounds[changelog] =
                held.lowerBound..<(offset >= held.lowerBound && offset <= end ? offset : held.lowerBound)
        }
    }

    /// Where a store's restore begins. If a changelog begins after the store's offset, or ends before it, the store
    /// keeps its contents. What a changelog has lost at its end is appended to it again, so that losing the store later
    /// does not change results; deletions that it has lost are found by a comparison, see `begin`. A topic that is
    /// a table's input is complete: the store is then erased and restored from the start.
    private func beginning(of target: Target, held: Range<Offset>) throws -> Beginning {
        guard let own = target.offset else {
            let reason = target.store.erasedBecause
            if let reason { logger.warning("the store \(target.store.name) starts empty: \(reason)") }
            return Beginning(from: held.lowerBound, reason: reason)
        }
        if own >= held.lowerBound && own <= held.upperBound { return Beginning(from: own) }
        let fact =
            "the store \(target.store.name) is at offset \(own) of \(target.changelog), which holds "
            + "\(held.lowerBound)..<\(held.upperBound)"
        if own < held.lowerBound {
            logger.warning("\(fact): the store keeps its rows, and continues with the first record held")
            return Beginning(from: held.lowerBound)
        }
        if target.source == nil {
            let isRewritten = try target.store.rewriteChangelog(from: held.upperBound)
            logger.warning(
                "\(fact): the store keeps its rows\(isRewritten ? ", and appends them to the changelog again" : "")")
            return Beginning(from: held.upperBound)
        }
        let erased = try target.store.erase(because: fact)
        logger.warning("\(fact): the store is restored from the start")
        return Beginning(from: held.lowerBound, reason: erased ? fact : fact + "; what the store held stays")
    }

    /// Stops restoring these stores; they keep what was read.
    package func remove(_ stores: TaskStores) throws {
        let mine = stores.entries.compactMap(\.changelog).filter { restores[$0] != nil }
        guard !mine.isEmpty else { return }
        for changelog in mine { restores.removeValue(forKey: changelog)?.target.source?.reset() }
        try consumer.assign(Set(restores.keys))
        letFollow()
    }

    /// Whether all stores of tasks are restored; standby copies do not count.
    package var isDone: Bool { restores.values.allSatisfy { $0.to == nil } }

    /// Whether the last step had no space for what it had read.
    var isShort: Bool { shortage != nil && !restores.isEmpty }

    /// Whether these stores are restored.
    package func isDone(_ stores: TaskStores) -> Bool {
        stores.entries.allSatisfy { $0.changelog.flatMap { restores[$0]?.to } == nil }
    }

    package var lags: [StoreLag] { restores.values.map(lag).sorted(on: \.changelog) }

    /// The lag of the store that is furthest behind.
    var maxLag: Int64 { restores.values.reduce(0) { max($0, lag($1).records) } }

    private func lag(_ restore: Restore) -> StoreLag {
        StoreLag(
            store: restore.target.store.name, changelog: restore.target.changelog,
            position: restore.position < restore.comparedTo
                ? restore.position : restore.target.offset ?? restore.from,
            end: restore.end, isStandby: restore.to == nil)
    }

    /// Applies what one poll returns. Blocks for at most `wait`.
    /// - Throws: `StateError.noSpace` if the stores' disk is full: it may be called again.
    package func step(wait: Duration, now: Duration) throws {
        guard !restores.isEmpty else { return }
        if shortage != nil {
            for (_, restore) in restores.sorted(by: { $0.key < $1.key }) {
                try restore.target.store.writeBehind(force: false)
            }
            shortage = nil
        }
        let wasDone = isDone
        if wasDone, looks.takesTurn(at: now) { try standbyLookup.attempt(now: now) { try lookForEnds() } }
        var changed: Set<TopicPartition> = []
        do {
            for batches in try consumer.poll(wait: wait) {
                guard let restore = restores[batches.partition] else { continue }
                restore.position = try takeIn(batches, restore)
                changed.insert(batches.partition)
            }
        } catch ClusterError.offsetOutOfRange(let changelog, _, _) {
            return try beginAgain(changelog, now)
        }
        var finished = 0
        for (changelog, restore) in restores.sorted(by: { $0.key < $1.key }) {
            guard let to = restore.to else { continue }
            // A changelog may end with offsets that are never delivered: markers, aborted transactions, compaction
            // gaps.
            let passed = min(consumer.position(changelog) ?? .zero, to)
            if passed > restore.position {
                restore.position = passed
                if passed > restore.comparedTo { try restored(restore.target, upTo: passed) }
            }
            let isFinished = restore.position >= to
            if isFinished || changed.contains(changelog) { tell(isFinished ? .finished : .progressed, restore, now) }
            guard isFinished else { continue }
            restores[changelog] = nil
            finished += 1
        }
        if finished > 0 { try consumer.assign(Set(restores.keys)) }
        if finished > 0 || wasDone { letFollow() }
        if let shortage { throw shortage }
    }

    /// Records that a store is restored up to `end`. If its disk is full, its cache keeps the rows: what the poll
    /// returned for other stores must still be applied.
    private func restored(_ target: Target, upTo end: Offset) throws {
        do { try target.restored(upTo: end) } catch let error as StateError {
            guard case .noSpace = error else { throw error }
            shortage = error
        }
    }

    /// The changelog no longer has the next records to read.
    private func beginAgain(_ changelog: TopicPartition, _ now: Duration) throws {
        guard let lost = restores[changelog] else { return }
        guard lost.to == nil else { return try beginAgain(lost, changelog, now) }
        try standbyLookup.attempt(now: now) { try beginAgain(lost, changelog, now) }
    }

    private func beginAgain(_ lost: Restore, _ changelog: TopicPartition, _ now: Duration) throws {
        restores[changelog] = nil
        lost.target.source?.reset()
        let again: [Restore]
        do { again = try begin([lost.target], follows: lost.to == nil, now) } catch {
            // Without a restore the store would count as restored.
            restores[changelog] = lost
            throw error
        }
        for restore in again { try consumer.seek(changelog, to: restore.from) }
        try consumer.assign(Set(restores.keys))
    }

    /// - Returns: the offset up to which the store is now restored.
    private func takeIn(_ batches: FetchedBatches, _ restore: Restore) throws -> Offset {
        if let source = restore.target.source {
            try source.add(batches)
            return try takeIn(source, restore)
        }
        if restore.to == nil { restore.end = max(restore.end, batches.end) }
        let headersStore = restore.target.store as? any HeaderKeepingStore
        var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
        while let record = try reader.next() {
            // A changelog record without a key is not from the store: compaction would reject it.
            guard let key = record.key else { continue }
            if record.offset < restore.comparedTo {
                try restore.target.store.compare(key: key, value: record.value)
                continue
            }
            if let headersStore {
                try headersStore.restore(
                    key: key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
            } else {
                try restore.target.store.restore(key: key, value: record.value, timestamp: record.timestamp)
            }
            count(1, restore)
        }
        if reader.nextOffset > restore.comparedTo { try restored(restore.target, upTo: reader.nextOffset) }
        return reader.nextOffset
    }

    private func takeIn(_ source: SourceRestore, _ restore: Restore) throws -> Offset {
        let (end, taken) = try source.takeIn(upTo: restore.to ?? restore.end)
        count(taken, restore)
        try restored(restore.target, upTo: end)
        return end
    }

    private func count(_ records: Int64, _ restore: Restore) {
        restore.count += records
        if restore.to == nil { followedCount += records } else { restoredCount += records }
    }

    // MARK: Standby copies

    /// Looks up the changelogs' ends; copies that read input topics apply what has been committed since.
    private func lookForEnds() throws {
        let bounds = try bounds(of: restores.values.map(\.target), within: StandbyLookup.patience)
        for (changelog, restore) in restores.sorted(by: { $0.key < $1.key }) {
            guard let end = bounds[changelog]?.upperBound, end > restore.end else { continue }
            restore.end = end
            if let source = restore.target.source, source.position != nil { _ = try takeIn(source, restore) }
        }
    }

    /// Standby copies wait until tasks are restored, and those that read input topics wait for commits.
    private func letFollow() {
        let isDone = isDone
        let waiting = restores.filter { _, restore in
            restore.to == nil && (!isDone || restore.target.source?.isEmpty == false)
        }
        consumer.pause(Set(waiting.keys))
        consumer.resume(Set(restores.keys).subtracting(waiting.keys))
    }

    private func tell(_ phase: RestoreProgress.Phase, _ restore: Restore, _ now: Duration) {
        let progress = RestoreProgress(
            phase: phase, store: restore.target.store.name, changelog: restore.target.changelog, from: restore.from,
            to: restore.to ?? restore.end, position: restore.position, restoredCount: restore.count,
            elapsed: now - restore.began, rebuiltBecause: restore.reason)
        let isNews = phase == .finished && (progress.restoredCount > 0 || progress.rebuiltBecause != nil)
        if isNews || now >= restore.lastLogged + Self.logInterval {
            restore.lastLogged = now
            logger.info("\(progress)")
        }
        report(progress)
    }
}
