// ListGroups (16), versions 0 to 5.
//
//     1     response: `throttleTimeMs`
//     2     as before
//     3     flexible
//     4     only groups in certain states; request: `statesFilter`; response: `groupState`
//     5     only groups of certain types; request: `typesFilter`; response: `groupType`

import MoldauRecords

/// Requests the groups of a broker.
package struct ListGroupsRequest: WireRequest {
    package typealias Response = ListGroupsResponse
    package static let api = ApiKey.listGroups

    package var statesFilter: [String] = []
    package var typesFilter: [String] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("statesFilter", &statesFilter, since: 4)
        try wire("typesFilter", &typesFilter, since: 5)
    }
}

/// The groups of a broker.
package struct ListGroupsResponse: WireMessage {
    package static let api = ApiKey.listGroups

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var groups: [Group] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("errorCode", &errorCode)
        try wire("groups", &groups)
    }
}

extension ListGroupsResponse {
    /// The answer for one group.
    package struct Group: WireFields {
        package var groupID = ""
        package var protocolType = ""
        package var groupState = ""
        package var groupType = ""

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("groupId", &groupID)
            try wire("protocolType", &protocolType)
            try wire("groupState", &groupState, since: 4)
            try wire("groupType", &groupType, since: 5)
        }
    }
}
