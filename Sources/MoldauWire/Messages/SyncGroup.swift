// SyncGroup (14), versions 0 to 5.
//
//     1     response: `throttleTimeMs`
//     2     as before
//     3     static members; request: `groupInstanceId`
//     4     flexible
//     5     both: `protocolType`, `protocolName`

import MoldauRecords

/// Sends the leader's assignment, or requests the member's.
package struct SyncGroupRequest: WireRequest {
    package typealias Response = SyncGroupResponse
    package static let api = ApiKey.syncGroup

    package var groupID = ""
    package var generationID: Int32 = 0
    package var memberID = ""
    package var groupInstanceID: String?
    package var protocolType: String?
    package var protocolName: String?
    package var assignments: [Assignment] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID)
        try wire("generationId", &generationID)
        try wire("memberId", &memberID)
        try wire("groupInstanceId", &groupInstanceID, since: 3)
        try wire("protocolType", &protocolType, since: 5)
        try wire("protocolName", &protocolName, since: 5)
        try wire("assignments", &assignments)
    }
}

extension SyncGroupRequest {
    /// The assignment of one member.
    package struct Assignment: WireFields {
        package var memberID = ""
        package var assignment = WireBytes()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("memberId", &memberID)
            try wire("assignment", &assignment)
        }
    }
}

/// The member's assignment.
package struct SyncGroupResponse: WireMessage {
    package static let api = ApiKey.syncGroup

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var protocolType: String?
    package var protocolName: String?
    package var assignment = WireBytes()

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("errorCode", &errorCode)
        try wire("protocolType", &protocolType, since: 5)
        try wire("protocolName", &protocolName, since: 5)
        try wire("assignment", &assignment)
    }
}
