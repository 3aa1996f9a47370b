// Heartbeat (12), versions 0 to 4.
//
//     1     response: `throttleTimeMs`
//     2     as before
//     3     static members; request: `groupInstanceId`
//     4     flexible

import MoldauRecords

/// Keeps the membership in a group alive.
package struct HeartbeatRequest: WireRequest {
    package typealias Response = HeartbeatResponse
    package static let api = ApiKey.heartbeat

    package var groupID = ""
    package var generationID: Int32 = 0
    package var memberID = ""
    package var groupInstanceID: String?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID)
        try wire("generationId", &generationID)
        try wire("memberId", &memberID)
        try wire("groupInstanceId", &groupInstanceID, since: 3)
    }
}

/// Whether the member may continue or must rejoin.
package struct HeartbeatResponse: WireMessage {
    package static let api = ApiKey.heartbeat

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("errorCode", &errorCode)
    }
}
