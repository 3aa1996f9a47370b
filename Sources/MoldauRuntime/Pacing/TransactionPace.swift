/// Limits how much a thread does between two commits, so that its transactions do not outlive their timeout.
///
/// A transaction begins with the first batch that goes to the cluster. If it lasted too long and was aborted, its
/// records are processed again, and the next transaction could last too long in the same way. So those records are
/// processed carefully: in short turns, with nothing sent to the cluster before the commit. A slow record, or a slow
/// asynchronous closure, then runs before the transaction begins, not within it.
struct TransactionPace {
    /// How many records one task may process in a round.
    private(set) var recordsPerTurn: Int

    private let mostPerTurn: Int
    /// Turns get shorter after a round that takes longer than this.
    private let longRound: Duration
    private var lastRound: Duration?
    private var uncommitted = 0
    /// The number of records of an aborted transaction that are not committed again yet.
    private var toRepeat = 0

    /// - Parameter timeout: the transaction timeout; nil if there are no transactions.
    init(recordsPerTurn: Int, timeout: Duration?) {
        (self.recordsPerTurn, mostPerTurn) = (recordsPerTurn, recordsPerTurn)
        longRound = timeout.map { $0 / 8 } ?? .seconds(Int64.max)
    }

    /// Whether nothing is sent to the cluster before a commit, as long as there is room in the batches.
    var isCareful: Bool { toRepeat > 0 }

    /// Called when a round begins.
    mutating func begin(at uptime: Duration) {
        defer { lastRound = uptime }
        guard let lastRound, uptime - lastRound > longRound else { return }
        recordsPerTurn = max(1, recordsPerTurn / 2)
    }

    mutating func did(_ records: Int) { uncommitted += records }

    mutating func committed() {
        toRepeat = max(0, toRepeat - uncommitted)
        uncommitted = 0
        if !isCareful { recordsPerTurn = min(mostPerTurn, recordsPerTurn * 2) }
    }

    /// The transaction was aborted: everything since the last commit will be processed again.
    mutating func lost() {
        toRepeat = max(toRepeat, uncommitted, 1)
        uncommitted = 0
        recordsPerTurn = 1
    }
}
