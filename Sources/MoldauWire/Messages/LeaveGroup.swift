// LeaveGroup (13), versions 0 to 5.
//
//     1     response: `throttleTimeMs`
//     2     as before
//     3     several members at once, also by instance id; both: `members`; request without `memberId`
//     4     flexible
//     5     request: `reason`

import MoldauRecords

/// Leaves a group.
package struct LeaveGroupRequest: WireRequest {
    package typealias Response = LeaveGroupResponse
    package static let api = ApiKey.leaveGroup

    package var groupID = ""
    package var memberID = ""
    package var members: [MemberIdentity] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID)
        try wire("memberId", &memberID, until: 2)
        try wire("members", &members, since: 3)
    }
}

extension LeaveGroupRequest {
    /// A member that leaves.
    package struct MemberIdentity: WireFields {
        package var memberID = ""
        package var groupInstanceID: String?
        package var reason: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("memberId", &memberID)
            try wire("groupInstanceId", &groupInstanceID)
            try wire("reason", &reason, since: 5)
        }
    }
}

/// The members that have left.
package struct LeaveGroupResponse: WireMessage {
    package static let api = ApiKey.leaveGroup

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var members: [MemberResponse] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("errorCode", &errorCode)
        try wire("members", &members, since: 3)
    }
}

extension LeaveGroupResponse {
    /// Whether a member has left.
    package struct MemberResponse: WireFields {
        package var memberID = ""
        package var groupInstanceID: String?
        package var errorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("memberId", &memberID)
            try wire("groupInstanceId", &groupInstanceID)
            try wire("errorCode", &errorCode)
        }
    }
}
