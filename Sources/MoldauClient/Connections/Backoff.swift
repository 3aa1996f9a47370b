/// Pauses between attempts: each is twice as long as the one before, up to a limit, and varied randomly by up to a
/// fifth, so that many clients do not retry at the same moment.
struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    private var failures = 0

    init(first: Duration, longest: Duration) { (self.first, self.longest) = (first, max(first, longest)) }

    /// Returns the pause after another failure.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func pause(chance: Double) -> Duration {
        let doubled = first * Double(1 << min(failures, 20))
        failures += 1
        return min(doubled, longest) * (0.8 + 0.4 * chance)
    }

    /// Resets the pause after a success.
    mutating func reset() { failures = 0 }
}
