// Runs completions, one at a time and with no lock held, on a thread created on first use. They report that a sync has
// ended, that there is something to read, or that a timer is due, and may call the broker again. The thread ends when
// it has been idle for a while: a broker without such callers has none. In a simulation its driver runs them, by
// `runDue`.

internal import Foundation
internal import MoldauRecords

/// The completions that the broker has to call.
package final class Callbacks: Sendable {
    /// What runs the completions.
    package enum Driver: Sendable {
        case ownThread
        /// `runDue`, whenever it is called: no completion runs in between.
        case byHand
    }

    fileprivate struct State {
        var calls: [@Sendable () -> Void] = []
        /// Sorted by time. Most have the same delay, so new ones go to the end.
        var timers: [(time: Duration, number: Int)] = []
        /// The completions of timers, by number; those of cancelled timers are missing.
        var timed: [Int: @Sendable () -> Void] = [:]
        var timerCount = 0
        var hasThread = false
    }

    private let driver: Driver
    private let uptime: @Sendable () -> Duration
    private let monitor = Monitor(State())

    /// - Parameter uptime: the clock of the timers.
    init(_ driver: Driver, uptime: @escaping @Sendable () -> Duration) {
        (self.driver, self.uptime) = (driver, uptime)
    }

    /// Runs `body` soon, after those already queued. May be called with locks held.
    func call(_ body: @escaping @Sendable () -> Void) {
        let isFirst = monitor.withLock(wakes: true) { state in
            state.calls.append(body)
            return state.beginsThread(driver)
        }
        if isFirst { start() }
    }

    /// Runs `body` when `delay` has passed.
    /// - Returns: the timer's number, for `cancel`.
    func call(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> Int {
        let time = uptime() + delay
        let (number, isFirst) = monitor.withLock(wakes: true) { state in
            state.timerCount += 1
            let place = state.timers.lastIndex { $0.time <= time }.map { $0 + 1 } ?? 0
            state.timers.insert((time, state.timerCount), at: place)
            state.timed[state.timerCount] = body
            return (state.timerCount, state.beginsThread(driver))
        }
        if isFirst { start() }
        return number
    }

    /// Cancels a timer. If it is already due, its completion may run nevertheless.
    func cancel(_ number: Int) { monitor.withLock { $0.timed[number] = nil } }

    /// Runs the completions that are due, and those that they add. For the driver `byHand`.
    package func runDue() {
        while true {
            let now = uptime()
            let due = monitor.withLock { $0.takeDue(now: now) }
            if due.isEmpty { return }
            for body in due { body() }
        }
    }

    /// Whether the thread exists now.
    package var hasThread: Bool { monitor.withLock { $0.hasThread } }

    private func start() {
        let thread = Thread { [self] in run() }
        thread.name = "moldau-callbacks"
        thread.start()
    }

    /// How long an idle thread is kept: otherwise the next call would have to create one.
    private static var idleTime: Duration { .seconds(10) }

    private func run() {
        while true {
            runDue()
            let now = uptime()
            let next = monitor.withLock { $0.timers.first?.time }
            let isNew: Bool? = monitor.wait(timeout: next.map { $0 - now } ?? Self.idleTime) { state in
                // A completion was added, or a timer that is due before the one this waits for.
                !state.calls.isEmpty || state.timers.first?.time != next ? true : nil
            }
            if isNew == nil, monitor.withLock({ $0.endsThread() }) { return }
        }
    }
}

extension Callbacks.State {
    /// Marks the thread as started if one is needed for what was added.
    fileprivate mutating func beginsThread(_ driver: Callbacks.Driver) -> Bool {
        guard driver == .ownThread, !hasThread else { return false }
        hasThread = true
        return true
    }

    fileprivate mutating func endsThread() -> Bool {
        guard calls.isEmpty, timed.isEmpty else { return false }
        hasThread = false
        return true
    }

    fileprivate mutating func takeDue(now: Duration) -> [@Sendable () -> Void] {
        defer { calls = [] }
        let count = timers.firstIndex { $0.time > now } ?? timers.count
        if count == 0 { return calls }
        defer { timers.removeFirst(count) }
        return timers[..<count].compactMap { timed.removeValue(forKey: $0.number) } + calls
    }
}
