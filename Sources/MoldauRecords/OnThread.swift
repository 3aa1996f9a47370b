import Foundation

/// Runs blocking code on a new thread, so that it does not block Swift's cooperative pool.
/// - Throws: what `body` throws.
package func onThread<Answer: Sendable, Failure>(
    _ body: @escaping @Sendable () throws(Failure) -> Answer
) async throws(Failure) -> Answer {
    let result = await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: Result(catching: body)) }
    }
    return try result.get()
}
