import MoldauCluster
import MoldauRecords
import MoldauTopology

/// The running tasks of a thread as they take turns: one lane after the other, and in each lane the task with the oldest head
/// first, in step with tasks of other threads.
final class Turns {
    /// How much is done between two commits.
    var transactionPace: TransactionPace
    /// What is not fetched further.
    var backpressure: Backpressure
    /// Whether the last turns ended before the records did.
    private(set) var hasMore = false

    private let plan: StreamThreadPlan
    private let clients: ThreadClients
    /// In the order of their first tasks.
    private var lanes: [Lane] = []
    /// Whether all that others wait for has been sent.
    private var isSent = true

    /// What a poll may wait for where others may be told without a wake-up: for other threads to move on, and for changelogs while
    /// tasks have work to do.
    static var shortWait: Duration { .milliseconds(1) }

    init(_ plan: StreamThreadPlan, clients: ThreadClients) {
        (self.plan, self.clients) = (plan, clients)
        transactionPace = TransactionPace(
            recordsPerTurn: plan.configuration.recordsPerTurn,
            timeout: plan.configuration.guarantee == .exactlyOnce ? plan.configuration.ownTransactionTimeout : nil)
        backpressure = Backpressure(clients.consumer, limitBytes: plan.configuration.bufferedBytesPerPartition)
    }

    /// Other tasks run. Siblings share a lane; a task that waits for no other has its own.
    func arrange(_ running: [StreamTask], now: Duration) {
        let (board, isPaced) = (plan.paceBoard, plan.configuration.taskIdling != .never)
        var lanes: [(rule: PaceRule, tasks: [StreamTask])] = []
        for task in running {
            let rule = isPaced ? board.rules[task.id.subtopology] ?? PaceRule() : PaceRule()
            guard let lane = lanes.firstIndex(where: { !$0.rule.siblings.isDisjoint(with: rule.siblings) }) else {
                lanes.append((rule, [task]))
                continue
            }
            lanes[lane].tasks.append(task)
            lanes[lane].rule.join(rule)
        }
        self.lanes = lanes.map {
            Lane(
                $0.tasks, $0.rule, board: board, running: running, lookahead: plan.configuration.lookahead, now: now)
        }
    }

    /// Whether records wait for tasks of other threads to move on.
    var isBlocked: Bool { lanes.contains(where: \.isBlocked) }

    /// Looks how far other threads are, before records are fetched.
    /// - Parameter isBlocked: whether others are waited for: they wake the thread.
    /// - Returns: how long the fetch may wait.
    func look(upTo wait: Duration, isBlocked: Bool, now: Duration) -> Duration {
        if isBlocked { plan.paceBoard.await(plan.number, clients.consumer.wakeup) }
        let hasNews = lanes.reduce(false) { ($1.isPaced && $1.look(now: now)) || $0 }
        return !isBlocked ? wait : hasNews ? .zero : min(wait, Self.shortWait)
    }

    /// Records were fetched and handed out: notes up to which time they may be taken, and tells other threads how far this one is.
    func begin(now: Duration) throws {
        isSent = isSent || !clients.outbox.hasUnsent
        var isNews = false
        for lane in lanes {
            try confirmEnds(of: lane)
            lane.begin(now: now)
            if isSent { isNews = lane.publish() || isNews }
        }
        if isNews { plan.paceBoard.wakeWaiting() }
    }

    /// A queue whose topic other tasks write has caught up only when nothing is on its way to it, not even in an open transaction.
    private func confirmEnds(of lane: Lane) throws {
        let consumer = clients.consumer
        let inner = lane.innerQueues(plan.names)
        let ends = inner.isEmpty ? [:] : try consumer.ends(of: Set(inner.map(\.partition)))
        for queue in inner { queue.note(end: ends[queue.partition], read: consumer.position(queue.partition)) }
        for task in lane.tasks where task.hasRecords && task.queues.count > 1 {
            for queue in task.queues where queue.isEmpty && !queue.isCaughtUp {
                queue.note(end: nil, read: consumer.position(queue.partition))
            }
        }
    }

    /// Every lane in turn, at most so many records for each task; then what is due by the tasks' clocks is called back.
    /// - Parameters:
    ///   - mayWork: whether a task may take records now.
    ///   - afterEach: called after each lane's turn.
    /// - Returns: how many records were processed.
    func work(now: RoundTime, mayWork: (StreamTask) -> Bool, afterEach: () -> Void) throws -> Int {
        var count = 0
        hasMore = false
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
            afterEach()
        }
        if !isSent, !transactionPace.isCareful {
            // What comes of it may be waited for.
            hasMore = try clients.outbox.sendAll() || hasMore
        }
        return count
    }

    /// There is nothing to do until a commit.
    func rest() { hasMore = false }
}
