// DeleteGroups (42), versions 0 to 2.
//
//     1     as before
//     2     flexible

import MoldauRecords

/// Deletes groups.
package struct DeleteGroupsRequest: WireRequest {
    package typealias Response = DeleteGroupsResponse
    package static let api = ApiKey.deleteGroups

    package var groupsNames: [String] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupsNames", &groupsNames)
    }
}

/// Which groups were deleted.
package struct DeleteGroupsResponse: WireMessage {
    package static let api = ApiKey.deleteGroups

    package var throttleTimeMs: Int32 = 0
    package var results: [Result] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("results", &results)
    }
}

extension DeleteGroupsResponse {
    /// The result for one group.
    package struct Result: WireFields {
        package var groupID = ""
        package var errorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("groupId", &groupID)
            try wire("errorCode", &errorCode)
        }
    }
}
