/// Ends a consumer's waiting `poll` from any thread. A signal without a wait in progress ends the next wait.
public final class Wakeup: Sendable {
    private let ring: @Sendable () -> Void

    /// - Parameter ring: ends the wait; called on the signalling thread.
    public init(ring: @escaping @Sendable () -> Void) { self.ring = ring }

    /// Ends the current wait, or else the next one. May be called from any thread.
    public func signal() { ring() }
}
