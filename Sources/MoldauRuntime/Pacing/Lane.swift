import MoldauRecords
import MoldauTopology

/// Tasks of one thread that take turns by the times of their heads: the oldest first. Owned by the thread.
final class Lane {
    /// Another thread's task that tasks of the lane keep step with, or wait for.
    private struct Other {
        let task: TaskID
        let isSibling: Bool
        var time = PaceBoard.unknown
        /// Since when it stands still.
        var since: Duration
    }

    /// What stands still for longer holds nobody up: a thread that hangs, or a task that nobody has.
    private static var patience: Duration { .seconds(10) }

    let tasks: [StreamTask]
    /// Nothing, for a task that waits for no other.
    private let rule: PaceRule
    /// Of the same thread.
    private let upstream: [StreamTask]
    private let board: PaceBoard
    private let lookaheadMs: Int64
    private var others: [Other] = []
    /// When each task last had a turn.
    private var served: [Duration]
    /// The tasks' numbers, as a heap by `lows`.
    private var heap: [Int]
    private var lows: [Int64]
    /// Up to which time records may be taken in this round, whatever heads there are.
    private var limit = PaceBoard.idle
    /// Whether records wait that a later round may take.
    private(set) var isBlocked = false
    /// Whether what the lane sends has to go out at the end of a round: others wait for it.
    let sendsAtOnce: Bool

    init(
        _ tasks: [StreamTask], _ rule: PaceRule, board: PaceBoard, running: [StreamTask], lookahead: Duration,
        now: Duration
    ) {
        (self.tasks, self.rule, self.board, lookaheadMs) = (tasks, rule, board, lookahead.milliseconds)
        upstream = running.filter { rule.upstream.contains($0.id.subtopology) }
        served = Array(repeating: now, count: tasks.count)
        (heap, lows) = (Array(tasks.indices), Array(repeating: PaceBoard.idle, count: tasks.count))
        let own = Set(running.map(\.id))
        others = board.tasks(of: rule.siblings.union(rule.upstream)).filter { !own.contains($0) }
            .map { Other(task: $0, isSibling: rule.siblings.contains($0.subtopology), since: now) }
        let parts = Set(tasks.map(\.id.subtopology))
        sendsAtOnce =
            others.contains(where: \.isSibling) || board.rules.values.contains { !$0.upstream.isDisjoint(with: parts) }
    }

    var isPaced: Bool { !rule.isEmpty }

    /// The queues whose topics other tasks write: where they really end is asked before records of others are taken.
    func innerQueues(_ names: InternalTopicNames) -> [PartitionQueue] {
        guard !rule.upstream.isEmpty else { return [] }
        let topics = Set(rule.inner.map(names.topic))
        return tasks.filter(\.hasRecords).flatMap(\.queues).filter { topics.contains($0.partition.topic) }
    }

    /// Reads how far other threads are: before records are fetched, so that what was sent till then is among these.
    /// - Returns: whether one of them has moved on.
    func look(now: Duration) -> Bool {
        var hasNews = false
        for index in others.indices {
            let time = board.time(of: others[index].task)
            guard time != others[index].time else { continue }
            (others[index].time, others[index].since) = (time, now)
            hasNews = true
        }
        return hasNews
    }

    /// Tells others how far the tasks are, when all that they wrote has been sent.
    /// - Returns: whether that is news.
    func publish() -> Bool {
        guard isPaced || sendsAtOnce else { return false }
        return tasks.reduce(false) { board.publish($1.id, $1.low) || $0 }
    }

    /// Records were fetched: notes up to which time they may be taken.
    func begin(now: Duration) {
        isBlocked = false
        limit = upstream.reduce(PaceBoard.idle) { min($0, $1.low) }
        for other in others where now - other.since < Self.patience {
            let slack = other.isSibling && other.time != PaceBoard.unknown ? lookaheadMs : 0
            let (time, overflow) = other.time.addingReportingOverflow(slack)
            limit = min(limit, overflow ? PaceBoard.idle : time)
        }
    }

    /// Lets the tasks process, the one with the oldest head first.
    /// - Parameter mayWork: whether a task may take records now.
    /// - Returns: how many records they took.
    func process(upTo count: Int, now: RoundTime, mayWork: (StreamTask) -> Bool) throws -> Int {
        if !isPaced { return mayWork(tasks[0]) ? try tasks[0].process(upTo: count, now: now) : 0 }
        for (number, task) in tasks.enumerated() { (heap[number], lows[number]) = (number, task.low) }
        for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(place) }
        var done = try processFutureRecords(upTo: count, now: now, mayWork: mayWork)
        while done < count, let first = heap.first {
            let (task, low) = (tasks[first], lows[first])
            if low == PaceBoard.idle { return done }
            guard low != PaceBoard.unknown, low <= limit else {
                isBlocked = true
                return done
            }
            guard mayWork(task) else { return done }
            let bound = min(limit, nextLow)
            let taken = try task.process(upTo: count - done, until: Self.time(bound), now: now)
            guard taken > 0 else { return done }
            done += taken
            served[first] = now.uptime
            lows[first] = task.low
            siftDown(0)
        }
        return done
    }

    /// A record from the future would wait for ever, where others always have some of the present. Where all are of the future, it is
    /// the wall clock that is wrong, and they go by their times as ever.
    private func processFutureRecords(
        upTo count: Int, now: RoundTime, mayWork: (StreamTask) -> Bool
    ) throws -> Int {
        guard tasks.count + others.count > 1, let first = heap.first else { return 0 }
        let (presentMs, futureMs) = (
            now.wall.ms.subtractingReportingOverflow(lookaheadMs), now.wall.ms.addingReportingOverflow(lookaheadMs)
        )
        let present = min(lows[first], limit)
        guard !presentMs.overflow, !futureMs.overflow, present >= presentMs.partialValue,
            present <= futureMs.partialValue
        else { return 0 }
        for (number, task) in tasks.enumerated() where now.uptime - served[number] >= Self.patience {
            guard lows[number] > futureMs.partialValue, lows[number] != PaceBoard.idle, mayWork(task) else { continue }
            served[number] = now.uptime
            let taken = try task.process(upTo: 1, now: now)
            lows[number] = task.low
            if let place = heap.firstIndex(of: number) {
                heap.swapAt(0, place)
                for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(place) }
            }
            return taken
        }
        return 0
    }

    /// The oldest head but the first.
    private var nextLow: Int64 {
        switch heap.count {
        case 0, 1: PaceBoard.idle
        case 2: lows[heap[1]]
        default: min(lows[heap[1]], lows[heap[2]])
        }
    }

    /// Heads at the end of time count as a little older, so that they are none of an idle task's.
    private static func time(_ low: Int64) -> Timestamp { Timestamp(ms: low >= PaceBoard.idle - 1 ? .max : low) }

    private func siftDown(_ start: Int) {
        var place = start
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, lows[heap[child + 1]] < lows[heap[child]] { child += 1 }
            guard lows[heap[child]] < lows[heap[place]] else { return }
            heap.swapAt(place, child)
            place = child
        }
    }
}
