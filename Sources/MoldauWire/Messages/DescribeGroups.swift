// DescribeGroups (15), versions 0 to 5.
//
//     1     response: `throttleTimeMs`
//     2     as before
//     3     what the client may do; request: `includeAuthorizedOperations`; response: `authorizedOperations`
//     4     static members; response: `groupInstanceId`
//     5     flexible

import MoldauRecords

/// Requests the state and the members of groups.
package struct DescribeGroupsRequest: WireRequest {
    package typealias Response = DescribeGroupsResponse
    package static let api = ApiKey.describeGroups

    package var groups: [String] = []
    package var includeAuthorizedOperations = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groups", &groups)
        try wire("includeAuthorizedOperations", &includeAuthorizedOperations, since: 3)
    }
}

/// The state and the members of groups.
package struct DescribeGroupsResponse: WireMessage {
    package static let api = ApiKey.describeGroups

    package var throttleTimeMs: Int32 = 0
    package var groups: [Group] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("groups", &groups)
    }
}

extension DescribeGroupsResponse {
    /// The answer for one group.
    package struct Group: WireFields {
        package var errorCode: ErrorCode = .none
        package var groupID = ""
        package var groupState = ""
        package var protocolType = ""
        package var protocolData = ""
        package var members: [Member] = []
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("groupId", &groupID)
            try wire("groupState", &groupState)
            try wire("protocolType", &protocolType)
            try wire("protocolData", &protocolData)
            try wire("members", &members)
            try wire("authorizedOperations", &authorizedOperations, since: 3)
        }
    }

    /// A member of a group.
    package struct Member: WireFields {
        package var memberID = ""
        package var groupInstanceID: String?
        package var clientID = ""
        package var clientHost = ""
        package var memberMetadata = WireBytes()
        package var memberAssignment = WireBytes()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("memberId", &memberID)
            try wire("groupInstanceId", &groupInstanceID, since: 4)
            try wire("clientId", &clientID)
            try wire("clientHost", &clientHost)
            try wire("memberMetadata", &memberMetadata)
            try wire("memberAssignment", &memberAssignment)
        }
    }
}
