// DescribeClientQuotas (48), versions 0 to 1.
//
//     1     flexible

import MoldauRecords

/// Requests quotas.
package struct DescribeClientQuotasRequest: WireRequest {
    package typealias Response = DescribeClientQuotasResponse
    package static let api = ApiKey.describeClientQuotas

    package var components: [Component] = []
    package var strict = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("components", &components)
        try wire("strict", &strict)
    }
}

extension DescribeClientQuotasRequest {
    /// Which part of an entity to look for.
    package struct Component: WireFields {
        package var entityType = ""
        package var matchType: Int8 = 0
        package var match: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("entityType", &entityType)
            try wire("matchType", &matchType)
            try wire("match", &match)
        }
    }
}

/// Entities and their quotas.
package struct DescribeClientQuotasResponse: WireMessage {
    package static let api = ApiKey.describeClientQuotas

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var entries: [Entry]? = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("entries", &entries)
    }
}

extension DescribeClientQuotasResponse {
    /// An entity and its quotas.
    package struct Entry: WireFields {
        package var entity: [Entity] = []
        package var values: [Value] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("entity", &entity)
            try wire("values", &values)
        }
    }

    /// A part of an entity: a user, a client id or an address.
    package struct Entity: WireFields {
        package var entityType = ""
        package var entityName: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("entityType", &entityType)
            try wire("entityName", &entityName)
        }
    }

    /// A quota.
    package struct Value: WireFields {
        package var key = ""
        package var value: Double = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("key", &key)
            try wire("value", &value)
        }
    }
}
