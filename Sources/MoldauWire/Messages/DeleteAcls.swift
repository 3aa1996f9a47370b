// DeleteAcls (31), versions 1 to 3.
//
//     2     flexible
//     3     resource type 7: users

import MoldauRecords

/// Deletes access rules.
package struct DeleteAclsRequest: WireRequest {
    package typealias Response = DeleteAclsResponse
    package static let api = ApiKey.deleteAcls

    package var filters: [Filter] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("filters", &filters)
    }
}

extension DeleteAclsRequest {
    /// Which rules to delete.
    package struct Filter: WireFields {
        package var resourceTypeFilter: Int8 = 0
        package var resourceNameFilter: String?
        package var patternTypeFilter: Int8 = 3
        package var principalFilter: String?
        package var hostFilter: String?
        package var operation: Int8 = 0
        package var permissionType: Int8 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("resourceTypeFilter", &resourceTypeFilter)
            try wire("resourceNameFilter", &resourceNameFilter)
            try wire("patternTypeFilter", &patternTypeFilter)
            try wire("principalFilter", &principalFilter)
            try wire("hostFilter", &hostFilter)
            try wire("operation", &operation)
            try wire("permissionType", &permissionType)
        }
    }
}

/// Which rules were deleted.
package struct DeleteAclsResponse: WireMessage {
    package static let api = ApiKey.deleteAcls

    package var throttleTimeMs: Int32 = 0
    package var filterResults: [FilterResult] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("filterResults", &filterResults)
    }
}

extension DeleteAclsResponse {
    /// What one filter found.
    package struct FilterResult: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var matchingAcls: [MatchingRule] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("matchingAcls", &matchingAcls)
        }
    }

    /// A rule that a filter matched.
    package struct MatchingRule: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var patternType: Int8 = 3
        package var principal = ""
        package var host = ""
        package var operation: Int8 = 0
        package var permissionType: Int8 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
            try wire("patternType", &patternType)
            try wire("principal", &principal)
            try wire("host", &host)
            try wire("operation", &operation)
            try wire("permissionType", &permissionType)
        }
    }
}
