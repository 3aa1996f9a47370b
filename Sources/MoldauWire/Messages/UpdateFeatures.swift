// UpdateFeatures (57), versions 0 to 1.
//
//     1     kinds of downgrades, and dry runs; request: `upgradeType`, `validateOnly`; request without
//           `allowDowngrade`

import MoldauRecords

/// Sets levels of features.
package struct UpdateFeaturesRequest: WireRequest {
    package typealias Response = UpdateFeaturesResponse
    package static let api = ApiKey.updateFeatures

    package var timeoutMs: Int32 = 60000
    package var featureUpdates: [FeatureUpdate] = []
    package var validateOnly = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("timeoutMs", &timeoutMs)
        try wire("featureUpdates", &featureUpdates)
        try wire("validateOnly", &validateOnly, since: 1)
    }
}

extension UpdateFeaturesRequest {
    /// A feature's new level.
    package struct FeatureUpdate: WireFields {
        package var feature = ""
        package var maxVersionLevel: Int16 = 0
        package var allowDowngrade = false
        package var upgradeType: Int8 = 1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("feature", &feature)
            try wire("maxVersionLevel", &maxVersionLevel)
            try wire("allowDowngrade", &allowDowngrade, until: 0)
            try wire("upgradeType", &upgradeType, since: 1)
        }
    }
}

/// Which levels were set.
package struct UpdateFeaturesResponse: WireMessage {
    package static let api = ApiKey.updateFeatures

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var results: [Result] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("results", &results)
    }
}

extension UpdateFeaturesResponse {
    /// The result for one feature.
    package struct Result: WireFields {
        package var feature = ""
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("feature", &feature)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
