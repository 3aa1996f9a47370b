// DescribeConfigs (32), versions 0 to 4.
//
//     1     the source of a value, and its synonyms; request: `includeSynonyms`; response: `configSource`,
//           `synonyms`; response without `isDefault`
//     2     as before
//     3     types and documentation; request: `includeDocumentation`; response: `configType`, `documentation`
//     4     flexible

import MoldauRecords

/// Requests the settings of topics, brokers or groups.
package struct DescribeConfigsRequest: WireRequest {
    package typealias Response = DescribeConfigsResponse
    package static let api = ApiKey.describeConfigs

    package var resources: [Resource] = []
    package var includeSynonyms = false
    package var includeDocumentation = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("resources", &resources)
        try wire("includeSynonyms", &includeSynonyms, since: 1)
        try wire("includeDocumentation", &includeDocumentation, since: 3)
    }
}

extension DescribeConfigsRequest {
    /// A resource and which of its settings to return; null for all.
    package struct Resource: WireFields {
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var configurationKeys: [String]? = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
            try wire("configurationKeys", &configurationKeys)
        }
    }
}

/// The settings of topics, brokers or groups.
package struct DescribeConfigsResponse: WireMessage {
    package static let api = ApiKey.describeConfigs

    package var throttleTimeMs: Int32 = 0
    package var results: [Result] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("results", &results)
    }
}

extension DescribeConfigsResponse {
    /// The settings of one resource.
    package struct Result: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var configs: [Setting] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("resourceType", &resourceType)
            try wire("resourceName", &resourceName)
            try wire("configs", &configs)
        }
    }

    /// A setting and where its value comes from.
    package struct Setting: WireFields {
        package var name = ""
        package var value: String?
        package var readOnly = false
        package var isDefault = false
        package var configSource: Int8 = -1
        package var isSensitive = false
        package var synonyms: [Synonym] = []
        package var configType: Int8 = 0
        package var documentation: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("value", &value)
            try wire("readOnly", &readOnly)
            try wire("isDefault", &isDefault, until: 0)
            try wire("configSource", &configSource, since: 1)
            try wire("isSensitive", &isSensitive)
            try wire("synonyms", &synonyms, since: 1)
            try wire("configType", &configType, since: 3)
            try wire("documentation", &documentation, since: 3)
        }
    }

    /// A setting that provides a value for another, and that value.
    package struct Synonym: WireFields {
        package var name = ""
        package var value: String?
        package var source: Int8 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("value", &value)
            try wire("source", &source)
        }
    }
}
