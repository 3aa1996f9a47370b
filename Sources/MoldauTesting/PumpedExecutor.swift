import Foundation

/// Runs asynchronous work on the thread that calls `run`, one job after the other, so that a test driver decides when
/// it runs.
final class PumpedExecutor: TaskExecutor {
    private let condition = NSCondition()
    // Both guarded by the condition.
    private nonisolated(unsafe) var jobs: [UnownedJob] = []
    private nonisolated(unsafe) var isSignalled = false

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    /// Runs what is ready, and what becomes ready meanwhile.
    func run() {
        while let job = condition.withLock({ jobs.isEmpty ? nil : jobs.removeFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// Ends the current wait, or else the next one.
    func signal() {
        condition.withLock {
            isSignalled = true
            condition.signal()
        }
    }

    /// Blocks until a job is ready, or `signal` is called.
    /// - Returns: false if neither happened in that time.
    func wait(atMost seconds: Double) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        return condition.withLock {
            defer { isSignalled = false }
            while jobs.isEmpty && !isSignalled {
                if !condition.wait(until: end) { return !jobs.isEmpty || isSignalled }
            }
            return true
        }
    }
}
