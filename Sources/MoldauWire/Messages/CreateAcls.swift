// CreateAcls (30), versions 1 to 3.
//
//     2     flexible
//     3     resource type 7: users

import MoldauRecords

/// Adds access rules.
package struct CreateAclsRequest: WireRequest {
    package typealias Response = CreateAclsResponse
    package static let api = ApiKey.createAcls

    package var creations: [Rule] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("creations", &creations)
    }
}

extension CreateAclsRequest {
    /// An access rule.
    package struct Rule: WireFields {
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var resourcePatternType: Int8 = 3
        package var principal = ""
        package var host = ""
        package var operation: Int8 = 0
        package var permissionType: Int8 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
            try wire("resourcePatternType", &resourcePatternType)
            try wire("principal", &principal)
            try wire("host", &host)
            try wire("operation", &operation)
            try wire("permissionType", &permissionType)
        }
    }
}

/// Which rules were added.
package struct CreateAclsResponse: WireMessage {
    package static let api = ApiKey.createAcls

    package var throttleTimeMs: Int32 = 0
    package var results: [Result] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("results", &results)
    }
}

extension CreateAclsResponse {
    /// Whether one rule was added.
    package struct Result: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
