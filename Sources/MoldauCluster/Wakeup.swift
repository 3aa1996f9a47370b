/// Ends a consumer's waiting `poll` from any thread. A signal without a wait in progress ends the next wait.
package final class Wakeup: Sendable {
    private let ring: @Sendable () -> Void

    /// - Parameter ring: ends the wait; called on the signalling thread.
    package init(ring: @escaping @Sendable () -> Void) { self.ring = ring }

    /// Ends the current wait, or else the next one. May be called from any thread.
    package func signal() { ring() }
}
