import Synchronization

/// The answer of a stream thread to a task, which waits no longer once it is cancelled.
final class ThreadReply<Answer: Sendable>: Sendable {
    private struct State {
        var waiting: CheckedContinuation<Answer, any Error>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Whether nobody waits any more.
    var isOver: Bool { state.withLock(\.isOver) }

    /// Waits for the answer that `give` gets after `ask` was called; once.
    /// - Throws: what was given; `CancellationError`.
    func get(_ ask: () -> Void) async throws -> Answer {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if !state.isOver { state.waiting = continuation }
                    return state.isOver
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) } else { ask() }
            }
        } onCancel: {
            give(.failure(CancellationError()))
        }
    }

    /// Has the thread do some work, at the start of each round, until that returns something or nobody waits any more.
    /// - Throws: what `work` throws; `ThreadMailboxError`; `CancellationError`.
    func get(
        from mailbox: ThreadMailbox, untilDone work: @escaping @Sendable (ThreadContents) throws -> Answer?
    ) async throws -> Answer {
        try await get {
            mailbox.post(
                untilDone: { contents in
                    if self.isOver { throw CancellationError() }
                    return try work(contents)
                }, completion: give)
        }
    }

    /// The first result counts.
    func give(_ result: Result<Answer, any Error>) {
        let waiting = state.withLock { state in
            defer { state = State(isOver: true) }
            return state.waiting
        }
        waiting?.resume(with: result)
    }
}
