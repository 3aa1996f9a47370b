internal import Foundation
internal import Logging
internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords

/// Threads for regular work. The syncs of `.interval` have their own thread: a long compaction must not delay them.
final class Upkeep: Sendable {
    private struct State {
        var isStopped = false
        /// How many threads use the broker now.
        var workingCount = 0
    }

    private let state = Monitor(State())

    /// Starts the threads. They end at `stop`.
    /// - Parameter logger: gets errors about jobs that failed.
    init<Files: FileSystem>(of broker: Broker<Files>, durability: Durability, logger: Logger) {
        Self.start(.housekeeping, "moldau-upkeep", state, broker, logger)
        if let syncs = UpkeepSchedule.syncs(for: durability) { Self.start(syncs, "moldau-sync", state, broker, logger) }
    }

    private static func start<Files: FileSystem>(
        _ schedule: UpkeepSchedule, _ name: String, _ state: Monitor<State>, _ broker: Broker<Files>,
        _ logger: Logger
    ) {
        let thread = Thread { [weak broker] in
            var schedule = schedule
            var failures = UpkeepFailures(logger)
            var lastLook = ContinuousClock.now
            while state.wait(timeout: schedule.pause, { $0.isStopped ? true : nil }) == nil {
                let now = ContinuousClock.now
                let due = schedule.due(after: now - lastLook)
                lastLook = now
                for job in due {
                    let mayWork = state.withLock { state in
                        if !state.isStopped { state.workingCount += 1 }
                        return !state.isStopped
                    }
                    guard mayWork else { return }
                    // A failed job is repeated later. A failed sync shows again at the next append or flush.
                    if let broker { failures.run(job, of: broker) }
                    state.withLock(wakes: true) { $0.workingCount -= 1 }
                }
            }
        }
        thread.name = name
        thread.start()
    }

    /// Returns when no thread uses the broker any more.
    func stop() {
        state.withLock(wakes: true) { $0.isStopped = true }
        _ = state.wait { $0.workingCount > 0 ? nil : true }
    }

    deinit { stop() }
}
