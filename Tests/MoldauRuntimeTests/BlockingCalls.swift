import Foundation
import Moldau

/// Blocking calls for async tests; each runs on its own thread.
extension StreamsApplication {
    func started() async throws { try await onThread { try self.start() } }
    func stopped() async throws { try await onThread { try self.stop() } }
}

private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
