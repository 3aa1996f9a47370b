internal import MoldauWire

extension ClusterClient {
    /// Sends a request to a coordinator; retries errors that may pass.
    /// - Parameters:
    ///   - time: after this, no attempt begins.
    ///   - pauses: the pauses between attempts.
    ///   - lost: called if it is unknown whether a request has arrived, or will.
    ///   - refusal: the error for the code in a response; nil if the response is accepted.
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
