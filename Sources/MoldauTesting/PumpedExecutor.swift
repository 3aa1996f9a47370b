import MoldauRecords

/// Runs asynchronous work on the thread that calls `run`, one job after the other, so that a test driver decides when
/// it runs.
final class PumpedExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isSignalled = false
    }

    private let monitor = Monitor(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        monitor.withLock(wakes: true) { $0.jobs.append(job) }
    }

    /// Runs all ready jobs, including those that become ready meanwhile.
    func run() {
        while let job = monitor.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// Ends the current wait, or the next one if none is in progress.
    func signal() { monitor.withLock(wakes: true) { $0.isSignalled = true } }

    /// Blocks until a job is ready, or `signal` is called.
    /// - Returns: false if the time ran out.
    func wait(atMost seconds: Double) -> Bool {
        let isReady: Bool? = monitor.wait(timeout: .seconds(seconds)) { state in
            if state.jobs.isEmpty && !state.isSignalled { return nil }
            state.isSignalled = false
            return true
        }
        return isReady ?? false
    }
}
