import Logging
import MoldauCluster
import MoldauRecords
import MoldauTopology

extension StreamThread {
    /// Repartition topics are purged of what was read, this often.
    private static var purgeInterval: Duration { .seconds(30) }

    func commitIfDue(now: RoundTime) throws {
        guard
            isCommitAwaited || now.uptime - lastCommit >= plan.configuration.commitInterval
                || running.contains(where: \.wantsCommit)
        else { return }
        isCommitAwaited = true
        guard try settle(now: now) else { return }
        let isWriteBehindDue = now.uptime - lastWriteBehind >= plan.configuration.writeBehindInterval
        if isWriteBehindDue { lastWriteBehind = now.uptime }
        try commit(now: now, writeBehind: isWriteBehindDue)
    }

    /// Whether everything that was taken has gone downstream, in every task.
    func settle(now: RoundTime) throws -> Bool { try taskCommit.settle(running, now: now) }

    /// Lets deferred work go on without taking records, before a stop. Blocks for at most `wait` where that is not enough.
    /// - Returns: whether `stop` will commit.
    package func settleForStop(now: RoundTime, wait: Duration) throws -> Bool {
        guard !running.isEmpty else { return true }
        _ = try resume(now: now)
        if try settle(now: now) { return true }
        consumer.pause(Set(owners.keys).union(globalTables.partitions))
        _ = try consumer.poll(wait: wait)
        return false
    }

    /// Commits all tasks together; their deferred work has to be settled. Blocks until changelogs, output and offsets are as durable as the cluster promises.
    ///
    /// Where the cluster has no room nothing is committed and the thread `isOutOfSpace`: this may be called again.
    package func commit(now: RoundTime, writeBehind force: Bool = false) throws {
        do {
            try commitAll(now: now, writeBehind: force)
            if isOutOfSpace { plan.configuration.logger.info("there is room again; processing goes on") }
            (isOutOfSpace, losesWork) = (false, false)
        } catch {
            try waitForSpace(error)
        }
    }

    private func commitAll(now: RoundTime, writeBehind force: Bool) throws {
        try taskCommit.commit(running, standbys: standbys, globalTables: globalTables, now: now, writeBehind: force)
        lastCommit = now.uptime
        isCommitAwaited = false
        commitCount += 1
        transactionPace.committed()
        try purgeIfDue(now: now)
    }

    private func purgeIfDue(now: RoundTime) throws {
        guard now.uptime - lastPurge >= Self.purgeInterval else { return }
        lastPurge = now.uptime
        let repartition = Set(plan.topology.repartitionTopics.map { plan.names.topic($0.name) })
        let done = running.flatMap(\.queues).filter { repartition.contains($0.partition.topic) }
        let offsets = done.reduce(into: [:]) { offsets, queue in offsets[queue.partition] = queue.position }
        if !offsets.isEmpty { try admin.deleteRecords(before: offsets) }
    }

    /// Commits, then closes everything. Where results of asynchronous operators are still to come nothing is committed: they
    /// are cancelled, and what was done since the last commit will be read again.
    /// - Throws: the first error; everything is closed all the same.
    package func stop(now: RoundTime) throws {
        var first: (any Error)?
        if !running.isEmpty {
            do {
                if try settle(now: now) { try commit(now: now) }
                if isOutOfSpace, losesWork {
                    throw ClusterError.diskFull(reason: "what was done since the last commit is not kept")
                }
            } catch ClusterError.producerFenced {
                plan.configuration.logger.warning(
                    "a transaction was aborted because it was open for too long; its records are processed again at the next start"
                )
            } catch {
                first = error
            }
        }
        do { try close() } catch { first = first ?? error }
        if let first { throw first }
    }

    /// Closes everything without a commit: stores keep what was committed before.
    /// - Throws: the first error; everything is closed all the same.
    package func close() throws {
        guard phase != .closed else { return }
        phase = .closed
        var first: (any Error)?
        for task in tasks { do { try task.close() } catch { first = first ?? error } }
        for standby in standbys { do { try standby.close() } catch { first = first ?? error } }
        do { try globalTables.close() } catch { first = first ?? error }
        consumer.close()
        restoreConsumer.close()
        producer.close()
        admin.close()
        if let first { throw first }
    }
}
