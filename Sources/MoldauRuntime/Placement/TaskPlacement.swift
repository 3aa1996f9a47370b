// Moves tasks from thread to thread. A pure state machine, without threads, time or files: it takes events, and after
// each of them `granted` returns what every thread may have. Threads follow at their own pace, and report what they
// hold.
//
//     target: what a thread should have ──▸ granted: what it may have ──▸ held: what it has open
//
// A task is granted to a second thread only when the first no longer holds it, which is after its commit. So no thread
// works on a task whose position and changelog may still change. The same applies to replicas.
//
// A thread may have opened something that was granted and revoked in between. So it reports, with what it holds, the
// grant that it follows; until that is the latest one, everything granted since counts as held.

import MoldauTopology

/// Decides which stream threads have which tasks, which ones they must revoke, and which they may open.
package struct TaskPlacement: Sendable {
    private struct Thread {
        var granted = TaskSet()
        var held = TaskSet()
        /// Earlier grants that the thread may still be following.
        var earlier: [TaskSet] = []
        var status = TaskStatus()
        var isLeaving = false

        /// Everything that the thread may have open, now or soon.
        var mayHold: [TaskSet] { [granted, held] + earlier }
    }

    private var work: StickyAssignment<Int>.Work
    private var threads: [Int: Thread] = [:]
    private var target = StickyAssignment<Int>()
    /// The replica that each task used last.
    private var lastReplica: [TaskID: Int]
    /// Whether threads with copies took over more than their share; balance is restored once all of them are running.
    private var isUneven = false

    /// - Parameter replicas: the replica that each task used last, if known; otherwise 0.
    package init(_ work: StickyAssignment<Int>.Work, replicas: [TaskID: Int] = [:]) {
        self.work = work
        lastReplica = replicas
    }

    // MARK: Events

    /// Replaces the work: tasks that are no longer in it are revoked.
    package mutating func take(_ work: StickyAssignment<Int>.Work) {
        self.work = work
        assign()
    }

    /// Threads start; they hold nothing yet.
    package mutating func join(_ numbers: some Sequence<Int>) {
        for number in numbers { threads[number] = Thread() }
        assign()
    }

    /// A thread is to end: its tasks are reassigned after it has `left`.
    package mutating func leave(_ number: Int) {
        threads[number]?.isLeaving = true
        assign()
    }

    /// A thread that was leaving has ended, and so has its transaction.
    package mutating func left(_ number: Int) {
        threads[number] = nil
        assign()
    }

    /// A thread failed and restarts with nothing; its transaction has ended. Threads with copies of its stores take
    /// over at once, even if that makes loads uneven for a while.
    package mutating func restarted(_ number: Int) {
        guard let failed = threads[number] else { return }
        threads[number] = Thread(isLeaving: failed.isLeaving)
        let lost = target.without(number)
        isUneven = target.active.contains { $0.value == number && lost.standby[$0.key]?.isEmpty == false }
        target = StickyAssignment(work, members: members, previous: lost, balances: !isUneven)
        advance()
    }

    /// A thread is no longer processing what it holds.
    package mutating func stopped(_ number: Int) { threads[number]?.status = TaskStatus() }

    /// A thread reports a change: what it holds, the grant that it follows, or its status.
    /// - Parameter followed: the last grant that it has seen.
    package mutating func update(_ number: Int, holds held: TaskSet, followed: TaskSet, status: TaskStatus) {
        guard let thread = threads[number] else { return }
        threads[number]?.held = held
        threads[number]?.status = status
        if followed == thread.granted { threads[number]?.earlier = [] }
        advance()
        guard isUneven, isAtRest, threads.values.allSatisfy(\.status.isCaughtUp) else { return }
        isUneven = false
        assign()
    }

    private var members: Set<Int> { Set(threads.filter { !$0.value.isLeaving }.keys) }

    private mutating func assign() {
        target = StickyAssignment(work, members: members, previous: target)
        advance()
    }

    // MARK: Queries

    /// What the thread may have now; it must close everything else.
    package func granted(_ number: Int) -> TaskSet { threads[number]?.granted ?? TaskSet() }

    /// What the thread has open, as last reported.
    package func held(_ number: Int) -> TaskSet { threads[number]?.held ?? TaskSet() }

    /// The thread to query for a task's stores; nil if there is none.
    /// - Parameters:
    ///   - numbers: the threads that can be queried, in the order in which they are tried.
    ///   - orCopy: whether a thread with a standby copy is acceptable if no thread runs the task.
    package func thread(toAskAbout task: TaskID, among numbers: [Int], orCopy: Bool) -> Int? {
        numbers.first { held($0).active[task] != nil }
            ?? (orCopy ? numbers.first { held($0).standby[task] != nil } : nil)
    }

    /// The status of a thread, as last reported.
    package func status(of number: Int) -> TaskStatus { threads[number]?.status ?? TaskStatus() }

    /// The tasks that threads may be running, or soon will.
    package var mayWorkOn: Set<TaskID> {
        threads.values.reduce(into: []) { tasks, thread in
            for set in thread.mayHold { tasks.formUnion(set.active.keys) }
        }
    }

    /// The tasks that threads keep standby copies of, as last reported.
    package var standbyTasks: Set<TaskID> { threads.values.reduce(into: []) { $0.formUnion($1.held.standby.keys) } }

    /// Whether every task is where it belongs, and is being processed.
    package var isSettled: Bool { isAtRest && !isUneven }

    private var isAtRest: Bool {
        threads.allSatisfy { number, thread in
            !thread.isLeaving && thread.status.isRunning && thread.held == thread.granted
                && thread.granted.active.count == target.tasks(of: number).count
                && thread.granted.standby.count == target.copies(of: number).count
        }
    }

    // MARK: Grants

    private mutating func advance() {
        let numbers = threads.keys.sorted()
        for number in numbers { revoke(number) }
        for task in work.tasks { grantActive(task) }
        for number in numbers { for task in target.copies(of: number) { grantStandby(task, to: number) } }
    }

    /// Revokes what a thread should no longer have. A standby copy stays until its thread may take over the task.
    private mutating func revoke(_ number: Int) {
        guard let thread = threads[number] else { return }
        let (tasks, copies) = (Set(target.tasks(of: number)), Set(target.copies(of: number)))
        threads[number]?.granted.active = thread.granted.active.filter { tasks.contains($0.key) }
        threads[number]?.granted.standby = thread.granted.standby.filter {
            copies.contains($0.key) || tasks.contains($0.key)
        }
        if threads[number]?.granted != thread.granted { threads[number]?.earlier.append(thread.granted) }
    }

    private mutating func grantActive(_ task: TaskID) {
        guard let number = target.active[task], let thread = threads[number], thread.granted.active[task] == nil,
            !threads.contains(where: { other, thread in
                other != number && thread.mayHold.contains { $0.active[task] != nil }
            }), let replica = thread.granted.standby[task] ?? freeReplica(of: task)
        else { return }
        threads[number]?.granted.standby[task] = nil
        threads[number]?.granted.active[task] = replica
        lastReplica[task] = replica
    }

    private mutating func grantStandby(_ task: TaskID, to number: Int) {
        // The task itself comes first: its replica is the one that was written last.
        guard let thread = threads[number], !thread.mayHold.contains(where: { $0.replica(of: task) != nil }),
            work.followed.contains(task) || threads.values.contains(where: { $0.granted.active[task] != nil }),
            let replica = freeReplica(of: task)
        else { return }
        threads[number]?.granted.standby[task] = replica
    }

    /// The replica that the task used last, or else the first free one; nil if there is none.
    private func freeReplica(of task: TaskID) -> Int? {
        let taken = threads.values.flatMap { $0.mayHold.compactMap { $0.replica(of: task) } }
        return ([lastReplica[task] ?? 0] + Array(0...work.standbys)).first { !taken.contains($0) }
    }
}
