import Synchronization

/// Passes the result of a callback to a task that waits for it. The wait ends if the task is cancelled.
package final class OneAnswer<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Value, any Error>)
        case done(Result<Value, any Error>)
        case over
    }

    private let state = Mutex(State.new)

    package init() {}

    /// Whether a result was given or the waiting task was cancelled.
    package var isOver: Bool {
        state.withLock { state in
            switch state {
            case .new, .waiting: false
            case .done, .over: true
            }
        }
    }

    /// Gives the result; only the first one counts.
    /// - Returns: whether this was the first.
    @discardableResult
    package func give(_ result: Result<Value, any Error>) -> Bool {
        let (isFirst, waiting) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .new:
                state = .done(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .over
                return (true, continuation)
            case .done, .over: return (false, nil)
            }
        }
        waiting?.resume(with: result)
        return isFirst
    }

    /// Waits for the result; may be called once.
    package func get() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early = state.withLock { state -> Result<Value, any Error>? in
                    if case .done(let result) = state {
                        state = .over
                        return result
                    }
                    state = .waiting(continuation)
                    return nil
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            give(.failure(CancellationError()))
        }
    }
}
