// OffsetForLeaderEpoch (23), versions 2 to 4.
//
//     3     request: `replicaId`
//     4     flexible
//
// Ignored: `replicaId`, since there are no followers.

import MoldauRecords

/// Requests the end offset of a leader epoch.
package struct OffsetForLeaderEpochRequest: WireRequest {
    package typealias Response = OffsetForLeaderEpochResponse
    package static let api = ApiKey.offsetForLeaderEpoch

    package var replicaID: Int32 = -2
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("replicaId", &replicaID, since: 3)
        try wire("topics", &topics)
    }
}

extension OffsetForLeaderEpochRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var topic = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitions", &partitions)
        }
    }

    /// The part of the request for one partition.
    package struct Partition: WireFields {
        package var partition: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var leaderEpoch: Int32 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partition", &partition)
            try wire("currentLeaderEpoch", &currentLeaderEpoch)
            try wire("leaderEpoch", &leaderEpoch)
        }
    }
}

/// Where leader epochs end.
package struct OffsetForLeaderEpochResponse: WireMessage {
    package static let api = ApiKey.offsetForLeaderEpoch

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("topics", &topics)
    }
}

extension OffsetForLeaderEpochResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var topic = ""
        package var partitions: [EpochEndOffset] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitions", &partitions)
        }
    }

    /// Where one partition's epoch ends.
    package struct EpochEndOffset: WireFields {
        package var errorCode: ErrorCode = .none
        package var partition: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var endOffset = Offset(-1)

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("partition", &partition)
            try wire("leaderEpoch", &leaderEpoch)
            try wire("endOffset", &endOffset)
        }
    }
}
