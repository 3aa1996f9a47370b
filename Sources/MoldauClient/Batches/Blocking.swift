internal import Dispatch
internal import MoldauRecords

/// Runs asynchronous work, and blocks the calling thread until it is done. The work runs on threads of its own, so it
/// makes progress even if all threads of Swift's pool are blocked like this.
/// - Parameter time: the work is cancelled after this, and not waited for; nil for no limit.
/// - Throws: what `body` throws; `ClientError.timedOut`.
package func waiting<Value: Sendable>(
    within time: Duration? = nil, for body: @escaping @Sendable () async throws -> Value
) throws -> Value {
    let outcome = Monitor<Result<Value, any Error>?>(nil)
    let task = Task(executorPreference: OwnThreads.shared) {
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        outcome.withLock(wakes: true) { $0 = result }
    }
    let result: Result<Value, any Error>? = outcome.wait(timeout: time) { $0 }
    guard let result else {
        task.cancel()
        throw time.map { ClientError.timedOut(what: "a request to the cluster", after: $0) } ?? .closed
    }
    return try result.get()
}

/// Runs tasks one at a time, outside Swift's thread pool.
final class OwnThreads: TaskExecutor {
    /// For tasks that neither block nor run long.
    static let shared = OwnThreads()

    private let queue = DispatchQueue(label: "moldau.client")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
