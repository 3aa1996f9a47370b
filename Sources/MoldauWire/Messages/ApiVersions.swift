// ApiVersions (18), versions 0 to 4.
//
//     1     response: `throttleTimeMs`
//     2     as before
//     3     flexible; request: `clientSoftwareName`, `clientSoftwareVersion`; response: `supportedFeatures`,
//           `finalizedFeaturesEpoch`, `finalizedFeatures`, `zkMigrationReady`
//     4     a feature's lowest version may be 0
//
// The header of the answer is that of version 0 in every version: the client cannot know yet what the broker knows.
// A version that the broker lacks is answered in version 0, with UNSUPPORTED_VERSION.

import MoldauRecords

/// Requests the APIs and versions of a broker.
package struct ApiVersionsRequest: WireRequest {
    package typealias Response = ApiVersionsResponse
    package static let api = ApiKey.apiVersions

    package var clientSoftwareName = ""
    package var clientSoftwareVersion = ""

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("clientSoftwareName", &clientSoftwareName, since: 3)
        try wire("clientSoftwareVersion", &clientSoftwareVersion, since: 3)
    }
}

/// The APIs and versions of a broker.
package struct ApiVersionsResponse: WireMessage {
    package static let api = ApiKey.apiVersions

    package var errorCode: ErrorCode = .none
    package var apiKeys: [ApiVersion] = []
    package var throttleTimeMs: Int32 = 0
    package var supportedFeatures: [SupportedFeatureKey] = []
    package var finalizedFeaturesEpoch: Int64 = -1
    package var finalizedFeatures: [FinalizedFeatureKey] = []
    package var zkMigrationReady = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("errorCode", &errorCode)
        try wire("apiKeys", &apiKeys)
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
    }

    package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
        try wire.tag(0, "supportedFeatures", &supportedFeatures)
        try wire.tag(1, "finalizedFeaturesEpoch", &finalizedFeaturesEpoch, default: -1)
        try wire.tag(2, "finalizedFeatures", &finalizedFeatures)
        try wire.tag(3, "zkMigrationReady", &zkMigrationReady)
    }
}

extension ApiVersionsResponse {
    /// An API and its versions.
    package struct ApiVersion: WireFields {
        package var apiKey: Int16 = 0
        package var minVersion: Int16 = 0
        package var maxVersion: Int16 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("apiKey", &apiKey)
            try wire("minVersion", &minVersion)
            try wire("maxVersion", &maxVersion)
        }
    }

    /// A feature of the cluster and the levels that the broker knows.
    package struct SupportedFeatureKey: WireFields {
        package var name = ""
        package var minVersion: Int16 = 0
        package var maxVersion: Int16 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("minVersion", &minVersion)
            try wire("maxVersion", &maxVersion)
        }
    }

    /// A feature of the cluster and the levels in force.
    package struct FinalizedFeatureKey: WireFields {
        package var name = ""
        package var maxVersionLevel: Int16 = 0
        package var minVersionLevel: Int16 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("maxVersionLevel", &maxVersionLevel)
            try wire("minVersionLevel", &minVersionLevel)
        }
    }
}
