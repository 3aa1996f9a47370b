import Foundation

/// Runs what blocks on a thread of its own: it must not do so on Swift's cooperative pool.
/// - Throws: what `body` throws.
package func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}
