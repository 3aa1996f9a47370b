internal import MoldauWire

extension ClusterClient {
    /// Asks a coordinator, again and again while that may help.
    /// - Parameters:
    ///   - time: after that, nothing is asked again.
    ///   - pauses: those between two questions.
    ///   - lost: called if it is not known whether a question has arrived, or will.
    ///   - refusal: the error that the code of an answer means; nil if the answer is taken.
    /// - Throws: `ClientError`; `CancellationError`.
    @discardableResult
    func ask<Request: WireRequest>(
        _ request: Request, coordinatorOf key: CoordinatorKey, _ purpose: Purpose = .coordination,
        maxVersion: Int16 = .max, timeout: Duration? = nil, within time: Duration, pauses: Backoff,
        lost: () -> Void = {}, code: (Request.Response) -> ErrorCode,
        refusal: (ErrorCode) -> ClientError?
    ) async throws -> Request.Response {
        let end = world.now + time
        var pauses = pauses
        while true {
            let error: ClientError
            do {
                let response = try await answer { answer in
                    send(request, toCoordinatorOf: key, purpose, maxVersion: maxVersion, timeout: timeout, then: answer)
                }
                let code = code(response)
                if code.asksForCoordinator { forgetCoordinator(key) }
                guard let refused = refusal(code) else { return response }
                error = refused
            } catch let failure as ClientError {
                error = failure
                if case .disconnected = failure { lost() }
            }
            guard error.isRetriable, world.now < end else { throw error }
            try await world.sleep(pauses.pause(chance: world.chance()))
        }
    }
}
