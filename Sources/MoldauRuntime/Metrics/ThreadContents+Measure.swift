// A stream thread's metrics of itself, its tasks and its stores. Everything was counted before: nothing here reads
// rows.

import MoldauRecords
import MoldauState
import MoldauTopology

extension ThreadContents {
    /// - Parameter now: the time of the request.
    func measure(now: RoundTime) -> ThreadMeasurements {
        var found = Measurements()
        measureThread(now.uptime, &found)
        for task in heldTasks.tasks { measure(task, now, &found) }
        for standby in heldTasks.standbys { measure(standby.stores, of: "\(standby.id)", &found) }
        for store in globalTables.stores { measure(store, of: "global", &found) }
        for lag in restorer.lags + globalTables.lags {
            found.add(
                .storeRestoreLeft, lag.records, lag.store, "\(lag.changelog.partition)", thread,
                lag.isStandby ? "standby" : "active")
        }
        return ThreadMeasurements(found: found, flow: flow, sent: outbox.sent)
    }

    /// The size of all stores' files on disk, including those of standby copies and global tables.
    var storeFileBytes: Int {
        let stores = heldTasks.tasks.map(\.stores) + heldTasks.standbys.map(\.stores)
        return (stores.flatMap { $0.entries.map(\.store) } + globalTables.stores).reduce(0) {
            $0 + ($1.usage?.files?.bytes ?? 0)
        }
    }

    private func measureThread(_ now: Duration, _ found: inout Measurements) {
        let report = heldTasks.report
        found.add(.threadProcessed, report.processed, thread)
        measure(
            times[.process], now, &found, (.threadProcessTime, .threadProcessLongest, .threadProcessRatio))
        measure(times[.poll], now, &found, (.threadPollTime, .threadPollLongest, .threadPollRatio))
        found.add(.threadCommits, schedule.count, thread)
        measure(times[.commit], now, &found, (.threadCommitTime, .threadCommitLongest, .threadCommitRatio))
        let running = heldTasks.running.count
        found.add(.threadTasks, running, thread, "running")
        found.add(.threadTasks, heldTasks.tasks.count - running, thread, "restoring")
        found.add(.threadTasks, heldTasks.standbys.count, thread, "standby")
        found.add(.threadRestored, report.restored, thread)
        found.add(.threadFollowed, report.followed, thread)
        found.add(.threadGlobalUpdates, globalTables.appliedCount, thread)
        found.add(.threadHeld, shortage != nil, thread)
    }

    private func measure(
        _ times: ActivityTimes, _ now: Duration, _ found: inout Measurements,
        _ metrics: (summary: Metric, longest: Metric, ratio: Metric)
    ) {
        found.add(metrics.summary, times.summary(at: now), [thread])
        found.add(metrics.longest, times.longest(at: now), thread)
        found.add(metrics.ratio, times.ratio(at: now), thread)
    }

    private func measure(_ task: StreamTask, _ now: RoundTime, _ found: inout Measurements) {
        let id = "\(task.id)"
        found.add(.taskProcessed, task.processedCount, id, thread)
        found.add(.taskBuffered, task.queues.reduce(0) { $0 + $1.bufferedBytes }, id, thread)
        found.add(.taskWaits, task.hasRecords && !task.awaited.isEmpty, id, thread)
        found.add(.taskInFlight, task.context.deferredCount, id, thread)
        for queue in task.queues {
            let (topic, partition) = (queue.partition.topic, "\(queue.partition.partition)")
            found.add(.consumed, queue.processedCount, topic, partition)
            guard let lag = queue.lag else { continue }
            found.add(.lagRecords, lag, topic, partition)
            found.add(.lagTime, ifKnown: queue.lagMs(at: now.wall).map { Double($0) / 1_000 }, topic, partition)
        }
        measure(task.stores, of: id, &found)
    }

    private func measure(_ stores: TaskStores, of task: String, _ found: inout Measurements) {
        for entry in stores.entries { measure(entry.store, of: task, &found) }
    }

    private func measure(_ store: any StateStore, of task: String, _ found: inout Measurements) {
        found.add(.storeEntries, store.approximateEntryCount, store.name, task, thread)
        guard let usage = store.usage else { return }
        found.add(.storeCacheBytes, usage.cachedBytes, store.name, task, thread)
        found.add(.storeUnsaved, usage.unsavedBytes, store.name, task, thread)
        found.add(.storeHits, usage.hits, store.name, task, thread)
        found.add(.storeMisses, usage.misses, store.name, task, thread)
        guard let files = usage.files else { return }
        found.add(.storeDisk, files.bytes, store.name, task, thread)
        found.add(.storeMemtables, files.memtableBytes, store.name, task, thread)
        found.add(.storeCompaction, files.pendingCompactionBytes, store.name, task, thread)
        found.add(.storeErrors, files.backgroundErrors, store.name, task, thread)
    }
}

/// A stream thread's answer.
struct ThreadMeasurements: Sendable {
    let found: Measurements
    let flow: RecordFlow
    let sent: [String: SentRecords]
}

extension PartitionQueue {
    /// The number of unprocessed offsets, as of the last fetch; nil if unknown.
    var lag: Int64? {
        guard let end, let position else { return nil }
        return position.lag(behind: end)
    }

    /// The age of the next record by its own timestamp; 0 if there is none; nil if it is not fetched yet.
    func lagMs(at now: Timestamp) -> Int64? {
        if isCaughtUp { return 0 }
        return isEmpty ? nil : max(0, now.ms.subtractingCapped(headTime.ms))
    }
}
