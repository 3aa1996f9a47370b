// SaslHandshake (17): chooses the log-in mechanism. After version 0 tokens follow as frames of their own.

internal import MoldauLog
internal import MoldauWire
internal import Synchronization

extension SaslHandshakeRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<SaslHandshakeResponse>) {
        let (code, mechanisms) = call.connection.authentication.withLock { log in
            (ErrorCode(rawValue: log.choose(mechanism, tokensAreFrames: call.version == 0)), log.mechanisms.map(\.name))
        }
        let response = SaslHandshakeResponse {
            $0.errorCode = code
            $0.mechanisms = mechanisms
        }
        if code == .unsupportedSaslMechanism {
            call.answerLast(response, reason: "it wants to log in with a mechanism other than \(mechanisms)")
        } else {
            call.answer(response)
        }
    }
}
