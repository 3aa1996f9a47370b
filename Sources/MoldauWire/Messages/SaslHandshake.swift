// SaslHandshake (17), versions 0 to 1.
//
//     1     the log-in continues in SaslAuthenticate; after version 0, it continues without frames of Kafka's

import MoldauRecords

/// Chooses the log-in mechanism.
package struct SaslHandshakeRequest: WireRequest {
    package typealias Response = SaslHandshakeResponse
    package static let api = ApiKey.saslHandshake

    package var mechanism = ""

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("mechanism", &mechanism)
    }
}

/// The available mechanisms.
package struct SaslHandshakeResponse: WireMessage {
    package static let api = ApiKey.saslHandshake

    package var errorCode: ErrorCode = .none
    package var mechanisms: [String] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("errorCode", &errorCode)
        try wire("mechanisms", &mechanisms)
    }
}
