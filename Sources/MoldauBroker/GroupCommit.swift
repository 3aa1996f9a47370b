// One sync for all waiting appends.
//
// A thread that wants its appends durable joins a round that has not begun. One of the waiting threads runs it: it
// takes all dirty partitions and syncs their files together. So a hundred partitions and ten threads cost one sync of
// the disk, not a thousand.
//
// Callers that cannot block are called back when the round that covers their append has ended. The broker's callbacks
// run such rounds, unless a blocked thread has run one meanwhile.

package import MoldauLog
internal import MoldauRecords
internal import Synchronization

/// Makes appended data durable, for all partitions at once.
package final class GroupCommit<Files: FileSystem>: Sendable {
    private struct State {
        var dirty: [BrokerPartition<Files>] = []
        var roundsBegun = 0
        var roundsDone = 0
        var isRunning = false
        var failure: LogError?
        /// The completions to call, and the round each waits for; in the order of rounds.
        var waiting: [(round: Int, completion: @Sendable (LogError?) -> Void)] = []
        /// Whether the callbacks are already scheduled to serve the waiting completions.
        var isServing = false
    }

    private enum Step {
        case run([BrokerPartition<Files>])
        case done
        case failed(LogError)
    }

    private let files: Files
    private let journal: Mutex<DurabilityJournal<Files>>
    private let monitor = Monitor(State())
    private let callbacks: Callbacks
    /// Whether an append is acknowledged, and shown to others, only after a sync.
    let isAwaited: Bool

    init(_ files: Files, journal: sending DurabilityJournal<Files>, isAwaited: Bool, _ callbacks: Callbacks) {
        self.files = files
        (self.isAwaited, self.callbacks) = (isAwaited, callbacks)
        self.journal = Mutex(journal)
    }

    /// Adds a partition that has something to sync.
    func note(_ partition: BrokerPartition<Files>) { monitor.withLock { $0.dirty.append(partition) } }

    /// - Throws: `LogError.offline` if a sync has failed.
    package func checkOnline() throws(LogError) {
        if let failure = monitor.withLock({ $0.failure }) { throw failure }
    }

    /// Stops all writing, because it is unknown what is on disk.
    package func goOffline(_ reason: LogError) {
        monitor.withLock(wakes: true) { state in
            if state.failure == nil { state.failure = .offline(reason: reason.description) }
        }
    }

    /// Returns when everything that was appended before the call is durable. Blocks.
    /// - Throws: `LogError.offline` if this sync or an earlier one failed. A sync is never repeated: the kernel may
    ///   have dropped the pages.
    package func sync() throws(LogError) {
        try sync(through: monitor.withLock { $0.roundsBegun + 1 })
    }

    /// Returns when that round has ended. Runs rounds itself if no other thread does.
    private func sync(through target: Int) throws(LogError) {
        while true {
            switch nextStep(target) {
            case .done: return
            case .failed(let error): throw error
            case .run(let partitions): run(partitions)
            }
        }
    }

    /// Calls back when everything that was appended before the call is durable: with nil, or with the error of the
    /// sync. Does not block.
    func afterSync(_ completion: @escaping @Sendable (LogError?) -> Void) {
        let isFirst = monitor.withLock { state in
            state.waiting.append((state.roundsBegun + 1, completion))
            defer { state.isServing = true }
            return !state.isServing
        }
        if isFirst { callbacks.call { [self] in serveWaiting() } }
    }

    /// Completes the round of the current waiters and calls them. Waiters that arrive meanwhile are served next.
    private func serveWaiting() {
        guard let round = monitor.withLock({ $0.waiting.last?.round }) else { return }
        var failure: LogError?
        do throws(LogError) { try sync(through: round) } catch { failure = error }
        let (served, isMore) = monitor.withLock { state in
            let count = failure == nil ? state.waiting.firstIndex { $0.round > round } : nil
            let served = state.waiting.prefix(count ?? state.waiting.count)
            state.waiting.removeFirst(served.count)
            state.isServing = !state.waiting.isEmpty
            return (served, state.isServing)
        }
        for waiting in served { waiting.completion(failure) }
        if isMore { callbacks.call { [self] in serveWaiting() } }
    }

    private func nextStep(_ target: Int) -> Step {
        let step: Step? = monitor.wait { state in
            if let failure = state.failure { return .failed(failure) }
            if state.roundsDone >= target { return .done }
            if state.isRunning { return nil }
            state.isRunning = true
            state.roundsBegun += 1
            defer { state.dirty = [] }
            return .run(state.dirty)
        }
        return step ?? .done
    }

    private func run(_ partitions: [BrokerPartition<Files>]) {
        do throws(LogError) {
            let unsynced = partitions.compactMap { partition in
                partition.takeUnsynced().map { (partition: partition, file: $0.file, end: $0.end) }
            }
            if !unsynced.isEmpty {
                try files.sync(unsynced.map(\.file) + (try writeJournal().map { [$0] } ?? []))
                try journal.withLock { journal throws(LogError) in journal.add(unsynced.map { ($0.partition, $0.end) })
                }
                for synced in unsynced { synced.partition.noteSynced(upTo: synced.end) }
            }
        } catch {
            goOffline(error)
        }
        monitor.withLock(wakes: true) { state in
            state.isRunning = false
            state.roundsDone = state.roundsBegun
        }
    }

    /// Writes to the journal what the previous round made durable. If the disk is full, that is postponed.
    private func writeJournal() throws(LogError) -> Files.File? {
        do throws(LogError) {
            return try journal.withLock { journal throws(LogError) in try journal.writeRound() }
        } catch {
            guard error.isDiskFull else { throw error }
            return nil
        }
    }

    /// Releases all partitions; waiting callers get an error: durability is unknown. Must not be used afterwards.
    func letGo() {
        monitor.withLock(wakes: true) { state in
            state.dirty = []
            state.failure = state.failure ?? .offline(reason: "the broker was dropped without being closed")
        }
        journal.withLock { $0.letGo() }
    }

    /// Removes deleted partitions from the journal.
    func forget(_ partitions: [TopicPartition]) throws(LogError) {
        try journal.withLock { journal throws(LogError) in try journal.forget(partitions) }
    }

    /// Writes the journal completely, for a clean stop.
    func closeJournal() throws(LogError) { try journal.withLock { journal throws(LogError) in try journal.close() } }
}
