// AlterConfigs (33), versions 0 to 2.
//
//     1     as before
//     2     flexible

import MoldauRecords

/// Replaces all settings of topics or brokers.
package struct AlterConfigsRequest: WireRequest {
    package typealias Response = AlterConfigsResponse
    package static let api = ApiKey.alterConfigs

    package var resources: [Resource] = []
    package var validateOnly = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("resources", &resources)
        try wire("validateOnly", &validateOnly)
    }
}

extension AlterConfigsRequest {
    /// A resource and its new settings.
    package struct Resource: WireFields {
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var configs: [Setting] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
            try wire("configs", &configs)
        }
    }

    /// A setting and its value.
    package struct Setting: WireFields {
        package var name = ""
        package var value: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("value", &value)
        }
    }
}

/// Which settings were replaced.
package struct AlterConfigsResponse: WireMessage {
    package static let api = ApiKey.alterConfigs

    package var throttleTimeMs: Int32 = 0
    package var responses: [Resource] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("responses", &responses)
    }
}

extension AlterConfigsResponse {
    /// Whether the settings of one resource were replaced.
    package struct Resource: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var resourceType: Int8 = 0
        package var resourceName = ""

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
        }
    }
}
