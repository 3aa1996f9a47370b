/// Decides when a thread commits, and which occasional work goes with a commit. Pure: callers pass the time.
struct CommitSchedule {
    /// The number of commits so far.
    private(set) var count: Int64 = 0
    /// Whether a commit is due and waits for deferred work: tasks with such work take no further records.
    private(set) var isAwaited = false

    private let interval: Duration
    /// When the last commit was, or when the first task began.
    private(set) var lastCommit: Duration
    private var writeBehind: Recurrence
    private var purge: Recurrence

    /// How often repartition topics are purged of records that were read.
    private static var purgeInterval: Duration { .seconds(30) }

    init(_ configuration: StreamsConfiguration, now: Duration) {
        (interval, lastCommit) = (configuration.commitInterval, now)
        writeBehind = Recurrence(every: configuration.writeBehindInterval, since: now)
        purge = Recurrence(every: Self.purgeInterval, since: now)
    }

    /// Whether a commit is due: the interval has passed, or a commit is wanted or already awaited. From then on it is
    /// awaited.
    mutating func isDue(at now: Duration, isWanted: @autoclosure () -> Bool) -> Bool {
        isAwaited = isAwaited || now - lastCommit >= interval || isWanted()
        return isAwaited
    }

    /// Makes a commit due, whatever the time.
    mutating func expect() { isAwaited = true }

    /// Whether this commit writes all stores behind; a true answer counts as done.
    mutating func writesBehind(at now: Duration) -> Bool { writeBehind.takesTurn(at: now) }

    /// Whether this commit purges repartition topics; a true answer counts as done.
    mutating func purges(at now: Duration) -> Bool { purge.takesTurn(at: now) }

    /// - Parameter counts: whether there was anything to commit, as far as is known.
    mutating func committed(at now: Duration, counts: Bool = true) {
        (lastCommit, isAwaited) = (now, false)
        if counts { count += 1 }
    }

    /// The work to be committed was discarded with its transaction.
    mutating func cancelled() { isAwaited = false }

    /// The first task takes records from now on: before this there was nothing to commit.
    mutating func begin(at now: Duration) { lastCommit = now }
}
