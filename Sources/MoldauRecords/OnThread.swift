import Foundation

/// Runs what blocks on a thread of its own: it must not do so on Swift's cooperative pool.
/// - Throws: what `body` throws.
package func onThread<Answer: Sendable, Failure>(
    _ body: @escaping @Sendable () throws(Failure) -> Answer
) async throws(Failure) -> Answer {
    let result = await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: Result(catching: body)) }
    }
    return try result.get()
}
