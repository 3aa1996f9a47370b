import MoldauCluster
import MoldauRecords
import MoldauTopology

/// The turns of a thread's running tasks: one lane after the other, and in each lane the task with the oldest head
/// first, in step with tasks of other threads.
final class Turns {
    /// How much may be processed between two commits.
    var transactionPace: TransactionPace
    /// The partitions that are not fetched further.
    var backpressure: Backpressure
    /// Whether the last turns ended with records left to process.
    private(set) var hasMore = false

    private let plan: StreamThreadPlan
    private let clients: ThreadClients
    /// In the order of their first tasks.
    private var lanes: [Lane] = []
    /// Whether everything that others wait for has been sent.
    private var isSent = true

    /// The longest wait of a poll while others may report without a wake-up: when waiting for other threads, or for
    /// changelogs while tasks have work to do.
    static var shortWait: Duration { .milliseconds(1) }

    init(_ plan: StreamThreadPlan, clients: ThreadClients) {
        (self.plan, self.clients) = (plan, clients)
        transactionPace = TransactionPace(
            recordsPerTurn: plan.configuration.recordsPerTurn,
            timeout: plan.configuration.guarantee == .exactlyOnce ? plan.configuration.ownTransactionTimeout : nil)
        backpressure = Backpressure(clients.consumer, limitBytes: plan.configuration.bufferedBytesPerPartition)
    }

    /// Called when other tasks run. Siblings share a lane; a task that waits for no other has its own.
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

    /// Whether there are records that wait for the progress of other threads' tasks.
    var isBlocked: Bool { lanes.contains(where: \.isBlocked) }

    /// Reads the progress of other threads, before records are fetched.
    /// - Parameter isBlocked: whether other threads are waited for; they then wake this one.
    /// - Returns: how long the fetch may wait.
    func look(upTo wait: Duration, isBlocked: Bool, now: Duration) -> Duration {
        if isBlocked { plan.paceBoard.await(plan.number, clients.consumer.wakeup) }
        let hasNews = lanes.reduce(false) { ($1.isPaced && $1.look(now: now)) || $0 }
        return !isBlocked ? wait : hasNews ? .zero : min(wait, Self.shortWait)
    }

    /// Called after records were fetched and given to tasks: decides up to which time they may be taken, and publishes
    /// this thread's progress.
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

    /// A queue whose topic other tasks write has caught up only if nothing is in flight to it, not even in an open
    /// transaction.
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

    /// Gives every lane its turn, with a limit on records per task; then runs the punctuations that are due.
    /// - Parameters:
    ///   - mayWork: whether a task may take records now.
    ///   - afterEach: called after each lane's turn.
    /// - Returns: the number of records processed.
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
            // Other threads may be waiting for the results.
            hasMore = try clients.outbox.sendAll() || hasMore
        }
        return count
    }

    /// Called when there is nothing to do until a commit.
    func rest() { hasMore = false }
}
