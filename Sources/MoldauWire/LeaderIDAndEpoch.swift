import MoldauRecords

/// The leader of a partition: told to clients that asked another broker, so that they find it without Metadata.
package struct LeaderIDAndEpoch: WireFields {
    package var leaderID: Int32 = -1
    package var leaderEpoch: Int32 = -1

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("leaderId", &leaderID)
        try wire("leaderEpoch", &leaderEpoch)
    }
}
