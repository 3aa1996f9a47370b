// Who waits for the broker without a thread is called back: when a sync has ended, when there is something to read,
// when its time is over. The calls are made here, one after the other and with no lock held, so that they may call the
// broker again. They are made by one thread of the broker's own, which begins with the first call and ends when there
// are none to come: a broker that nobody uses in this way has no such thread. In a simulation whoever drives it makes
// the calls, by `runDue`.

internal import Foundation
internal import MoldauRecords

/// The calls that the broker has to make.
package final class Callbacks: Sendable {
    /// Who makes the calls.
    package enum Driver: Sendable {
        case ownThread
        /// `runDue`, whenever it is called: nothing happens in between.
        case byHand
    }

    fileprivate struct State {
        var calls: [@Sendable () -> Void] = []
        /// By their times. Most are of one length, and so come last.
        var timers: [(time: Duration, number: Int)] = []
        /// What the timers call, by their numbers; what was cancelled is missing.
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

    /// Has something called soon, after what is waiting already. May be called with locks held.
    func call(_ body: @escaping @Sendable () -> Void) {
        let isFirst = monitor.withLock(wakes: true) { state in
            state.calls.append(body)
            return state.beginsThread(driver)
        }
        if isFirst { start() }
    }

    /// Has something called when `delay` has passed.
    /// - Returns: for `cancel`.
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

    /// Nothing is called for a timer that has not been due yet.
    func cancel(_ number: Int) { monitor.withLock { $0.timed[number] = nil } }

    /// Makes the calls that are due, those that they lead to included. For a driver by hand.
    package func runDue() {
        while true {
            let now = uptime()
            let due = monitor.withLock { $0.takeDue(now: now) }
            if due.isEmpty { return }
            for body in due { body() }
        }
    }

    /// Whether there is a thread for them now.
    package var hasThread: Bool { monitor.withLock { $0.hasThread } }

    private func start() {
        let thread = Thread { [self] in run() }
        thread.name = "moldau-callbacks"
        thread.start()
    }

    /// How long the thread lives on without a call: another one would be made for the next.
    private static var idleTime: Duration { .seconds(10) }

    private func run() {
        while true {
            runDue()
            let now = uptime()
            let next = monitor.withLock { $0.timers.first?.time }
            let isNew: Bool? = monitor.wait(timeout: next.map { $0 - now } ?? Self.idleTime) { state in
                // A call, or a timer that comes before the one that this waits for.
                !state.calls.isEmpty || state.timers.first?.time != next ? true : nil
            }
            if isNew == nil, monitor.withLock({ $0.endsThread() }) { return }
        }
    }
}

extension Callbacks.State {
    /// Whether a thread has to be made for what was added.
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
