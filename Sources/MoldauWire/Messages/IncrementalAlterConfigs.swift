// IncrementalAlterConfigs (44), versions 0 to 1.
//
//     1     flexible

import MoldauRecords

/// Changes some settings of topics, brokers or groups.
package struct IncrementalAlterConfigsRequest: WireRequest {
    package typealias Response = IncrementalAlterConfigsResponse
    package static let api = ApiKey.incrementalAlterConfigs

    package var resources: [Resource] = []
    package var validateOnly = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("resources", &resources)
        try wire("validateOnly", &validateOnly)
    }
}

extension IncrementalAlterConfigsRequest {
    /// A resource and the changes to its settings.
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

    /// A change of one setting: 0 set, 1 delete, 2 append, 3 remove from its list.
    package struct Setting: WireFields {
        package var name = ""
        package var configOperation: Int8 = 0
        package var value: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("configOperation", &configOperation)
            try wire("value", &value)
        }
    }
}

/// Which settings were changed.
package struct IncrementalAlterConfigsResponse: WireMessage {
    package static let api = ApiKey.incrementalAlterConfigs

    package var throttleTimeMs: Int32 = 0
    package var responses: [Resource] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("responses", &responses)
    }
}

extension IncrementalAlterConfigsResponse {
    /// Whether the settings of one resource were changed.
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
