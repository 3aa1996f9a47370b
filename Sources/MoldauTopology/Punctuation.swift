import MoldauRecords

/// What a punctuation goes by.
public enum PunctuationClock: Sendable {
    /// The task's stream time: due first when it is known, then at multiples of the interval counted from 0.
    case streamTime
    /// The wall clock: due first one interval after it was scheduled.
    case wallClock
}

/// A punctuation that was scheduled. Fires at most once per check, however many intervals went by (semantics of Kafka Streams'
/// `PunctuationSchedule`).
public final class Schedule {
    public let clock: PunctuationClock
    /// The time between two calls.
    public var interval: Duration { .milliseconds(intervalMs) }
    private let intervalMs: Int64
    /// nil: no time that is left would be due.
    private var due: Timestamp?
    private let punctuate: (Timestamp) throws -> Void
    public private(set) var isCancelled = false

    init(
        clock: PunctuationClock, interval: Duration, scheduledAt now: Timestamp,
        punctuate: @escaping (Timestamp) throws -> Void
    ) {
        self.clock = clock
        intervalMs = interval.milliseconds
        due = clock == .streamTime ? Timestamp(ms: 0) : now + interval
        self.punctuate = punctuate
    }

    /// No call follows this one.
    public func cancel() { isCancelled = true }

    /// Calls back if due; the callback gets `time`, not the time at which it was due.
    /// - Returns: whether it fired.
    public func fireIfDue(at time: Timestamp) throws -> Bool {
        guard !isCancelled, let due, time >= due, time != .none else { return false }
        let missed = time.ms.subtractingCapped(due.ms) / intervalMs
        let next = due.adding(ms: missed.addingCapped(1).multipliedCapped(by: intervalMs))
        self.due = next > time ? next : nil
        try punctuate(time)
        return true
    }
}
