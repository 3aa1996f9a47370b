// How a stream thread opens and revokes tasks while it runs; retained tasks continue meanwhile.
//
//     granted by the placement ──▸ opened, restoring ──▸ running ──▸ revoked: leaving ──▸ committed ──▸ closed
//
// A running task leaves after a commit, so that its next owner finds its position, and a complete changelog. If the
// commit has to wait, for results of asynchronous operators or for disk space, the task waits with it. A task that is
// still being restored has nothing to commit.

import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// The tasks and standby copies that a stream thread has open, and those that it may have.
final class HeldTasks {
    /// What the thread may have; the next rounds act on it. It must not contain what another thread has.
    var granted: TaskSet
    /// What the thread has open.
    private(set) var held = TaskSet()
    /// In the order of their names.
    private(set) var tasks: [StreamTask] = []
    /// The tasks that are restored and take records.
    private(set) var running: [StreamTask] = []
    /// Copies of tasks that run elsewhere.
    private(set) var standbys: [StandbyTask] = []
    /// Running tasks by the partitions that they read.
    private(set) var owners: [TopicPartition: StreamTask] = [:]
    /// Running tasks that leave as soon as they are committed: they take no more records.
    private(set) var leaving: Set<TaskID> = []

    private let plan: StreamThreadPlan
    private let parts: [Int: Subtopology]
    private let services: ThreadServices
    private let restorer: StoreRestorer
    private var standbyLookup: StandbyLookup
    /// Copies that could not be opened: others are tried first.
    private var late: Set<TaskID> = []
    /// The report of tasks that were closed.
    private var closed = StreamThreadReport()
    private var closedFlow = RecordFlow()

    init(_ plan: StreamThreadPlan, services: ThreadServices, restorer: StoreRestorer) {
        (self.plan, self.services, self.restorer) = (plan, services, restorer)
        standbyLookup = StandbyLookup(plan.configuration.logger)
        granted = TaskSet(active: Dictionary(uniqueKeysWithValues: plan.tasks.map { ($0, 0) }))
        parts = Dictionary(uniqueKeysWithValues: plan.topology.subtopologies.map { ($0.number, $0) })
    }

    /// The partitions of running tasks that are no longer granted.
    var leavingPartitions: Set<TopicPartition> { Set(running.filter(isRevoked).flatMap(\.partitions)) }

    private func isRevoked(_ task: StreamTask) -> Bool { granted.active[task.id] != held.active[task.id] }

    // MARK: Opening

    /// Opens what is granted and not open yet, and starts to restore it. Blocks.
    /// - Throws: `StateError.noSpace` if the state's disk is full: it may be called again, and opens the rest.
    func openGranted(now: RoundTime) throws {
        defer { tasks.sort { $0.id < $1.id } }
        for (id, replica) in granted.active.sorted(on: \.key) where held.active[id] == nil {
            guard let part = parts[id.subtopology] else { continue }
            let task = try open(id, part, replica: replica, now: now)
            try restore(task.stores, orClose: task.close, now)
            tasks.append(task)
            held.active[id] = replica
        }
        let lateness = { [late] (id: TaskID) in late.contains(id) ? 1 : 0 }
        for (id, replica) in granted.standby.sorted(by: { (lateness($0.key), $0.key) < (lateness($1.key), $1.key) })
        where held.replica(of: id) == nil {
            guard let part = parts[id.subtopology] else { continue }
            try standbyLookup.attempt(now: now.uptime) { try openCopy(of: id, part, replica: replica, now: now) }
        }
    }

    private func openCopy(of id: TaskID, _ part: Subtopology, replica: Int, now: RoundTime) throws {
        late.insert(id)
        let standby = try StandbyTask(
            id, part, environment: plan.environment(of: id, replica: replica), services: services, now: now)
        try restore(standby.stores, follows: true, orClose: standby.close, now)
        standbys.append(standby)
        held.standby[id] = replica
        late.remove(id)
    }

    /// Starts to restore the stores. A store that cannot be restored must not be held: it would count as restored.
    private func restore(
        _ stores: TaskStores, follows: Bool = false, orClose close: () throws -> Void, _ now: RoundTime
    ) throws {
        do { try restorer.add(stores, follows: follows, now: now.uptime) } catch {
            // The first error is the one to report.
            try? restorer.remove(stores)
            try? close()
            throw error
        }
    }

    /// Whether everything granted is open, except for copies that the cluster does not allow to open now.
    var isComplete: Bool {
        granted.active.keys.allSatisfy { held.active[$0] != nil || parts[$0.subtopology] == nil }
            && (standbyLookup.hasFailed
                || granted.standby.keys.allSatisfy { held.replica(of: $0) != nil || parts[$0.subtopology] == nil })
    }

    /// Opens a task with the stores of the standby copy that this thread has, or else with those of its replica.
    private func open(_ id: TaskID, _ part: Subtopology, replica: Int, now: RoundTime) throws -> StreamTask {
        guard let index = standbys.firstIndex(where: { $0.id == id }) else {
            return try StreamTask(
                id, part, environment: plan.environment(of: id, replica: replica), services: services, now: now)
        }
        let standby = standbys.remove(at: index)
        held.standby[id] = nil
        try restorer.remove(standby.stores)
        return try StreamTask(id, part, stores: standby.stores, services: services, now: now)
    }

    /// The tasks whose restore has finished.
    var restored: [StreamTask] { tasks.filter { !$0.hasBegun && restorer.isDone($0.stores) } }

    /// Lets restored tasks take records.
    func begin(_ restored: [StreamTask], at positions: [TopicPartition: TaskPosition]) {
        for task in restored {
            for partition in task.partitions { owners[partition] = task }
            task.begin(at: positions)
        }
        running = tasks.filter(\.hasBegun)
    }

    // MARK: Revoking

    /// Closes what is no longer granted and has nothing to commit: standby copies, and tasks that are still being
    /// restored. Running tasks that are no longer granted start to leave.
    /// - Returns: the tasks that leave, to be closed when they are committed; nil if no task was revoked.
    func revoke() throws -> [StreamTask]? {
        for standby in standbys where granted.replica(of: standby.id) != held.standby[standby.id] {
            try restorer.remove(standby.stores)
            standbys.removeAll { $0 === standby }
            held.standby[standby.id] = nil
            try standby.close()
        }
        let revoked = tasks.filter(isRevoked)
        for task in revoked where !task.hasBegun { try close(task) }
        let left = revoked.filter(\.hasBegun)
        leaving = Set(left.map(\.id))
        return revoked.isEmpty ? nil : left
    }

    /// Closes a task without a commit.
    func close(_ task: StreamTask) throws {
        try restorer.remove(task.stores)
        closed.add(task)
        closedFlow.add(task)
        tasks.removeAll { $0 === task }
        running.removeAll { $0 === task }
        for partition in task.partitions { owners[partition] = nil }
        leaving.remove(task.id)
        held.active[task.id] = nil
        try task.close()
    }

    /// Closes everything when the thread ends, even if some of it throws. What was held stays listed for the report.
    /// - Throws: the first error.
    func closeAll() throws {
        var first: (any Error)?
        for task in tasks { do { try task.close() } catch { first = first ?? error } }
        for standby in standbys { do { try standby.close() } catch { first = first ?? error } }
        if let first { throw first }
    }

    // MARK: Report

    /// How the records went through the nodes of all tasks so far.
    var flow: RecordFlow { tasks.reduce(into: closedFlow) { $0.add($1) } }

    /// The counts of all tasks so far.
    var report: StreamThreadReport {
        var report = closed
        for task in tasks { report.add(task) }
        (report.restored, report.followed) = (restorer.restoredCount, restorer.followedCount)
        for task in running {
            if task.hasRecords, !task.awaited.isEmpty { report.waiting[task.id] = task.awaited }
            let count = task.context.deferredCount
            if count > 0 { report.inFlight[task.id] = count }
        }
        report.lags = restorer.lags
        if plan.process != nil { for task in running { report.sizes[task.id] = task.stores.size } }
        return report
    }
}
