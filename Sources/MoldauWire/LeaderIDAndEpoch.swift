import MoldauRecords

/// The leader of a partition: for clients that sent a request to another broker, so that they need no Metadata.
package struct LeaderIDAndEpoch: WireFields {
    package var leaderID: Int32 = -1
    package var leaderEpoch: Int32 = -1

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("leaderId", &leaderID)
        try wire("leaderEpoch", &leaderEpoch)
    }
}
