// ListOffsets (2), versions 0 to 10.
//
//     1     one offset instead of up to `maxNumOffsets`; request without `maxNumOffsets`; response: `timestamp`,
//           `offset`; response without `oldStyleOffsets`
//     2     request: `isolationLevel`; response: `throttleTimeMs`
//     3     as before
//     4     request: `currentLeaderEpoch`; response: `leaderEpoch`
//     5     OFFSET_NOT_AVAILABLE is known
//     6     flexible
//     7     timestamp −3: the record with the latest timestamp
//     8     timestamp −4: the first offset on local disks
//     9     timestamp −5: the last offset on other storage
//     10    request: `timeoutMs`
//
// Ignored: `replicaId` and `timeoutMs`, since there are no followers, and nothing is kept on other storage.

import MoldauRecords

/// Requests the offset at a time, or the first or last offset, of partitions.
package struct ListOffsetsRequest: WireRequest {
    package typealias Response = ListOffsetsResponse
    package static let api = ApiKey.listOffsets

    package var replicaID: Int32 = 0
    package var isolationLevel: Int8 = 0
    package var topics: [Topic] = []
    package var timeoutMs: Int32 = 0

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("replicaId", &replicaID)
        try wire("isolationLevel", &isolationLevel, since: 2)
        try wire("topics", &topics)
        try wire("timeoutMs", &timeoutMs, since: 10)
    }
}

extension ListOffsetsRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitions", &partitions)
        }
    }

    /// The part of the request for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var timestamp: Int64 = 0
        package var maxNumOffsets: Int32 = 1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("currentLeaderEpoch", &currentLeaderEpoch, since: 4)
            try wire("timestamp", &timestamp)
            try wire("maxNumOffsets", &maxNumOffsets, until: 0)
        }
    }
}

/// Offsets of partitions.
package struct ListOffsetsResponse: WireMessage {
    package static let api = ApiKey.listOffsets

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 2)
        try wire("topics", &topics)
    }
}

extension ListOffsetsResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitions", &partitions)
        }
    }

    /// The answer for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var errorCode: ErrorCode = .none
        package var oldStyleOffsets: [Offset] = []
        package var timestamp: Int64 = -1
        package var offset = Offset(-1)
        package var leaderEpoch: Int32 = -1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("errorCode", &errorCode)
            try wire("oldStyleOffsets", &oldStyleOffsets, until: 0)
            try wire("timestamp", &timestamp, since: 1)
            try wire("offset", &offset, since: 1)
            try wire("leaderEpoch", &leaderEpoch, since: 4)
        }
    }
}
