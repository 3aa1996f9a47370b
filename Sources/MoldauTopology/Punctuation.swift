import MoldauRecords

/// The clock of a punctuation.
public enum PunctuationClock: Sendable {
    /// The task's stream time: first due as soon as it is known, then at multiples of the interval, counted from 0.
    case streamTime
    /// Real time: first due one interval after scheduling, even if the wall clock is set meanwhile; the callback gets
    /// the wall clock's time.
    case wallClock
}

/// A scheduled punctuation. Fires at most once per check, however many intervals have passed, like Kafka Streams'
/// `PunctuationSchedule`.
public final class Schedule {
    /// The clock that decides when it is due.
    public let clock: PunctuationClock
    /// The time between two calls.
    public var interval: Duration { .milliseconds(intervalMs) }
    private let intervalMs: Int64
    /// In milliseconds of stream time or of uptime; nil if the next time is beyond 64 bits, so that it is never due
    /// again.
    private var dueMs: Int64?
    private let punctuate: (Timestamp) throws -> Void
    /// Whether it was cancelled and will not be called again.
    public private(set) var isCancelled = false

    init(
        clock: PunctuationClock, interval: Duration, scheduledAt now: RoundTime,
        punctuate: @escaping (Timestamp) throws -> Void
    ) {
        self.clock = clock
        intervalMs = interval.milliseconds
        dueMs = clock == .streamTime ? 0 : Self.sum(now.uptime.milliseconds, interval.milliseconds)
        self.punctuate = punctuate
    }

    /// Stops further calls.
    public func cancel() { isCancelled = true }

    /// Calls back if due; the callback gets `time`, not the time at which it was due.
    /// - Parameter uptime: the clock for wall-clock punctuations; nil uses the milliseconds of `time`, for a clock that
    ///   is never set.
    /// - Returns: whether it fired.
    package func fireIfDue(at time: Timestamp, uptime: Duration? = nil) throws -> Bool {
        let ms = clock == .wallClock ? uptime?.milliseconds ?? time.ms : time.ms
        guard !isCancelled, time != .none, let due = dueMs, ms >= due else { return false }
        dueMs = Self.sum(ms - ms.subtractingCapped(due) % intervalMs, intervalMs)
        try punctuate(time)
        return true
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64? {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? nil : sum
    }
}
