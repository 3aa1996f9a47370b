// Adding and removing threads while the application runs, and moving tasks between threads: `TaskPlacement` decides;
// threads follow in their own rounds, and report their progress.

import MoldauRecords
import MoldauTopology
import Synchronization

/// A stream thread of an application, as seen from outside. Kafka's `ThreadMetadata`.
public struct StreamThreadDescription: Sendable, Hashable {
    /// The thread's name, as in log messages.
    public let name: String
    /// Whether it is processing all of its tasks.
    public let isRunning: Bool
    /// The tasks that it processes, in order.
    public let tasks: [TaskID]
    /// The tasks whose stores it keeps standby copies of.
    public let standbys: [TaskID]
}

extension StreamsEngine {
    /// Starts another thread, and returns when it has its share of the tasks and all of them are being processed.
    /// - Returns: the thread's name.
    /// - Throws: `RuntimeError.invalidState` if the application does not run, or ended meanwhile.
    package func addThread() async throws -> String {
        let (number, loop) = try inner.withLock { inner in
            try inner.requireAlive()
            let number = (1...).first { !inner.numbers.contains($0) && inner.loops[$0] == nil } ?? 1
            inner.numbers.insert(number)
            // While topics are being planned, the plan will start all wanted threads.
            guard let plan = inner.plan, !inner.isReplanning else { return (number, StreamThreadLoop?.none) }
            inner.placement.join([number])
            return (number, makeLoop(number, plan, &inner))
        }
        loop?.start()
        note(.thread, "\(names.thread(number)) was added")
        place { _ in }
        try await handedOver()
        return names.thread(number)
    }

    /// Ends the thread that was added last, and returns when other threads process its tasks.
    /// - Returns: the thread's name.
    /// - Throws: `RuntimeError.lastThread` if it is the only one; `.invalidState` if the application is not running, or
    ///   ends meanwhile.
    package func removeThread() async throws -> String {
        let (number, loop) = try inner.withLock { inner in
            try inner.requireAlive()
            guard inner.numbers.count > 1, let number = inner.numbers.max() else { throw RuntimeError.lastThread }
            inner.numbers.remove(number)
            inner.placement.leave(number)
            return (number, inner.loops[number])
        }
        note(.thread, "\(names.thread(number)) is being removed")
        place { _ in }
        loop?.leave()
        try await handedOver()
        return names.thread(number)
    }

    /// The threads, in the order of their numbers.
    package var threads: [StreamThreadDescription] {
        inner.withLock { inner in
            inner.loops.keys.sorted().map { number in
                let held = inner.placement.held(number)
                return StreamThreadDescription(
                    name: names.thread(number), isRunning: inner.placement.status(of: number).isRunning,
                    tasks: held.active.keys.sorted(), standbys: held.standby.keys.sorted())
            }
        }
    }

    /// Runs `work` on the thread that processes a task, with the data that it owns: see `ThreadMailbox.post`. Returns
    /// at once.
    /// - Parameter completion: gets `ThreadMailboxError.taskNotHere` if no thread has the task now.
    package func post<Answer: Sendable>(
        to task: TaskID, _ work: @escaping @Sendable (ThreadContents) throws -> Answer,
        completion: @escaping @Sendable (Result<Answer, any Error>) -> Void
    ) {
        let mailbox = inner.withLock { inner in
            inner.loops.first { inner.placement.held($0.key).active[task] != nil }?.value.mailbox
        }
        guard let mailbox else {
            return completion(.failure(ThreadMailboxError.taskNotHere(task, thread: nil)))
        }
        mailbox.post(work, completion: completion)
    }

    /// Applies an event of a thread, and grants every thread what it may have now.
    func place(_ event: (inout TaskPlacement) -> Void) { change { event(&$0.placement) } }

    /// Applies a change of what threads should have, and grants every thread what it may have now.
    func change(_ event: (inout Inner) -> Void) {
        let (old, next, waiting) = inner.withLock { inner in
            event(&inner)
            let isSettled = inner.isSettled
            if !inner.isEnding { for (number, loop) in inner.loops { loop.grant(inner.placement.granted(number)) } }
            let next = isSettled ? StreamsState.running : .rebalancing
            defer { if isSettled { inner.waiting = [] } }
            return (inner.change(to: next), next, isSettled ? inner.waiting : [])
        }
        if let old { tell(old, next) }
        for waiter in waiting { waiter.give(.success(())) }
        rebalanceIfDue()
    }

    /// Returns when every task is where it belongs, and is being processed.
    /// - Throws: `RuntimeError.invalidState` if the application ended instead; `CancellationError`.
    private func handedOver() async throws {
        let waiter = OneAnswer<Void>()
        let isOver = inner.withLock { inner in
            let isOver = inner.state.isOver || inner.isSettled
            if !isOver { inner.waiting.append(waiter) }
            return isOver
        }
        if !isOver { try await waiter.get() }
        try inner.withLock { try $0.requireAlive() }
    }
}

extension StreamsEngine.Inner {
    /// Whether all threads are to end: then tasks are not handed over.
    fileprivate var isEnding: Bool { isReplanning || isStopRequested || failure != nil }

    /// Whether every task is on the right thread and is being processed.
    fileprivate var isSettled: Bool { plan != nil && group.share != nil && !isEnding && placement.isSettled }

    /// - Throws: `RuntimeError.invalidState` if the application does not run.
    fileprivate func requireAlive() throws {
        guard state == .running || state == .rebalancing, !isStopRequested else {
            throw RuntimeError.invalidState(expected: "\(StreamsState.running)", actual: "\(state)")
        }
    }
}
