internal import Foundation
internal import MoldauBroker
internal import MoldauLog

/// A thread that does what has to happen now and then: `.interval`'s syncs, retention, compaction, and the end of
/// transactions that are open for too long.
final class Upkeep: Sendable {
    private struct Job: Sendable {
        let interval: Duration
        let run: @Sendable () -> Void
        var sinceRun: Duration = .zero
    }

    private struct State {
        var isStopped = false
        /// The thread holds the broker.
        var isWorking = false
    }

    private let state = Monitor(State())

    /// Starts the thread. It ends at `stop`.
    init<Files: FileSystem>(of broker: Broker<Files>, durability: Durability) {
        let state = state
        let jobs = Self.jobs(on: broker, durability)
        let pause = jobs.map(\.interval).min() ?? .seconds(10)
        let thread = Thread {
            var jobs = jobs
            while state.wait(timeout: pause, { $0.isStopped ? true : nil }) == nil {
                for index in jobs.indices {
                    jobs[index].sinceRun += pause
                    guard jobs[index].sinceRun >= jobs[index].interval else { continue }
                    jobs[index].sinceRun = .zero
                    let mayWork = state.withLock { state in
                        state.isWorking = !state.isStopped
                        return state.isWorking
                    }
                    guard mayWork else { return }
                    jobs[index].run()
                    state.withLock(wakes: true) { $0.isWorking = false }
                }
            }
        }
        thread.name = "moldau-upkeep"
        thread.start()
    }

    /// An error here comes out again at the next append or flush, to somebody who can act on it. What is to be compacted
    /// or deleted stays.
    private static func jobs<Files: FileSystem>(on broker: Broker<Files>, _ durability: Durability) -> [Job] {
        var jobs = [
            Job(interval: .seconds(10)) { [weak broker] in try? broker?.abortExpired() },
            Job(interval: .seconds(15)) { [weak broker] in try? broker?.compact() },
            Job(interval: .seconds(300)) { [weak broker] in try? broker?.applyRetention() },
        ]
        if case .interval(let promised) = durability {
            jobs.insert(
                Job(interval: max(promised, .milliseconds(1))) { [weak broker] in try? broker?.syncNow() }, at: 0)
        }
        return jobs
    }

    /// Returns when the thread does not hold the broker any more.
    func stop() {
        state.withLock(wakes: true) { $0.isStopped = true }
        _ = state.wait { $0.isWorking ? nil : true }
    }

    deinit { stop() }
}
