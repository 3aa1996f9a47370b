// DescribeAcls (29), versions 1 to 3.
//
//     2     flexible
//     3     resource type 7: users

import MoldauRecords

/// Requests access rules.
package struct DescribeAclsRequest: WireRequest {
    package typealias Response = DescribeAclsResponse
    package static let api = ApiKey.describeAcls

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

/// Access rules by resource.
package struct DescribeAclsResponse: WireMessage {
    package static let api = ApiKey.describeAcls

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var resources: [Resource] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("resources", &resources)
    }
}

extension DescribeAclsResponse {
    /// A resource and its rules.
    package struct Resource: WireFields {
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var patternType: Int8 = 3
        package var acls: [Rule] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
            try wire("patternType", &patternType)
            try wire("acls", &acls)
        }
    }

    /// An access rule.
    package struct Rule: WireFields {
        package var principal = ""
        package var host = ""
        package var operation: Int8 = 0
        package var permissionType: Int8 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("principal", &principal)
            try wire("host", &host)
            try wire("operation", &operation)
            try wire("permissionType", &permissionType)
        }
    }
}
