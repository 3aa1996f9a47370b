// SaslAuthenticate (36), versions 0 to 2.
//
//     1     how long the log-in is valid; response: `sessionLifetimeMs`
//     2     flexible

import MoldauRecords

/// Continues a log-in.
package struct SaslAuthenticateRequest: WireRequest {
    package typealias Response = SaslAuthenticateResponse
    package static let api = ApiKey.saslAuthenticate

    package var authBytes = WireBytes()

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("authBytes", &authBytes)
    }
}

/// Continues a log-in, or ends it.
package struct SaslAuthenticateResponse: WireMessage {
    package static let api = ApiKey.saslAuthenticate

    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var authBytes = WireBytes()
    package var sessionLifetimeMs: Int64 = 0

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("authBytes", &authBytes)
        try wire("sessionLifetimeMs", &sessionLifetimeMs, since: 1)
    }
}
