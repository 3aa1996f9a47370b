/// How much a thread does between two commits, so that its transactions do not grow older than their timeout.
///
/// A transaction begins with the first batch that goes to the cluster. Where it grew too old and was aborted, its records come again, and
/// would make the next one too old in the same way. So they are done carefully: in short turns, and nothing goes to the cluster before the
/// commit that ends it. A slow record, or a slow asynchronous closure, then falls before the transaction and not into it.
struct TransactionPace {
    /// What one task may do in a round.
    private(set) var recordsPerTurn: Int

    private let mostPerTurn: Int
    /// A round that takes longer was too much.
    private let longRound: Duration
    private var lastRound: Duration?
    private var uncommitted = 0
    /// Records of an aborted transaction that are not committed yet.
    private var toRepeat = 0

    /// - Parameter timeout: of transactions; nil: there are none.
    init(recordsPerTurn: Int, timeout: Duration?) {
        (self.recordsPerTurn, mostPerTurn) = (recordsPerTurn, recordsPerTurn)
        longRound = timeout.map { $0 / 8 } ?? .seconds(Int64.max)
    }

    /// Whether nothing is to go to the cluster before a commit, as far as there is room for it.
    var isCareful: Bool { toRepeat > 0 }

    /// A round begins.
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

    /// The transaction was aborted: all that was done since the last commit is to be done again.
    mutating func lost() {
        toRepeat = max(toRepeat, uncommitted, 1)
        uncommitted = 0
        recordsPerTurn = 1
    }
}
