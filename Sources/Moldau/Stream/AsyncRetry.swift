import MoldauTopology

/// How often an asynchronous closure is retried after it threw or timed out.
public struct AsyncRetry: Sendable {
    /// The number of attempts, including the first one; at least 1.
    public var attempts: Int
    /// The pause before the second attempt; it doubles before each further one, up to `longestBackoff`. It is shortened
    /// by up to half, at random, so that calls that failed together are not retried together.
    public var backoff: Duration
    /// The longest pause between two attempts.
    public var longestBackoff: Duration
    /// Whether another attempt may succeed after this error.
    public var isRetriable: @Sendable (any Error) -> Bool

    /// The pause doubles after each failed attempt, up to `longestBackoff`.
    public init(
        attempts: Int, backoff: Duration, longestBackoff: Duration = .seconds(10),
        isRetriable: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) {
        self.attempts = attempts
        self.backoff = backoff
        self.longestBackoff = longestBackoff
        self.isRetriable = isRetriable
    }

    /// A single attempt.
    public static let never = AsyncRetry(attempts: 1, backoff: .zero)

    /// Up to this many attempts in all, after errors for which `isRetriable` is true.
    ///
    /// ```swift
    /// struct Busy: Error {}
    /// let pages = clicks.mapValuesAsync(retry: .upTo(3, backoff: .zero)) { page in
    ///     if notes.add("asked") < 3 { throw Busy() }
    ///     return page.uppercased()
    /// }
    /// // clicks: ada=/home
    /// // pages: ada=/HOME
    /// // notes: asked, asked, asked
    /// ```
    public static func upTo(
        _ attempts: Int, backoff: Duration = .milliseconds(100),
        where isRetriable: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) -> AsyncRetry { AsyncRetry(attempts: attempts, backoff: backoff, isRetriable: isRetriable) }

    /// - Parameter attempt: the number of the failed attempt, counted from 1.
    func pause(after attempt: Int, using generator: inout SeededGenerator) -> Duration {
        var longest = min(backoff, longestBackoff)
        for _ in 1..<attempt where longest < longestBackoff { longest = min(longest * 2, longestBackoff) }
        let ms = longest.milliseconds
        return .milliseconds(ms - Int64.random(in: 0...ms / 2, using: &generator))
    }
}

/// An asynchronous closure took longer than its timeout.
public struct AsyncTimeout: Error, Equatable, CustomStringConvertible {
    /// The timeout of the attempt.
    public let timeout: Duration

    /// The error of an attempt that took longer than `timeout`.
    public init(timeout: Duration) { self.timeout = timeout }

    public var description: String { "no result after \(timeout)" }
}
