import Moldau
import MoldauRecords

/// Blocking calls for async tests; each runs on its own thread.
extension StreamsApplication {
    func started() async throws { try await onThread { try self.start() } }
    func stopped() async throws { try await onThread { try self.stop() } }
}
