internal import MoldauRecords

extension ClientWorld {
    /// Waits; throws `CancellationError` once the task is cancelled.
    func sleep(_ time: Duration) async throws {
        let over = OneAnswer<Void>()
        perform(after: time) { over.give(.success(())) }
        try await over.get()
    }
}

/// Waits for what `begin` calls back with; throws `CancellationError` once the task is cancelled.
func answer<Value: Sendable>(
    of begin: (@escaping @Sendable (Result<Value, ClientError>) -> Void) -> Void
) async throws -> Value {
    let once = OneAnswer<Value>()
    begin { once.give($0.mapError { $0 }) }
    return try await once.get()
}
