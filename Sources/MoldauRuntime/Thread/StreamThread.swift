// The rounds of a stream thread. Nothing here creates a thread or reads a clock: that is left to `StreamThreadLoop`, a
// simulator, or a test.
//
//     opened ──▸ restoring ◂──▸ running ──▸ closed
//
// Restoring: global tables are read to their ends, and stores to the ends of their changelogs; one poll of each per
// round. Running: poll, give batches to tasks, process in turns, punctuate, commit when due. A task runs as soon as its
// own stores are restored; the thread is running when all its tasks are. Its set of tasks may change at the beginning
// of each round: see `HeldTasks`.
//
// A task with asynchronous operators may have records whose results are not available yet. Once a commit is due such a
// task takes no further records, while the others continue; as soon as all results have gone downstream, the thread
// commits. So positions, stores and output always match. The wait is limited by the operators' timeouts.

import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// The tasks of one thread and their rounds: plain, synchronous, used by one thread.
package final class StreamThread {
    /// The phases of a thread.
    package enum Phase: Sendable, Equatable {
        case restoring
        case running
        case closed
    }

    package private(set) var phase = Phase.restoring
    package let globalTables: GlobalTables
    /// Requests of other threads; answered between batches.
    package let mailbox: ThreadMailbox

    let plan: StreamThreadPlan
    let clients: ThreadClients
    let restorer: StoreRestorer
    let heldTasks: HeldTasks
    let turns: Turns
    let taskCommit: TaskCommit
    var schedule: CommitSchedule
    /// Why processing is paused; nil if it is not.
    var shortage: Shortage?
    /// When to retry opening what had no space.
    private var opening = openingPace
    /// Whether stores that are opened or restored had no space in this round.
    var isShortOfState = false
    /// Whether the producer can do nothing more, and there is no space yet to initialize another one.
    private var lacksProducer = false
    /// How long polls, processing and commits take.
    private(set) var times = ThreadTimes()
    private let startPositions: StartPositions
    /// Looks for topics that match the topology's patterns.
    private var topicSearch: Recurrence
    /// Looks up commits for standby copies.
    private var commitLooks = Recurrence(every: .seconds(1), since: nil)
    private var standbyLookup: StandbyLookup

    /// Opens clients, stores and nodes. Blocks. If it throws, what was already opened is closed.
    package init(_ plan: StreamThreadPlan, now: RoundTime) throws {
        self.plan = plan
        let clients = try ThreadClients(plan)
        self.clients = clients
        let (names, configuration, consumer) = (plan.names, plan.configuration, clients.consumer)
        mailbox = ThreadMailbox(of: plan.clientID, wake: clients.wake)
        taskCommit = TaskCommit(
            outbox: clients.outbox, group: { consumer.groupMetadata }, commitPositions: { try consumer.commit($0) })
        restorer = StoreRestorer(
            consumer: clients.restoreConsumer, committed: { try consumer.committed($0, within: $1) },
            logger: configuration.logger, report: configuration.onRestore)
        startPositions = StartPositions(plan.topology, names: names, consumer: consumer, logger: configuration.logger)
        do { globalTables = try Self.openGlobalTables(plan, clients.outbox, now) } catch {
            clients.close()
            throw error
        }
        let services = ThreadServices(
            names: names, configuration: configuration, outbox: clients.outbox, globalStores: globalTables.stores,
            partitionCounts: plan.partitionCounts, topicIDs: plan.topicIDs,
            wake: { [wakeup = consumer.wakeup] in wakeup.signal() })
        heldTasks = HeldTasks(plan, services: services, restorer: restorer)
        turns = Turns(plan, clients: clients)
        schedule = CommitSchedule(configuration, now: now.uptime)
        topicSearch = Recurrence(every: configuration.topicSearchInterval, since: now.uptime)
        standbyLookup = StandbyLookup(configuration.logger)
        do {
            try openGranted(now: now)
            try globalTables.begin(
                with: consumer, logger: configuration.logger, report: configuration.onRestore)
        } catch {
            // The first error is the one to report.
            try? close()
            throw error
        }
    }

    /// Callers without an answer get an error, even if the thread was never closed.
    deinit { mailbox.close() }

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

    // MARK: Tasks

    /// What the thread may have; the next rounds open and close tasks accordingly. It must not contain what another
    /// thread has.
    package var granted: TaskSet {
        get { heldTasks.granted }
        set { heldTasks.granted = newValue }
    }

    /// What the thread has open.
    package var held: TaskSet { heldTasks.held }

    /// In the order of their names.
    package var tasks: [StreamTask] { heldTasks.tasks }

    /// The partitions of running tasks that are no longer granted.
    package var leavingPartitions: Set<TopicPartition> { heldTasks.leavingPartitions }

    /// The thread's status.
    package var status: TaskStatus {
        TaskStatus(isRunning: phase == .running, isCaughtUp: restorer.maxLag <= GroupDivision.acceptableLag)
    }

    /// The report so far.
    package var report: StreamThreadReport {
        var report = heldTasks.report
        (report.commits, report.globalUpdates) = (schedule.count, globalTables.appliedCount)
        for drops in globalTables.drops + [clients.outbox.drops] { report.add(drops) }
        return report
    }

    /// Ends a waiting round, from any thread.
    package var wakeup: Wakeup { clients.consumer.wakeup }

    // MARK: A round

    /// Runs one round. Blocks for at most `wait` if there is nothing to do.
    /// - Parameter isPaused: nothing is processed and no punctuation is called; work that is already done is still
    ///   committed.
    /// - Returns: how many records were processed, or got their deferred results.
    @discardableResult
    package func runOnce(now: RoundTime, isPaused: Bool = false, wait: Duration = .milliseconds(100)) throws -> Int {
        precondition(phase != .closed, "a closed stream thread cannot run again")
        clients.outbox.begin(now)
        do {
            return try runRound(now: now, isPaused: isPaused, wait: wait)
        } catch let error as ClusterError where error.remedy == .resumeFromCommit {
            try restartTasks(because: error, now: now)
            return 0
        }
    }

    private func runRound(now: RoundTime, isPaused: Bool, wait: Duration) throws -> Int {
        answerMessages(isNewRound: true)
        let wait = mailbox.isEmpty ? wait : .zero
        turns.transactionPace.begin(at: now.uptime)
        isShortOfState = false
        if lacksProducer, try !renewProducer() {
            // The output of a global table's record, a dead letter, could not be sent.
            try rest(now: now, wait: wait)
            return 0
        }
        try followGrants(now: now)
        let isIdle = heldTasks.running.isEmpty
        if phase == .restoring {
            try waitingForSpace { try restore(now: now, wait: isIdle ? wait : min(wait, Turns.shortWait)) }
            if isIdle {
                if isShortOfState, restorer.isDone || restorer.isShort { try rest(now: now, wait: wait) }
                return 0
            }
        } else if !heldTasks.standbys.isEmpty {
            try waitingForSpace { try followChangelogs(now: now) }
        }
        if let shortage {
            try fetch(now: now, wait: wait)
            let count = try resume(now: now)
            // If the stores had no space, they are written again.
            try commit(now: now, writeBehind: shortage == .state)
            return count
        }
        let isBlocked = turns.isBlocked && !isPaused
        try fetch(
            now: now, wait: turns.hasMore && !isPaused || phase == .restoring ? .zero : wait, isBlocked: isBlocked)
        // Rounds without records are not measured: they would hide the others.
        let count = try timed(.process, if: { $0 > 0 }) {
            let resumed = try resume(now: now)
            return try isPaused ? resumed : resumed + work(now: now)
        }
        try taskCommit.check(heldTasks.running)
        turns.transactionPace.did(count)
        let outbox = clients.outbox
        if count == 0, !turns.transactionPace.isCareful { try outbox.sendAll() }
        if outbox.isOutOfSpace { try hold(because: outbox.spaceError) } else { try commitIfDue(now: now) }
        return count
    }

    /// Blocks for at most `wait`, and takes no records for the global tables.
    private func rest(now: RoundTime, wait: Duration) throws {
        let paused = Set(globalTables.partitions)
        clients.consumer.pause(paused)
        defer { clients.consumer.resume(paused) }
        try fetch(now: now, wait: wait)
    }

    /// - Parameter isBlocked: whether records wait for other threads' progress.
    private func fetch(now: RoundTime, wait: Duration, isBlocked: Bool = false) throws {
        let wait = turns.look(upTo: wait, isBlocked: isBlocked, now: now.uptime)
        try handOut(try timed(.poll) { try poll(now: now, wait: wait) }, now: now)
        try turns.begin(now: now.uptime)
    }

    /// The records fetched for the tasks and the global tables. If a partition no longer holds the position, it is
    /// reset.
    private func poll(now: RoundTime, wait: Duration) throws -> [FetchedBatches] {
        do { return try clients.consumer.poll(wait: wait) } catch ClusterError.offsetOutOfRange(
            let partition, let lost, let held)
        {
            try startPositions.seekAgain(partition, lost: lost, held: held, now: now.wall)
            return []
        }
    }

    /// Passes batches to the global tables and tasks that read their partitions. Must get everything that `poll`
    /// returned: it is not returned again.
    private func handOut(_ fetched: [FetchedBatches], now: RoundTime) throws {
        for batches in fetched {
            if try globalTables.apply(batches, now: now) { continue }
            guard let task = heldTasks.owners[batches.partition] else { continue }
            try task.add(batches, now: now)
            turns.backpressure.took(batches.partition, by: task)
        }
    }

    /// Resumes deferred work of all tasks, paused or not: their records were taken already.
    func resume(now: RoundTime) throws -> Int { try heldTasks.running.reduce(0) { try $0 + $1.resume(now: now) } }

    private func work(now: RoundTime) throws -> Int {
        // Records that are being repeated carefully are committed before more are taken.
        if schedule.isAwaited, turns.transactionPace.isCareful {
            turns.rest()
            return 0
        }
        let mayWork: (StreamTask) -> Bool = { [self] task in
            !(schedule.isAwaited && task.defersWork) && !clients.outbox.isOutOfSpace
                && !heldTasks.leaving.contains(task.id)
        }
        let count = try turns.work(now: now, mayWork: mayWork, afterEach: { answerMessages() })
        turns.backpressure.resume(heldTasks.owners)
        return count
    }

    /// Measures how long `body` takes. If it throws, nothing is counted.
    func timed<Result>(
        _ activity: ThreadTimes.Activity, if counts: (Result) -> Bool = { _ in true }, _ body: () throws -> Result
    ) rethrows -> Result {
        guard let stopwatch = plan.stopwatch else { return try body() }
        let begin = stopwatch()
        let result = try body()
        if counts(result) {
            let end = stopwatch()
            times.add(end - begin, of: activity, at: end)
        }
        return result
    }

    /// Handles a limited number of requests of other threads, so that records get their turn again.
    private func answerMessages(isNewRound: Bool = false) { mailbox.answer(with: contents, isNewRound: isNewRound) }

    /// What the work of messages may access.
    var contents: ThreadContents {
        ThreadContents(
            of: plan.clientID, heldTasks, globalTables, restorer, schedule, clients.outbox, shortage, times)
    }

    /// Why a new plan is needed: see `TopicWatch`. Checks from time to time, and blocks then.
    func topicChange(now: RoundTime) throws -> String? {
        guard let watch = plan.watch, phase == .running, shortage == nil, topicSearch.takesTurn(at: now.uptime) else {
            return nil
        }
        return try watch.change(admin: clients.admin)
    }

    // MARK: Restore

    private func restore(now: RoundTime, wait: Duration) throws {
        if !globalTables.isCaughtUp {
            // While there is no space for rows, or for copies of unreadable ones, no more are taken.
            let paused = heldTasks.running.isEmpty && shortage != nil ? Set(globalTables.partitions) : []
            clients.consumer.pause(paused)
            defer { clients.consumer.resume(paused) }
            // Tasks that are already running may have batches among these.
            try handOut(poll(now: now, wait: wait), now: now)
            try commitGlobalTables(now: now)
        }
        try restorer.step(wait: wait, now: now.uptime)
        guard globalTables.isCaughtUp else { return }
        try begin(heldTasks.restored, now: now)
    }

    /// Records what global tables have applied, unless running tasks will commit it. Otherwise query answers would fall
    /// back to the last saved state until the next commit. Copies of unreadable rows are committed first.
    private func commitGlobalTables(now: RoundTime) throws {
        guard heldTasks.running.isEmpty else { return }
        if clients.outbox.hasUnsent || shortage != nil { try commit(now: now) } else { try globalTables.commit() }
    }

    /// Lets restored tasks take records from their committed positions on.
    private func begin(_ restored: [StreamTask], now: RoundTime) throws {
        guard !restored.isEmpty else { return arrange(now: now) }
        let positions = try startPositions.find(restored.flatMap(\.partitions), now: now.wall)
        if heldTasks.running.isEmpty { schedule.begin(at: now.uptime) }
        heldTasks.begin(restored, at: positions)
        try assign()
        for (partition, position) in positions { try clients.consumer.seek(partition, to: position.offset) }
        arrange(now: now)
    }

    /// Lets standby copies apply available changelog records.
    private func followChangelogs(now: RoundTime) throws {
        try restorer.step(wait: .zero, now: now.uptime)
        let inputs = heldTasks.standbys.reduce(into: Set<TopicPartition>()) { $0.formUnion($1.inputs) }
        guard !inputs.isEmpty, commitLooks.takesTurn(at: now.uptime) else { return }
        try standbyLookup.attempt(now: now.uptime) {
            let committed = try clients.consumer.committed(inputs, within: StandbyLookup.patience)
            for standby in heldTasks.standbys { standby.follow(committed) }
        }
    }

    /// Assigns the partitions that running tasks and global tables read.
    private func assign() throws {
        try clients.consumer.assign(Set(heldTasks.owners.keys).union(globalTables.partitions))
    }

    /// Arranges the turns of the running tasks, and records whether all tasks run.
    private func arrange(now: RoundTime) {
        turns.arrange(heldTasks.running, now: now.uptime)
        let areAllRunning = heldTasks.running.count == heldTasks.tasks.count
        let isComplete = areAllRunning && heldTasks.isComplete
        phase = isComplete && globalTables.isCaughtUp ? .running : .restoring
    }

    // MARK: Opening and revoking tasks

    /// Revokes what is no longer granted, once it is committed, and opens what is newly granted. Blocks for both.
    private func followGrants(now: RoundTime) throws {
        let before = held
        guard granted != before else { return }
        if let leaving = try heldTasks.revoke(), try commitAndClose(leaving, now: now) { arrange(now: now) }
        try openGranted(now: now)
        // Copies that are opened late leave the turns of the tasks, and their waits, unchanged.
        if phase == .running, held != before || !heldTasks.isComplete { arrange(now: now) }
    }

    /// Opens what is granted, as far as there is space; later rounds open the rest. Blocks.
    private func openGranted(now: RoundTime) throws {
        guard opening.takesTurn(at: now.uptime) else {
            isShortOfState = true
            return
        }
        try waitingForSpace { try heldTasks.openGranted(now: now) }
        if !isShortOfState { opening = Self.openingPace }
    }

    private static var openingPace: Recurrence { Recurrence(every: openingInterval, since: nil) }

    /// How often to retry opening what had no space.
    static var openingInterval: Duration { .milliseconds(500) }

    /// - Returns: false if the commit has to wait; the tasks wait with it, and take no records, since the results would
    ///   come too late.
    private func commitAndClose(_ leaving: [StreamTask], now: RoundTime) throws -> Bool {
        guard !leaving.isEmpty else { return true }
        schedule.expect()
        // A store without a changelog would lose what it cannot save for lack of space: its task waits with the commit.
        let isLossy = leaving.contains { $0.stores.entries.contains { $0.changelog == nil } }
        guard try commit(now: now, writeBehind: isLossy) else { return false }
        for task in leaving { try close(task) }
        try assign()
        return true
    }

    /// Called when the cluster has aborted the transaction because it was open for too long, or because another
    /// producer took over, and when the group has removed the process: nothing done since the last commit counts.
    /// Stores discard it, and tasks that still belong to this thread start again at their committed positions. Global
    /// tables read again, because copies of unreadable rows were discarded.
    private func restartTasks(because error: ClusterError, now: RoundTime) throws {
        let reason =
            if case .notMember = error { "\(error)" } else {
                "a transaction was aborted, because it was open for longer than its timeout or another producer replaced its own; its records are processed again"
            }
        plan.configuration.logger.warning(
            "\(reason)",
            metadata: ["thread": "\(plan.clientID)", "timeout": "\(plan.configuration.ownTransactionTimeout)"])
        turns.transactionPace.lost()
        for task in tasks { try close(task) }
        schedule.cancelled()
        shortage = nil
        try assign()
        try globalTables.readAgain(with: clients.consumer)
        lacksProducer = true
        if try renewProducer() { try openGranted(now: now) }
        arrange(now: now)
    }

    /// - Returns: false if there is no space for another producer; no task can be open then.
    private func renewProducer() throws -> Bool {
        do { try clients.renewProducer() } catch {
            try hold(because: error)
            return false
        }
        lacksProducer = false
        return true
    }

    private func close(_ task: StreamTask) throws {
        turns.backpressure.forget(task.partitions)
        try heldTasks.close(task)
    }

    /// Closes everything without a commit: stores keep what was committed before.
    /// - Throws: the first error; everything is closed in any case.
    package func close() throws {
        guard phase != .closed else { return }
        phase = .closed
        mailbox.close()
        let results = [Result { try heldTasks.closeAll() }, Result { try globalTables.close() }]
        clients.close()
        for result in results { try result.get() }
    }
}
