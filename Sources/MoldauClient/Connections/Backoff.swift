/// Pauses between attempts: each twice as long as the one before, up to a limit, and up to a fifth longer or shorter by
/// chance, so that many clients do not come at the same moment.
struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    private var failures = 0

    init(first: Duration, longest: Duration) { (self.first, self.longest) = (first, max(first, longest)) }

    /// The pause after one more failure.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func pause(chance: Double) -> Duration {
        let doubled = first * Double(1 << min(failures, 20))
        failures += 1
        return min(doubled, longest) * (0.8 + 0.4 * chance)
    }

    /// An attempt has succeeded.
    mutating func reset() { failures = 0 }
}
