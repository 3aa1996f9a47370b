// JoinGroup (11), versions 0 to 9.
//
//     1     a rebalance timeout apart from the session timeout; request: `rebalanceTimeoutMs`
//     2     response: `throttleTimeMs`
//     3     as before
//     4     a first join is answered with MEMBER_ID_REQUIRED and an id
//     5     static members; both: `groupInstanceId`
//     6     flexible
//     7     response: `protocolType`; `protocolName` may be null
//     8     request: `reason`
//     9     the answer can let a leader skip the assignment; response: `skipAssignment`

import MoldauRecords

/// Joins a group of the classic protocol, or stays in it through a rebalance.
package struct JoinGroupRequest: WireRequest {
    package typealias Response = JoinGroupResponse
    package static let api = ApiKey.joinGroup

    package var groupID = ""
    package var sessionTimeoutMs: Int32 = 0
    package var rebalanceTimeoutMs: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    package var protocolType = ""
    package var protocols: [GroupProtocol] = []
    package var reason: String?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID)
        try wire("sessionTimeoutMs", &sessionTimeoutMs)
        try wire("rebalanceTimeoutMs", &rebalanceTimeoutMs, since: 1)
        try wire("memberId", &memberID)
        try wire("groupInstanceId", &groupInstanceID, since: 5)
        try wire("protocolType", &protocolType)
        try wire("protocols", &protocols)
        try wire("reason", &reason, since: 8)
    }
}

extension JoinGroupRequest {
    /// An assignor that the member supports, with the member's metadata for it.
    package struct GroupProtocol: WireFields {
        package var name = ""
        package var metadata = WireBytes()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("metadata", &metadata)
        }
    }
}

/// The new generation; its members, if the reader leads it.
package struct JoinGroupResponse: WireMessage {
    package static let api = ApiKey.joinGroup

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var generationID: Int32 = -1
    package var protocolType: String?
    package var protocolName: String?
    package var leader = ""
    package var skipAssignment = false
    package var memberID = ""
    package var members: [Member] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 2)
        try wire("errorCode", &errorCode)
        try wire("generationId", &generationID)
        try wire("protocolType", &protocolType, since: 7)
        try wire("protocolName", &protocolName, nullSince: 7)
        try wire("leader", &leader)
        try wire("skipAssignment", &skipAssignment, since: 9)
        try wire("memberId", &memberID)
        try wire("members", &members)
    }
}

extension JoinGroupResponse {
    /// A member, with its metadata for the assignor.
    package struct Member: WireFields {
        package var memberID = ""
        package var groupInstanceID: String?
        package var metadata = WireBytes()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("memberId", &memberID)
            try wire("groupInstanceId", &groupInstanceID, since: 5)
            try wire("metadata", &metadata)
        }
    }
}
