// ListClientMetricsResources (74), version 0.
//
// A broker without such rules answers with an empty list.

import MoldauRecords

/// Requests the rules for client metrics.
package struct ListClientMetricsResourcesRequest: WireRequest {
    package typealias Response = ListClientMetricsResourcesResponse
    package static let api = ApiKey.listClientMetricsResources

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {}
}

/// Rules for client metrics.
package struct ListClientMetricsResourcesResponse: WireMessage {
    package static let api = ApiKey.listClientMetricsResources

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var clientMetricsResources: [ClientMetricsResource] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("clientMetricsResources", &clientMetricsResources)
    }
}

extension ListClientMetricsResourcesResponse {
    /// A rule.
    package struct ClientMetricsResource: WireFields {
        package var name = ""

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
        }
    }
}
