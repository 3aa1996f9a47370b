/// When a thread commits, and what it does with a commit once in a while. Pure: it is told the time.
struct CommitSchedule {
    /// How many commits there were.
    private(set) var count: Int64 = 0
    /// Whether a commit is due and waits for deferred work: tasks with such work take no further records.
    private(set) var isAwaited = false

    private let interval: Duration
    private var last: Duration
    private var writeBehind: Recurrence
    private var purge: Recurrence

    /// Repartition topics are purged of what was read, this often.
    private static var purgeInterval: Duration { .seconds(30) }

    init(_ configuration: StreamsConfiguration, now: Duration) {
        (interval, last) = (configuration.commitInterval, now)
        writeBehind = Recurrence(every: configuration.writeBehindInterval, since: now)
        purge = Recurrence(every: Self.purgeInterval, since: now)
    }

    /// Whether a commit is due: it is time, or somebody wants it, or it is awaited already. From then on it is awaited.
    mutating func isDue(at now: Duration, isWanted: @autoclosure () -> Bool) -> Bool {
        isAwaited = isAwaited || now - last >= interval || isWanted()
        return isAwaited
    }

    /// A commit is due, whatever the time.
    mutating func expect() { isAwaited = true }

    /// Whether this commit writes all stores behind; then it is taken for done.
    mutating func writesBehind(at now: Duration) -> Bool { writeBehind.takesTurn(at: now) }

    /// Whether repartition topics are purged now; then it is taken for done.
    mutating func purges(at now: Duration) -> Bool { purge.takesTurn(at: now) }

    mutating func committed(at now: Duration) {
        (last, isAwaited) = (now, false)
        count += 1
    }

    /// What was to be committed is gone with its transaction.
    mutating func cancelled() { isAwaited = false }

    /// The first task takes records from now on: there was nothing to commit before.
    mutating func begin(at now: Duration) { last = now }
}
