import MoldauTopology

/// How often an asynchronous closure is tried again after it threw or took too long.
public struct AsyncRetry: Sendable {
    /// In all; at least 1.
    public var attempts: Int
    /// Before the second attempt; twice as long before each one after it. Up to half of it, at random, is left out, so
    /// that what failed together is not tried again together.
    public var backoff: Duration
    /// The longest wait between two attempts.
    public var longestBackoff: Duration
    /// Whether trying again may help.
    public var isRetriable: @Sendable (any Error) -> Bool

    /// Waits twice as long after each attempt that fails.
    public init(
        attempts: Int, backoff: Duration, longestBackoff: Duration = .seconds(10),
        isRetriable: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) {
        self.attempts = attempts
        self.backoff = backoff
        self.longestBackoff = longestBackoff
        self.isRetriable = isRetriable
    }

    /// One attempt, and no other.
    public static let never = AsyncRetry(attempts: 1, backoff: .zero)

    /// So many attempts in all, for errors that `isRetriable` says may go away.
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

    /// - Parameter attempt: the one that failed, from 1.
    func pause(after attempt: Int, using generator: inout SeededGenerator) -> Duration {
        var longest = min(backoff, longestBackoff)
        for _ in 1..<attempt where longest < longestBackoff { longest = min(longest * 2, longestBackoff) }
        let ms = longest.milliseconds
        return .milliseconds(ms - Int64.random(in: 0...ms / 2, using: &generator))
    }
}

/// An asynchronous closure took longer than it may.
public struct AsyncTimeout: Error, Equatable, CustomStringConvertible {
    /// The time that the call had.
    public let timeout: Duration

    /// A call that took longer than `timeout`.
    public init(timeout: Duration) { self.timeout = timeout }

    public var description: String { "no result after \(timeout)" }
}
