internal import Dispatch
internal import MoldauRecords

/// Runs asynchronous work, and blocks the calling thread until it is done. The work runs on threads of its own: it goes
/// on even where all threads of Swift's pool are blocked like this.
/// - Throws: what `body` throws.
package func waiting<Value: Sendable>(for body: @escaping @Sendable () async throws -> Value) throws -> Value {
    let outcome = Monitor<Result<Value, any Error>?>(nil)
    Task(executorPreference: OwnThreads.shared) {
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        outcome.withLock(wakes: true) { $0 = result }
    }
    let result: Result<Value, any Error>? = outcome.wait { $0 }
    guard let result else { throw ClientError.closed }
    return try result.get()
}

/// Runs tasks one at a time, on threads that are not of Swift's pool.
final class OwnThreads: TaskExecutor {
    /// For tasks that neither block nor take long.
    static let shared = OwnThreads()

    private let queue = DispatchQueue(label: "moldau.client")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
