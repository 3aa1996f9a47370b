// SaslAuthenticate (36): the tokens of a log-in. A failed one is answered after a delay, and then the connection is
// closed.

internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension SaslAuthenticateRequest: ServedRequest {
    static var mayWait: Bool { true }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<SaslAuthenticateResponse>) {
        service.logIns.take(Array(authBytes.bytes), of: call.connection) { step in
            switch step {
            case .challenge(let bytes):
                call.answer(SaslAuthenticateResponse { $0.authBytes = WireBytes(copying: bytes) })
            case .done(let bytes):
                call.answer(
                    SaslAuthenticateResponse {
                        $0.authBytes = WireBytes(copying: bytes)
                        $0.sessionLifetimeMs = service.options.logInLifetime?.milliseconds ?? 0
                    })
            case .unexpected:
                call.answer(
                    SaslAuthenticateResponse {
                        $0.errorCode = .illegalSaslState
                        $0.errorMessage = "no log-in was begun: send SaslHandshake first"
                    })
            case .failed:
                call.answerLast(
                    SaslAuthenticateResponse {
                        $0.errorCode = .saslAuthenticationFailed
                        $0.errorMessage = "Authentication failed: Invalid username or password"
                    }, reason: "its log-in failed")
            }
        }
    }
}
