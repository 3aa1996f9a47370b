import MoldauRecords

/// The address of a broker that leads partitions of an answer.
package struct NodeEndpoint: WireFields {
    package var nodeID: Int32 = 0
    package var host = ""
    package var port: Int32 = 0
    package var rack: String?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("nodeId", &nodeID)
        try wire("host", &host)
        try wire("port", &port)
        try wire("rack", &rack)
    }
}
