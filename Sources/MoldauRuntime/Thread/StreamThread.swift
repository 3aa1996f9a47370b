// One round of a stream thread, and what it owns. Nothing here makes a thread or reads a clock: `StreamThreadLoop`
// does, or a simulator, or a test.
//
//     opened ──▸ restoring ◂──▸ running ──▸ closed
//
// Restoring: global tables are read to their ends, and stores to the ends of their changelogs; one poll of each per
// round. Running: poll, hand batches to tasks, process in turns, punctuate, commit when it is time. A task runs as soon as
// its own stores are restored; the thread is running when all its tasks are. Which tasks it has may change at the
// beginning of each round: see StreamThread+Tasks.
//
// A task with asynchronous operators may have records whose results are still to come. From the time when a commit is
// due such a task takes no further records, while the others go on; as soon as all results have gone downstream, the
// thread commits. So positions, stores and output always belong together. The wait is as long as the operators'
// timeouts allow.

import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// The tasks of one thread with their consumer, producer, outbox and global tables: plain, synchronous, used by one
/// thread.
package final class StreamThread {
    package enum Phase: Sendable, Equatable {
        case restoring
        case running
        case closed
    }

    package internal(set) var phase = Phase.restoring
    /// In the order of their names.
    package internal(set) var tasks: [StreamTask] = []
    /// Those of the tasks that are restored and take records.
    package internal(set) var running: [StreamTask] = []
    /// Copies of tasks of other threads.
    package internal(set) var standbys: [StandbyTask] = []
    package let globalTables: GlobalTables

    /// What the thread may have; the next rounds see to it. What another thread has must not be in it.
    package var granted: TaskSet
    /// What the thread has open.
    package internal(set) var held = TaskSet()

    let plan: StreamThreadPlan
    let consumer: any Consumer
    let restoreConsumer: any Consumer
    private(set) var producer: any Producer
    let admin: any Admin
    let outbox: Outbox
    let taskCommit: TaskCommit
    let restorer: StoreRestorer
    let services: ThreadServices
    let parts: [Int: Subtopology]
    /// The running tasks as they take turns, in the order of their first ones.
    private var lanes: [Lane] = []
    /// Of the running tasks.
    var owners: [TopicPartition: StreamTask] = [:]
    var pausedPartitions: Set<TopicPartition> = []
    /// Running tasks that go as soon as they are committed: they take no more records.
    var leaving: Set<TaskID> = []
    /// What tasks did that are closed.
    var done = StreamThreadReport()
    /// Whether all that others wait for has been sent.
    private var isSent = true
    /// Whether the last round ended before the records did.
    private var hasMore = false
    /// Whether a commit is due and waits for deferred work.
    var isCommitAwaited = false
    private var lastSearch: Duration
    /// When commits were last looked up for standby copies.
    var lastFollow: Duration?
    /// The cluster has no room for what was done: no more is done until it has.
    var isOutOfSpace = false
    /// Whether what was done since the last commit is gone where a held thread stops. Where only the stores have no room it is
    /// committed, and comes back from the changelogs.
    var losesWork = false
    var lastCommit: Duration
    private var lastRound: Duration
    var lastPurge: Duration
    var lastWriteBehind: Duration
    var commitCount: Int64 = 0
    var transactionPace: TransactionPace

    /// Opens clients, stores and nodes. Blocks. What was opened is closed when it throws.
    package init(_ plan: StreamThreadPlan, now: RoundTime) throws {
        self.plan = plan
        (lastCommit, lastPurge, lastWriteBehind) = (now.uptime, now.uptime, now.uptime)
        (lastSearch, lastRound) = (now.uptime, now.uptime)
        consumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-consumer")
        consumer.group = plan.names.applicationID
        // A commit makes durable what was read before it tells of it.
        consumer.readsAhead = true
        restoreConsumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-restore-consumer")
        producer = try plan.makeProducer()
        transactionPace = TransactionPace(
            recordsPerTurn: plan.configuration.recordsPerTurn,
            timeout: plan.configuration.guarantee == .exactlyOnce ? plan.configuration.ownTransactionTimeout : nil)
        admin = try plan.cluster.makeAdmin(clientID: plan.clientID + "-admin")
        outbox = Outbox(
            names: plan.names, producer: producer, configuration: plan.configuration,
            createTopic: { [admin, plan] name in
                guard let count = plan.configuration.newTopicPartitions else { return false }
                do { try admin.create([NewTopic(name, partitionCount: count)]) } catch ClusterError.topicExists {}
                return true
            })
        taskCommit = TaskCommit(
            outbox: outbox, group: plan.names.applicationID,
            commitPositions: { [consumer] in try consumer.commit($0) })
        restorer = StoreRestorer(
            consumer: restoreConsumer, committed: { [consumer] in try consumer.committed($0) },
            logger: plan.configuration.logger, report: plan.configuration.onRestore)
        granted = TaskSet(active: Dictionary(uniqueKeysWithValues: plan.tasks.map { ($0, 0) }))
        parts = Dictionary(uniqueKeysWithValues: plan.topology.subtopologies.map { ($0.number, $0) })
        globalTables = try Self.openGlobalTables(plan, outbox, now)
        services = ThreadServices(
            names: plan.names, configuration: plan.configuration, outbox: outbox, globalStores: globalTables.stores,
            partitionCounts: plan.partitionCounts, topicIDs: plan.topicIDs,
            wake: { [wakeup = consumer.wakeup] in wakeup.signal() })
        readOwnTransactions()
        do {
            try takeUp(now: now)
            try beginGlobalTables()
        } catch {
            // The first error is the one to tell.
            try? close()
            throw error
        }
    }

    /// The same commit decides what its tasks write and what other tasks of it have made of that.
    private func readOwnTransactions() {
        // Any partition will do: the id is the same for all.
        let stamp = producer.stamp(for: TopicPartition(plan.names.applicationID, 0))
        consumer.readsTransactionsOf = stamp.isTransactional ? stamp.id : nil
    }

    private static func openGlobalTables(
        _ plan: StreamThreadPlan, _ outbox: Outbox, _ now: RoundTime
    ) throws -> GlobalTables {
        try GlobalTables(
            plan.topology.globalTables,
            partitionCount: { topic in
                guard let count = plan.partitionCounts[topic] else { throw ClusterError.unknownTopic(topic) }
                return count
            }, environment: plan.environment("global_\(plan.number)"),
            services: ThreadServices(
                names: plan.names, configuration: plan.configuration, outbox: outbox, topicIDs: plan.topicIDs),
            now: now)
    }

    /// Ends a waiting round, from any thread.
    package var wakeup: Wakeup { consumer.wakeup }

    // MARK: A round

    /// Does what there is to do, once. Blocks for at most `wait` when there is nothing.
    /// - Parameter isPaused: nothing is processed and nobody called back; what is done already is still committed.
    /// - Returns: how many records were processed, or had results that came later.
    @discardableResult
    package func runOnce(now: RoundTime, isPaused: Bool = false, wait: Duration = .milliseconds(100)) throws -> Int {
        precondition(phase != .closed, "a closed stream thread runs no more")
        do {
            return try runRound(now: now, isPaused: isPaused, wait: wait)
        } catch ClusterError.producerFenced {
            try beginAnew(now: now)
            return 0
        }
    }

    private func runRound(now: RoundTime, isPaused: Bool, wait: Duration) throws -> Int {
        transactionPace.begin(at: now.uptime)
        lastRound = now.uptime
        try followGrants(now: now)
        let isIdle = running.isEmpty
        if phase == .restoring {
            try waitingForSpace { try restore(now: now, wait: isIdle ? wait : min(wait, Self.shortWait)) }
            if isIdle { return 0 }
        } else if !standbys.isEmpty {
            try waitingForSpace { try follow(now: now) }
        }
        if isOutOfSpace {
            try fetch(now: now, wait: wait)
            // Where it is the stores that had no room, they are asked again.
            try commit(now: now, writeBehind: !losesWork)
            return 0
        }
        let isBlocked = lanes.contains(where: \.isBlocked) && !isPaused
        try fetch(
            now: now, wait: hasMore && !isPaused || phase == .restoring ? .zero : wait, isBlocked: isBlocked)
        var count = try resume(now: now)
        if !isPaused { count += try work(now: now) }
        transactionPace.did(count)
        if count == 0, !transactionPace.isCareful { try outbox.sendAll() }
        if outbox.isOutOfSpace { try waitForSpace(outbox.spaceError) } else { try commitIfDue(now: now) }
        return count
    }

    /// The cluster has aborted the transaction because it was open for too long, or another producer has taken over: nothing that was
    /// done since the last commit counts. Stores drop it, and tasks begin again at their committed positions.
    private func beginAnew(now: RoundTime) throws {
        plan.configuration.logger.warning(
            "a transaction was aborted, which was open for longer than its timeout, or whose producer another one replaced; its records are processed again",
            metadata: ["thread": "\(plan.clientID)", "timeout": "\(plan.configuration.ownTransactionTimeout)"])
        transactionPace.lost()
        for task in tasks { try close(task) }
        (leaving, isCommitAwaited, isOutOfSpace) = ([], false, false)
        try assign()
        producer.close()
        producer = try plan.makeProducer()
        outbox.begin(with: producer)
        readOwnTransactions()
        try takeUp(now: now)
        listRunning()
    }

    /// What a restore may wait for records while other tasks have work to do; and a task, for others to come as far as it is,
    /// where nobody tells that they have.
    private static var shortWait: Duration { .milliseconds(1) }

    /// Does what may find the disk of the state full; then the thread is held.
    private func waitingForSpace(_ body: () throws -> Void) throws {
        do { try body() } catch let error as StateError { try waitForSpace(error) }
    }

    /// - Throws: where waiting does not help.
    func waitForSpace(_ error: any Error) throws {
        switch error {
        case ClusterError.diskFull: losesWork = true
        case StateError.noSpace: break
        default: throw error
        }
        if !isOutOfSpace {
            plan.configuration.logger.warning("\(error); nothing more is processed until there is room")
        }
        isOutOfSpace = true
    }

    /// - Parameter isBlocked: whether records wait for other threads to move on.
    private func fetch(now: RoundTime, wait: Duration, isBlocked: Bool = false) throws {
        let fetched: [FetchedBatches]
        if isBlocked { plan.paceBoard.await(plan.number, wakeup) }
        let hasNews = lanes.reduce(false) { ($1.isPaced && $1.look(now: now.uptime)) || $0 }
        let wait = !isBlocked ? wait : hasNews ? .zero : min(wait, Self.shortWait)
        do {
            fetched = try consumer.poll(wait: wait)
        } catch ClusterError.offsetOutOfRange(let partition, let lost, let held) {
            return try beginAgain(partition, lost: lost, held: held, now: now)
        }
        try handOut(fetched, now: now)
        isSent = isSent || !outbox.hasUnsent
        var isNews = false
        for lane in lanes {
            try confirmEnds(of: lane)
            lane.begin(now: now.uptime)
            if isSent { isNews = lane.publish() || isNews }
        }
        if isNews { plan.paceBoard.wakeWaiting() }
    }

    /// Gives batches to the global tables and tasks that read their partitions. All that `poll` returned has to come here: it is not
    /// returned again.
    private func handOut(_ fetched: [FetchedBatches], now: RoundTime) throws {
        for batches in fetched {
            if try globalTables.apply(batches, now: now) { continue }
            guard let task = owners[batches.partition] else { continue }
            try task.add(batches, now: now)
            if task.bufferedBytes(of: batches.partition) > plan.configuration.bufferedBytesPerPartition {
                pausedPartitions.insert(batches.partition)
                consumer.pause([batches.partition])
            }
        }
    }

    /// A queue whose topic other tasks write has caught up only when nothing is on its way to it, not even in an open transaction.
    private func confirmEnds(of lane: Lane) throws {
        let inner = lane.innerQueues(plan.names)
        let ends = inner.isEmpty ? [:] : try consumer.ends(of: Set(inner.map(\.partition)))
        for queue in inner { queue.note(end: ends[queue.partition], read: consumer.position(queue.partition)) }
        for task in lane.tasks where task.hasRecords && task.queues.count > 1 {
            for queue in task.queues where queue.isEmpty && !queue.isCaughtUp {
                queue.note(end: nil, read: consumer.position(queue.partition))
            }
        }
    }

    /// Retention took what was to be read next: the source says where to go on.
    private func beginAgain(
        _ partition: TopicPartition, lost: Offset, held: Range<Offset>, now: RoundTime
    ) throws {
        let finder = startFinder(now)
        let offset = try finder.offset(of: partition, startPositions[partition.topic] ?? .earliest, held: held)
        finder.warn(partition, lost: lost, held: held, next: offset)
        try consumer.seek(partition, to: offset)
    }

    /// Lets deferred work of all tasks go on, paused or not: their records were taken already.
    func resume(now: RoundTime) throws -> Int { try running.reduce(0) { try $0 + $1.resume(now: now) } }

    /// Every lane in turn, at most so many records for each task.
    private func work(now: RoundTime) throws -> Int {
        var count = 0
        hasMore = false
        if isCommitAwaited, transactionPace.isCareful { return 0 }
        let limit = transactionPace.recordsPerTurn
        for lane in lanes {
            let processed = try lane.process(upTo: limit * lane.tasks.count, now: now, mayWork: mayWork)
            if processed >= limit { hasMore = true }
            count += processed
            if processed > 0, lane.sendsAtOnce { isSent = false }
            for task in lane.tasks where mayWork(task) {
                try task.punctuateStreamTime(now: now)
                try task.punctuateWallClock(now: now)
            }
        }
        fetchFurther()
        if !isSent, !transactionPace.isCareful {
            // What comes of it may be waited for.
            hasMore = try outbox.sendAll() || hasMore
        }
        return count
    }

    private func mayWork(_ task: StreamTask) -> Bool {
        !(isCommitAwaited && task.defersWork) && !outbox.isOutOfSpace && !leaving.contains(task.id)
    }

    /// Whether other topics match the topology's patterns than this thread was made with. Looks from time to time; blocks then.
    func topicsHaveChanged(now: RoundTime) throws -> Bool {
        guard let watch = plan.watch, phase == .running, !isOutOfSpace else { return false }
        guard now.uptime - lastSearch >= plan.configuration.topicSearchInterval else { return false }
        lastSearch = now.uptime
        return try watch.hasChanged(admin: admin)
    }

    private func fetchFurther() {
        guard !pausedPartitions.isEmpty else { return }
        let limit = plan.configuration.bufferedBytesPerPartition
        let free = pausedPartitions.filter { owners[$0]?.bufferedBytes(of: $0) ?? 0 <= limit }
        guard !free.isEmpty else { return }
        pausedPartitions.subtract(free)
        consumer.resume(free)
    }

    // MARK: Restore

    private func beginGlobalTables() throws {
        let partitions = Set(globalTables.partitions)
        guard !partitions.isEmpty else { return }
        try consumer.assign(partitions)
        let bounds = try consumer.bounds(of: partitions)
        try globalTables.checkPositions(against: bounds)
        for table in globalTables.begunAnew { tellBegunAnew(table, bounds) }
        for (partition, held) in bounds {
            let saved = globalTables.savedPosition(of: partition)
            let offset =
                saved.map { held.contains($0) || $0 == held.upperBound ? $0 : held.lowerBound } ?? held.lowerBound
            globalTables.begin(partition, at: offset, end: held.upperBound)
            try consumer.seek(partition, to: offset)
        }
    }

    private func tellBegunAnew(
        _ table: (store: String, partitions: [TopicPartition], reason: String),
        _ bounds: [TopicPartition: Range<Offset>]
    ) {
        plan.configuration.logger.warning("the global table \(table.store) begins anew: \(table.reason)")
        for partition in table.partitions {
            guard let held = bounds[partition] else { continue }
            plan.configuration.onRestore(
                RestoreProgress(
                    phase: .started, store: table.store, changelog: partition, from: held.lowerBound,
                    to: held.upperBound, position: held.lowerBound, restoredCount: 0, elapsed: .zero,
                    rebuiltBecause: table.reason))
        }
    }

    private func restore(now: RoundTime, wait: Duration) throws {
        // Tasks that run already may have batches among these.
        if !globalTables.isCaughtUp { try handOut(consumer.poll(wait: wait), now: now) }
        try restorer.step(wait: wait, now: now.uptime)
        guard globalTables.isCaughtUp else { return }
        try begin(tasks.filter { !$0.hasBegun && restorer.isDone($0.stores) }, now: now)
    }

    /// Lets restored tasks take records from their committed positions on.
    private func begin(_ restored: [StreamTask], now: RoundTime) throws {
        guard !restored.isEmpty else { return listRunning() }
        let partitions = restored.flatMap(\.partitions)
        let starts = Dictionary(uniqueKeysWithValues: partitions.map { ($0, startPositions[$0.topic] ?? .earliest) })
        let positions = try startFinder(now).find(starts)
        for task in restored { for partition in task.partitions { owners[partition] = task } }
        try assign()
        for (partition, position) in positions { try consumer.seek(partition, to: position.offset) }
        for task in restored { task.begin(at: positions) }
        if running.isEmpty { lastCommit = now.uptime }
        listRunning()
    }

    /// Reads what running tasks and global tables read.
    func assign() throws { try consumer.assign(Set(owners.keys).union(globalTables.partitions)) }

    /// Notes which tasks run, and whether all do.
    func listRunning() {
        running = tasks.filter(\.hasBegun)
        lanes = makeLanes()
        phase = running.count == tasks.count && globalTables.isCaughtUp ? .running : .restoring
    }

    /// Siblings share a lane; a task that waits for no other has its own.
    private func makeLanes() -> [Lane] {
        let (board, isPaced) = (plan.paceBoard, plan.configuration.taskIdling != .never)
        var lanes: [(rule: PaceRule, tasks: [StreamTask])] = []
        for task in running {
            let rule = isPaced ? board.rules[task.id.subtopology] ?? PaceRule() : PaceRule()
            let place = lanes.firstIndex { !$0.rule.siblings.isDisjoint(with: rule.siblings) }
            guard let place else {
                lanes.append((rule, [task]))
                continue
            }
            lanes[place].tasks.append(task)
            lanes[place].rule.join(rule)
        }
        return lanes.map {
            Lane(
                $0.tasks, $0.rule, board: board, running: running, lookahead: plan.configuration.lookahead,
                now: lastRound)
        }
    }

    private func startFinder(_ now: RoundTime) -> StartPositions {
        StartPositions(consumer: consumer, now: now.wall, logger: plan.configuration.logger)
    }

    /// Where topics begin when nothing was committed.
    private var startPositions: [String: StartPosition] {
        var starts: [String: StartPosition] = [:]
        for node in plan.topology.nodes {
            guard let source = node.source else { continue }
            for topic in source.topics { starts[plan.names.topic(topic)] = source.start }
        }
        return starts
    }

    /// What happened so far.
    package var report: StreamThreadReport {
        var report = done
        for task in tasks { report.add(task) }
        (report.commits, report.globalUpdates) = (commitCount, globalTables.appliedCount)
        (report.restored, report.followed) = (restorer.restoredCount, restorer.followedCount)
        for drops in globalTables.drops + [outbox.drops] { report.drops.merge(drops, uniquingKeysWith: +) }
        for task in running {
            if task.hasRecords, !task.awaited.isEmpty { report.waiting[task.id] = task.awaited }
            let count = task.context.deferredCount
            if count > 0 { report.inFlight[task.id] = count }
        }
        report.lags = restorer.lags
        return report
    }
}
