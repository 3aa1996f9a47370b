internal import Dispatch
internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// `waiting`, for at most `time`: the question is then given up. nil: for as long as it takes.
/// - Throws: what `question` throws; `ClusterError.unavailable` after `time`.
func asking<Answer: Sendable>(
    within time: Duration?, _ question: @escaping @Sendable () async throws -> Answer
) throws -> Answer {
    guard let time else { return try waiting(for: question) }
    let outcome = Monitor<Result<Answer, any Error>?>(nil)
    let task = Task(executorPreference: QuestionThread.shared) {
        let result: Result<Answer, any Error>
        do { result = .success(try await question()) } catch { result = .failure(error) }
        outcome.withLock(wakes: true) { $0 = result }
    }
    let result: Result<Answer, any Error>? = outcome.wait(timeout: time) { $0 }
    guard let result else {
        task.cancel()
        throw ClusterError.unavailable(reason: "the cluster has not answered a question within \(time)")
    }
    return try result.get()
}

/// Runs questions whose time is limited. Swift's pool may be blocked by those who wait for them.
private final class QuestionThread: TaskExecutor {
    static let shared = QuestionThread()

    private let queue = DispatchQueue(label: "moldau.questions")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
