// FindCoordinator (10), versions 0 to 6.
//
//     1     key type 1: transactional ids; request: `keyType`; response: `throttleTimeMs`, `errorMessage`
//     2     as before
//     3     flexible
//     4     several keys at once; request: `coordinatorKeys`; request without `key`; response: `coordinators`;
//           response without `errorCode`, `errorMessage`, `nodeId`, `host`, `port`
//     5     TRANSACTION_ABORTABLE is known
//     6     key type 2: share groups
//
// Ignored: share groups, which are not supported.

import MoldauRecords

/// Requests the brokers that coordinate groups or transactional ids.
package struct FindCoordinatorRequest: WireRequest {
    package typealias Response = FindCoordinatorResponse
    package static let api = ApiKey.findCoordinator

    package var key = ""
    package var keyType: Int8 = 0
    package var coordinatorKeys: [String] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("key", &key, until: 3)
        try wire("keyType", &keyType, since: 1)
        try wire("coordinatorKeys", &coordinatorKeys, since: 4)
    }
}

/// The brokers that coordinate.
package struct FindCoordinatorResponse: WireMessage {
    package static let api = ApiKey.findCoordinator

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var nodeID: Int32 = 0
    package var host = ""
    package var port: Int32 = 0
    package var coordinators: [Coordinator] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("errorCode", &errorCode, until: 3)
        try wire("errorMessage", &errorMessage, since: 1, until: 3)
        try wire("nodeId", &nodeID, until: 3)
        try wire("host", &host, until: 3)
        try wire("port", &port, until: 3)
        try wire("coordinators", &coordinators, since: 4)
    }
}

extension FindCoordinatorResponse {
    /// A coordinator's address, or why there is none.
    package struct Coordinator: WireFields {
        package var key = ""
        package var nodeID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("key", &key)
            try wire("nodeId", &nodeID)
            try wire("host", &host)
            try wire("port", &port)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
