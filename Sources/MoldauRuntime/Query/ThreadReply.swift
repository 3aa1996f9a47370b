import Synchronization

/// A stream thread's answer to a task; the wait ends if the task is cancelled.
final class ThreadReply<Answer: Sendable>: Sendable {
    private struct State {
        var waiting: CheckedContinuation<Answer, any Error>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Whether the caller no longer waits.
    var isOver: Bool { state.withLock(\.isOver) }

    /// Waits for the answer that `give` gets after `ask` was called; may be called once.
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

    /// Makes the thread do some work at the start of each round, until that returns a value or the caller no longer
    /// waits.
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

    /// Only the first result counts.
    func give(_ result: Result<Answer, any Error>) {
        let waiting = state.withLock { state in
            defer { state = State(isOver: true) }
            return state.waiting
        }
        waiting?.resume(with: result)
    }
}
