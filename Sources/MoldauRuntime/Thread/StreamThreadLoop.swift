import Foundation
import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// An OS thread that runs a `StreamThread` round after round until it is stopped, or fails; then it may restart with a
/// new one.
final class StreamThreadLoop: Sendable {
    /// What the loop calls, on its thread.
    struct Listener: Sendable {
        /// The thread has followed another grant, opened or closed tasks, or changed its status.
        let progressed: @Sendable (_ number: Int, _ held: TaskSet, _ followed: TaskSet, TaskStatus) -> Void
        /// The thread has stopped processing. It has closed everything, but its transaction may still be open in the
        /// cluster. It restarts after `pause` if the response says so.
        let failed: @Sendable (_ number: Int, any Error, _ pause: Duration) -> UncaughtErrorResponse
        /// The thread restarts with nothing; the transaction that it left open has ended.
        let restarted: @Sendable (_ number: Int) -> Void
        /// The thread has committed this many times since the last call.
        let committed: @Sendable (_ count: Int64) -> Void
        /// A new plan is needed: see `TopicWatch.change`.
        let topicsChanged: @Sendable (_ reason: String) -> Void
        let ended: @Sendable (_ number: Int, (any Error)?) -> Void
    }

    private struct Control {
        var isStopping = false
        var isLeaving = false
        var isPaused = false
        var granted = TaskSet()
        /// How often the grant has changed. A grant that is replaced, before the thread sees it, by the previous one
        /// counts too: until the thread reports that it follows the last one, it may hold what the one in between
        /// allowed.
        var grantCount = 0
        /// The mailbox of the current thread; nil between a failure and the restart.
        var mailbox: ThreadMailbox?
        /// The report of the current thread; `finished` has those of earlier ones, which failed.
        var report = StreamThreadReport()
        var finished: [StreamThreadReport] = []
    }

    private let plan: StreamThreadPlan
    private let clock: @Sendable () -> RoundTime
    private let listener: Listener
    private let control = Monitor(Control())

    init(_ plan: StreamThreadPlan, clock: @escaping @Sendable () -> RoundTime, listener: Listener) {
        self.plan = plan
        self.clock = clock
        self.listener = listener
    }

    func start() {
        let thread = Thread { self.run() }
        thread.name = plan.clientID
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Makes the current round the last one. Does not wait for it.
    func stop() {
        change { $0.isStopping = true }
    }

    /// Ends a thread that is removed while others continue, as soon as it has handed over its tasks, which must no
    /// longer be granted. If it fails, it may restart once more in order to end properly.
    func leave() { change { $0.isLeaving = true } }

    /// Sets what the thread may have from the next round on.
    func grant(_ granted: TaskSet) {
        guard control.withLock({ $0.granted != granted }) else { return }
        change { control in
            control.granted = granted
            control.grantCount += 1
        }
    }

    func setPaused(_ isPaused: Bool) {
        change { $0.isPaused = isPaused }
    }

    private func change(_ body: (inout Control) -> Void) {
        let mailbox = control.withLock(wakes: true) { control in
            body(&control)
            return control.mailbox
        }
        mailbox?.wake()
    }

    /// The mailbox for requests to the thread; nil between a failure and the restart, and at the end.
    var mailbox: ThreadMailbox? { control.withLock { $0.mailbox } }

    var reports: [StreamThreadReport] { control.withLock { $0.finished + [$0.report] } }

    /// The pause between a failure and the restart; it doubles after each further failure.
    private static var shortestPause: Duration { .milliseconds(100) }
    /// The longest such pause. A thread that ran for at least this long before it failed gets the shortest pause again.
    private static var longestPause: Duration { .seconds(10) }

    private func run() {
        var isRestart = false
        var pause = Self.shortestPause
        while true {
            let began = clock().uptime
            do {
                try runThread(isRestart: isRestart)
                return listener.ended(plan.number, nil)
            } catch {
                if clock().uptime - began >= Self.longestPause { pause = Self.shortestPause }
                let response = listener.failed(plan.number, error, pause)
                control.withLock { control in
                    control.finished.append(control.report.afterEnd)
                    control.report = StreamThreadReport()
                }
                guard case .replaceThread = response, !error.isForGood else {
                    return listener.ended(plan.number, error)
                }
                isRestart = true
                // Whether the stop came before the failure or during the pause, it is not an error.
                if sleep(pause) { return listener.ended(plan.number, nil) }
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// Sleeps; returns early if the thread is to stop or to leave.
    /// - Returns: whether the thread is to stop.
    private func sleep(_ pause: Duration) -> Bool {
        control.wait(timeout: pause) { $0.isStopping || $0.isLeaving ? $0.isStopping : nil } ?? false
    }

    /// Waits for space if the global tables cannot be opened without it.
    /// - Returns: nil if the thread is to stop or to leave before.
    private func openThread() throws -> StreamThread? {
        var isWaiting = false
        while true {
            do { return try StreamThread(plan, now: clock()) } catch let error as StateError {
                guard case .noSpace = error else { throw error }
                if !isWaiting { plan.configuration.logger.warning("\(error); the thread starts when there is room") }
                isWaiting = true
                if sleep(StreamThread.openingInterval) || control.withLock(\.isLeaving) { return nil }
            }
        }
    }

    private func runThread(isRestart: Bool) throws {
        guard let thread = try openThread() else { return }
        if isRestart { listener.restarted(plan.number) }
        control.withLock { $0.mailbox = thread.mailbox }
        defer { control.withLock { $0.mailbox = nil } }
        var drops = DropWatch()
        defer { warn(drops.look(at: thread.report, now: clock().uptime, isLast: true)) }
        do {
            try runRounds(of: thread, &drops)
            let end = clock().uptime + plan.configuration.stopPatience
            // A leaving thread has already waited.
            while control.withLock({ $0.isStopping }), try !thread.settleForStop(now: clock(), wait: wait),
                clock().uptime < end
            {}
        } catch {
            publish(thread)
            // The first error is the one to report.
            try? thread.close()
            throw error
        }
        defer { publish(thread) }
        try thread.stop(now: clock())
    }

    private func warn(_ sentences: [String]) {
        for sentence in sentences {
            plan.configuration.logger.warning(
                "\(sentence)", metadata: ["application": "\(plan.names.applicationID)", "thread": "\(plan.number)"])
        }
    }

    private func runRounds(of thread: StreamThread, _ drops: inout DropWatch) throws {
        var reported: (held: TaskSet, grantCount: Int, status: TaskStatus)?
        var leaveBy: Duration?
        while true {
            let now = control.withLock { $0 }
            if now.isStopping { return }
            if now.isLeaving {
                let limit = leaveBy ?? clock().uptime + plan.configuration.stopPatience
                leaveBy = limit
                // There is no time limit on the wait for space, as with every task that is handed over.
                if thread.held.isEmpty || thread.shortage == nil && clock().uptime >= limit { return }
            }
            thread.granted = now.granted
            try thread.runOnce(now: clock(), isPaused: now.isPaused, wait: wait)
            publish(thread)
            warn(drops.look(at: thread.report, now: clock().uptime))
            if let change = try thread.topicChange(now: clock()) { listener.topicsChanged(change) }
            let status = thread.status
            if let reported, reported == (thread.held, now.grantCount, status) { continue }
            reported = (thread.held, now.grantCount, status)
            listener.progressed(plan.number, thread.held, now.granted, status)
        }
    }

    /// At most until the next commit, and short enough for wall-clock punctuations.
    private var wait: Duration { min(.milliseconds(100), max(.milliseconds(1), plan.configuration.commitInterval)) }

    private func publish(_ thread: StreamThread) {
        let report = thread.report
        let before = control.withLock { control in
            defer { control.report = report }
            return control.report.commits
        }
        if report.commits > before { listener.committed(report.commits - before) }
    }
}

extension Error {
    /// Whether a new thread would fail in the same way.
    var isForGood: Bool {
        if let error = self as? ClusterError { return error.remedy == .stopApplication }
        return switch self as? StateError {
        case .changed, .damaged, .malformedMetadata, .readOnly: true
        default: false
        }
    }
}
