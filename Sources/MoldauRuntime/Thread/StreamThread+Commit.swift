// When a stream thread commits, and what it does if there is no disk space. `TaskCommit` implements the commit itself.

import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamThread {
    func commitIfDue(now: RoundTime) throws {
        let running = heldTasks.running
        guard schedule.isDue(at: now.uptime, isWanted: running.contains(where: \.wantsCommit)) else { return }
        guard try settle(now: now) else { return }
        try commit(now: now, writeBehind: schedule.writesBehind(at: now.uptime))
    }

    /// Whether all results have gone downstream, in every task.
    func settle(now: RoundTime) throws -> Bool { try taskCommit.settle(heldTasks.running, now: now) }

    /// Commits all tasks together. Blocks until changelogs, output and offsets are as durable as the cluster promises.
    /// - Returns: false if some results have not gone downstream, or if there is no space; the thread then pauses
    ///   processing. Nothing is committed, and this may be called again.
    @discardableResult
    package func commit(now: RoundTime, writeBehind: Bool = false) throws -> Bool {
        do {
            // Rounds that wait for space commit in order to check for it; without positions, such a commit does not
            // count while stores that are opened or restored still lack space.
            let hasNews = shortage == nil || heldTasks.running.contains { !$0.offsetsToCommit().isEmpty }
            let outcome = try timed(.commit, if: { $0.isDone && $0.counts }) {
                let isDone = try taskCommit.commit(
                    heldTasks.running, standbys: heldTasks.standbys, globalTables: globalTables, now: now,
                    writeBehind: writeBehind)
                return (isDone: isDone, counts: hasNews || !isWaitingForState)
            }
            guard outcome.isDone else { return false }
            schedule.committed(at: now.uptime, counts: outcome.counts)
            turns.transactionPace.committed()
            if schedule.purges(at: now.uptime) { try purgeRepartitionTopics() }
            if isWaitingForState {
                shortage = .state
                return true
            }
            if shortage != nil { plan.configuration.logger.info("there is room again; processing continues") }
            shortage = nil
            return true
        } catch {
            try hold(because: error)
            return false
        }
    }

    /// Whether stores that are opened or restored lack space.
    private var isWaitingForState: Bool { isShortOfState || restorer.isShort }

    /// Deletes records from repartition topics that were read and committed.
    private func purgeRepartitionTopics() throws {
        let topics = Set(plan.topology.repartitionTopics.map { plan.names.topic($0.name) })
        let queues = heldTasks.running.flatMap(\.queues).filter { topics.contains($0.partition.topic) }
        let offsets = queues.reduce(into: [:]) { offsets, queue in offsets[queue.partition] = queue.position }
        guard !offsets.isEmpty else { return }
        do { try clients.admin.deleteRecords(before: offsets) } catch let error as ClusterError {
            if error.remedy == .stopApplication { throw error }
            plan.configuration.logger.warning(
                "processed records of repartition topics could not be deleted; this is tried again: \(error)")
        }
    }

    // MARK: No space

    /// Runs `body`, which may find the state's disk full; the thread then pauses processing.
    func waitingForSpace(_ body: () throws -> Void) throws {
        do { try body() } catch let error as StateError {
            try hold(because: error)
            isShortOfState = true
        }
    }

    /// Pauses processing until there is space.
    /// - Throws: the error, if waiting does not help.
    func hold(because error: any Error) throws {
        guard let new = Shortage(error) else { throw error }
        if shortage == nil {
            plan.configuration.logger.warning("\(error); nothing more is processed until there is room")
        }
        shortage = new.joined(shortage)
    }

    // MARK: The end

    /// Resumes deferred work without taking records, before a stop. Blocks for at most `wait` if results are still
    /// missing.
    /// - Returns: whether `stop` will commit.
    package func settleForStop(now: RoundTime, wait: Duration) throws -> Bool {
        guard !heldTasks.running.isEmpty else { return true }
        _ = try resume(now: now)
        if try settle(now: now) { return true }
        clients.consumer.pause(Set(heldTasks.owners.keys).union(globalTables.partitions))
        _ = try clients.consumer.poll(wait: wait)
        return false
    }

    /// Commits, then closes everything. If results of asynchronous operators are still outstanding, nothing is
    /// committed: they are cancelled, and records processed since the last commit will be read again.
    /// - Throws: the first error; everything is closed in any case.
    package func stop(now: RoundTime) throws {
        let results = [Result { try commitLast(now: now) }, Result { try close() }]
        for result in results { try result.get() }
    }

    private func commitLast(now: RoundTime) throws {
        guard !heldTasks.running.isEmpty else { return }
        do {
            let isSettled = try settle(now: now)
            if isSettled { try commit(now: now) }
            if shortage == .cluster {
                throw ClusterError.diskFull(reason: "what was done since the last commit is not kept")
            }
            let outcome =
                isSettled
                ? "ends; everything that it processed is committed"
                : "ends before its asynchronous closures do; records since its last commit are processed again at the next start"
            plan.configuration.logger.info("\(plan.clientID) \(outcome)")
        } catch let error as ClusterError where error.remedy == .resumeFromCommit {
            plan.configuration.logger.warning(
                "what was done since the last commit is processed again at the next start: \(error)")
        }
    }
}
