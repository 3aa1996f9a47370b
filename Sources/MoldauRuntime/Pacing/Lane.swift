import MoldauRecords
import MoldauTopology

/// Tasks of one thread that take turns by the timestamps of their heads, the oldest first. Owned by the thread.
final class Lane {
    /// A task of another thread that the lane's tasks keep in step with, or wait for.
    private struct Other {
        let task: TaskID
        let isSibling: Bool
        var time = PaceBoard.unknown
        /// Since when it has made no progress.
        var since: Duration
    }

    /// A task that makes no progress for longer is not waited for: its thread hangs, or no thread has it.
    private static var patience: Duration { .seconds(10) }

    let tasks: [StreamTask]
    /// Empty for a task that waits for no other.
    private let rule: PaceRule
    /// The upstream tasks on the same thread.
    private let upstream: [StreamTask]
    private let board: PaceBoard
    private let lookaheadMs: Int64
    private var others: [Other] = []
    /// When each task last had a turn.
    private var served: [Duration]
    /// The tasks' indexes, as a heap by `lows`.
    private var heap: [Int]
    private var lows: [Int64]
    /// The time of the last record that may be taken in this round.
    private var limit = PaceBoard.idle
    /// Whether the last turn left records that a later round may take.
    private(set) var isBlocked = false
    /// Whether the lane's output must be sent at the end of a round, because others wait for it.
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

    /// The queues whose topics other tasks write: their ends are looked up before records of other queues are taken.
    func innerQueues(_ names: InternalTopicNames) -> [PartitionQueue] {
        guard !rule.upstream.isEmpty else { return [] }
        let topics = Set(rule.inner.map(names.topic))
        return tasks.filter(\.hasRecords).flatMap(\.queues).filter { topics.contains($0.partition.topic) }
    }

    /// Reads the progress of other threads. Must be called before records are fetched, so that everything sent until
    /// then is among the fetched records.
    /// - Returns: whether one of them has made progress.
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

    /// Publishes the tasks' progress, after everything that they wrote has been sent.
    /// - Returns: whether a mark has changed.
    func publish() -> Bool {
        guard isPaced || sendsAtOnce else { return false }
        return tasks.reduce(false) { board.publish($1.id, $1.low) || $0 }
    }

    /// Decides, after a fetch, up to which time records may be taken.
    func begin(now: Duration) {
        isBlocked = false
        limit = upstream.reduce(PaceBoard.idle) { min($0, $1.low) }
        for other in others where now - other.since < Self.patience {
            let slack = other.isSibling && other.time != PaceBoard.unknown ? lookaheadMs : 0
            let (time, overflow) = other.time.addingReportingOverflow(slack)
            limit = min(limit, overflow ? PaceBoard.idle : time)
        }
    }

    /// Lets the tasks process records, the one with the oldest next record first.
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

    /// Takes a record with a future timestamp that has waited for long: while others have records of the present, it
    /// would never be next. If all records are from the future, the wall clock is wrong, and they are taken by their
    /// timestamps as usual.
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

    /// The time of the second oldest head.
    private var nextLow: Int64 {
        switch heap.count {
        case 0, 1: PaceBoard.idle
        case 2: lows[heap[1]]
        default: min(lows[heap[1]], lows[heap[2]])
        }
    }

    /// A head at the greatest time counts as a little older, so that it differs from `PaceBoard.idle`.
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
