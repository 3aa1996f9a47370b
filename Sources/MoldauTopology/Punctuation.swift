import MoldauRecords

/// What a punctuation goes by.
public enum PunctuationClock: Sendable {
    /// The task's stream time: due first when it is known, then at multiples of the interval counted from 0.
    case streamTime
    /// Real time: due first one interval after it was scheduled, however the wall clock is set meanwhile; told is what that shows.
    case wallClock
}

/// A punctuation that was scheduled. Fires at most once per check, however many intervals went by (semantics of Kafka Streams'
/// `PunctuationSchedule`).
public final class Schedule {
    public let clock: PunctuationClock
    /// The time between two calls.
    public var interval: Duration { .milliseconds(intervalMs) }
    private let intervalMs: Int64
    /// In milliseconds of stream time or of uptime; nil: no such time can be told, and it is never due again.
    private var dueMs: Int64?
    private let punctuate: (Timestamp) throws -> Void
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

    /// No call follows this one.
    public func cancel() { isCancelled = true }

    /// Calls back if due; the callback gets `time`, not the time at which it was due.
    /// - Parameter uptime: what a punctuation by the wall clock is due by; nil: the milliseconds of `time`, as of a clock that nobody
    ///   sets.
    /// - Returns: whether it fired.
    public func fireIfDue(at time: Timestamp, uptime: Duration? = nil) throws -> Bool {
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
