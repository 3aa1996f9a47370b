import MoldauRecords
import MoldauState
import MoldauTopology

/// What the work of a message may access. Must not be kept: it belongs to the thread.
package struct ThreadContents {
    let thread: String
    let heldTasks: HeldTasks
    let globalTables: GlobalTables
    let restorer: StoreRestorer
    let schedule: CommitSchedule
    let outbox: Outbox
    let shortage: Shortage?
    let times: ThreadTimes

    init(
        of thread: String, _ heldTasks: HeldTasks, _ globalTables: GlobalTables, _ restorer: StoreRestorer,
        _ schedule: CommitSchedule, _ outbox: Outbox, _ shortage: Shortage?, _ times: ThreadTimes
    ) {
        (self.outbox, self.shortage, self.times) = (outbox, shortage, times)
        (self.thread, self.heldTasks, self.globalTables) = (thread, heldTasks, globalTables)
        (self.restorer, self.schedule) = (restorer, schedule)
    }

    /// The stores of a task that the thread processes.
    /// - Throws: `ThreadMailboxError.taskNotHere` if the thread does not process it (any more, or yet).
    package func stores(of task: TaskID) throws(ThreadMailboxError) -> [any StateStore] {
        guard let task = heldTasks.running.first(where: { $0.id == task }) else {
            throw .taskNotHere(task, thread: thread)
        }
        return task.stores.entries.map(\.store)
    }

    /// The thread's copies of the global tables.
    package var globalStores: [any StateStore] { globalTables.stores }

    /// Makes the thread commit at the end of its round.
    /// - Returns: false if it will not: there is no space, or it does not process the task.
    func requestCommit(of task: TaskID) -> Bool {
        guard shortage == nil, let running = heldTasks.running.first(where: { $0.id == task }) else { return false }
        running.requestCommit()
        return true
    }

    // MARK: Explanations

    /// What the thread's tasks did, and what they wait for. Counts held records: reads at most some thousand rows for
    /// each node.
    /// - Throws: `StateError`.
    package func account(now: RoundTime) throws -> ThreadAccount {
        ThreadAccount(
            thread: thread, now: now, tasks: try heldTasks.tasks.map { try ThreadAccount.Task($0, now: now) },
            flow: flow, lags: restorer.lags.filter { !$0.isStandby } + globalTables.lags, shortage: shortage,
            lastCommit: schedule.lastCommit)
    }

    /// How the records went through the nodes of the thread's tasks and global tables so far.
    var flow: RecordFlow {
        var flow = heldTasks.flow
        for drops in globalTables.drops + [outbox.drops] { flow.add(drops) }
        for queue in globalTables.queues { flow.taken[queue.node, default: 0] += Int64(queue.processedCount) }
        return flow
    }

    // MARK: Queries

    /// A store that a query may read, and the consistency of its answer.
    struct QueriedStore {
        let store: any StateStore
        /// The input partitions that change it; empty for a standby copy.
        var inputs: [TopicPartition] = []
        /// For each input partition, the first offset that is not contained in the values that the query sees.
        var position: [TopicPartition: Offset] = [:]
        /// When the values that the query sees were the newest; nil: they are now.
        var seenAt: Duration?
        /// Whether the store is still being restored, or is a standby copy.
        var isCopy = false
        /// How far a copy lags behind; empty if that is unknown, as for a store without a changelog.
        var lag: [StoreLag] = []
    }

    /// A store of a task.
    /// - Throws: `ThreadMailboxError.taskNotHere` if the thread has neither the task nor a copy of it.
    func store(_ name: String, of task: TaskID, _ view: StoreView) throws(ThreadMailboxError) -> QueriedStore? {
        if let running = heldTasks.running.first(where: { $0.id == task }) {
            return running.stores[name].map {
                QueriedStore(
                    store: $0, inputs: running.partitions, position: running.position(view),
                    seenAt: view == .committed ? schedule.lastCommit : nil)
            }
        }
        let restoring = heldTasks.tasks.first { $0.id == task }
        guard let stores = restoring?.stores ?? heldTasks.standbys.first(where: { $0.id == task })?.stores else {
            throw .taskNotHere(task, thread: thread)
        }
        return stores.entries.first { $0.store.name == name }.map { entry in
            QueriedStore(
                store: entry.store, inputs: restoring?.partitions ?? [], isCopy: true,
                lag: lag(of: entry).map { [$0] } ?? [])
        }
    }

    private func lag(of entry: TaskStores.Entry) -> StoreLag? {
        guard let changelog = entry.changelog else { return nil }
        if let lag = restorer.lags.first(where: { $0.changelog == changelog }) { return lag }
        // The store itself is restored; its task waits for other stores.
        let end = (entry.source == nil ? entry.store.changelogOffset : entry.store.positions[changelog]) ?? .zero
        return StoreLag(store: entry.store.name, changelog: changelog, position: end, end: end, isStandby: false)
    }

    /// The thread's copy of a global table.
    func globalStore(_ name: String, _ view: StoreView) -> QueriedStore? {
        globalTables.stores.first { $0.name == name }.map { store in
            let newest = globalTables.positions(ofStore: name)
            let position = view == .committed ? store.positions : newest
            let lag = globalTables.lags.filter { $0.store == name }.map { lag in
                StoreLag(
                    store: name, changelog: lag.changelog, position: position[lag.changelog] ?? .zero, end: lag.end,
                    isStandby: false)
            }
            return QueriedStore(
                store: store, inputs: Array(newest.keys), position: position,
                seenAt: view == .committed ? schedule.lastCommit : nil, isCopy: !lag.isEmpty, lag: lag)
        }
    }
}
