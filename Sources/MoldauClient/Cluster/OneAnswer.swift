internal import Synchronization

/// Passes the result of a callback to a task that waits for it. The wait ends if the task is cancelled.
final class OneAnswer<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Value, any Error>)
        case done(Result<Value, any Error>)
        case over
    }

    private let state = Mutex(State.new)

    /// Only the first result counts.
    /// - Returns: whether this was the first.
    @discardableResult func give(_ result: Result<Value, any Error>) -> Bool {
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
    func get() async throws -> Value {
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

extension ClientWorld {
    /// Sleeps; throws `CancellationError` if the task is cancelled.
    func sleep(_ time: Duration) async throws {
        let over = OneAnswer<Void>()
        perform(after: time) { over.give(.success(())) }
        try await over.get()
    }
}

/// Waits for the result with which `begin` calls back; throws `CancellationError` if the task is cancelled.
func answer<Value: Sendable>(
    of begin: (@escaping @Sendable (Result<Value, ClientError>) -> Void) -> Void
) async throws -> Value {
    let once = OneAnswer<Value>()
    begin { once.give($0.mapError { $0 }) }
    return try await once.get()
}
