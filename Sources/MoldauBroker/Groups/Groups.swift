internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

/// The broker's group coordinator, and the completions that wait for its answers.
final class Groups: Sendable {
    typealias Completion = @Sendable (Result<GroupAnswer, BrokerError>) -> Void

    struct State: Sendable {
        var coordinator: GroupCoordinator
        /// The completions that wait for an answer, by ticket.
        var waiting: [GroupTicket: Completion] = [:]
        var ticketCount = 0
        /// All writes up to this one are durable.
        var durableWrite = 0
        /// When the coordinator is to be woken.
        var timer: (number: Int, time: Duration)?
        /// The bytes written to each partition of the offsets topic since its last snapshot.
        var written: [Int32: Int] = [:]
        /// The partitions of the offsets topic whose records cannot be read: their groups are unknown.
        var unreadable: [Int32: LogError] = [:]
        /// The change count of the topics that the coordinator was last given.
        var topicsSeen: Int?
        /// A write has failed: the coordinator is ahead of what is on disk, and has to be reloaded.
        var isAhead = false
    }

    /// Locked while records are appended, so that memory and topic get them in the same order.
    private let state: Mutex<State>

    init(_ coordinator: GroupCoordinator) { state = Mutex(State(coordinator: coordinator)) }

    /// Runs `body` while nothing else changes any group.
    func inOrder<Result: Sendable, Failure>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try state.withLock { state throws(Failure) in try body(&state) }
    }

    /// Marks a partition of the offsets topic as damaged: its groups are unknown.
    func markUnreadable(_ partition: Int32, _ cause: LogError) { inOrder { $0.unreadable[partition] = cause } }

    /// The damage of a partition of the offsets topic; nil if there is none.
    func damage(of partition: Int32) -> LogError? { inOrder { $0.unreadable[partition] } }
}
