// DescribeCluster (60), versions 0 to 1.
//
//     1     controllers can be requested; both: `endpointType`

import MoldauRecords

/// Requests the brokers or controllers of the cluster.
package struct DescribeClusterRequest: WireRequest {
    package typealias Response = DescribeClusterResponse
    package static let api = ApiKey.describeCluster

    package var includeClusterAuthorizedOperations = false
    package var endpointType: Int8 = 1

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("includeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        try wire("endpointType", &endpointType, since: 1)
    }
}

/// The brokers or controllers of the cluster.
package struct DescribeClusterResponse: WireMessage {
    package static let api = ApiKey.describeCluster

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var endpointType: Int8 = 1
    package var clusterID = ""
    package var controllerID: Int32 = -1
    package var brokers: [Broker] = []
    package var clusterAuthorizedOperations: Int32 = .min

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("endpointType", &endpointType, since: 1)
        try wire("clusterId", &clusterID)
        try wire("controllerId", &controllerID)
        try wire("brokers", &brokers)
        try wire("clusterAuthorizedOperations", &clusterAuthorizedOperations)
    }
}

extension DescribeClusterResponse {
    /// A broker and its address.
    package struct Broker: WireFields {
        package var brokerID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var rack: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("brokerId", &brokerID)
            try wire("host", &host)
            try wire("port", &port)
            try wire("rack", &rack)
        }
    }
}
