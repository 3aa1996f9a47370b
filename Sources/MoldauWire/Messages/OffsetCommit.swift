// OffsetCommit (8), versions 1 to 9.
//
//     2     request: `retentionTimeMs`; request without `commitTimestamp`
//     3     response: `throttleTimeMs`
//     4     as before
//     5     request without `retentionTimeMs`
//     6     request: `committedLeaderEpoch`
//     7     request: `groupInstanceId`
//     8     flexible
//     9     members of the consumer protocol: `generationIdOrMemberEpoch` is their epoch; STALE_MEMBER_EPOCH
//
// Ignored: `commitTimestamp` and `retentionTimeMs`, since a group's offsets expire by the broker's setting.

import MoldauRecords

/// Commits positions of a group.
package struct OffsetCommitRequest: WireRequest {
    package typealias Response = OffsetCommitResponse
    package static let api = ApiKey.offsetCommit

    package var groupID = ""
    package var generationIDOrMemberEpoch: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    package var retentionTimeMs: Int64 = -1
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID)
        try wire("generationIdOrMemberEpoch", &generationIDOrMemberEpoch)
        try wire("memberId", &memberID)
        try wire("groupInstanceId", &groupInstanceID, since: 7)
        try wire("retentionTimeMs", &retentionTimeMs, since: 2, until: 4)
        try wire("topics", &topics)
    }
}

extension OffsetCommitRequest {
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
        package var committedOffset: Offset = .zero
        package var committedLeaderEpoch: Int32 = -1
        package var commitTimestamp: Int64 = -1
        package var committedMetadata: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("committedOffset", &committedOffset)
            try wire("committedLeaderEpoch", &committedLeaderEpoch, since: 6)
            try wire("commitTimestamp", &commitTimestamp, until: 1)
            try wire("committedMetadata", &committedMetadata)
        }
    }
}

/// Which positions have been stored.
package struct OffsetCommitResponse: WireMessage {
    package static let api = ApiKey.offsetCommit

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 3)
        try wire("topics", &topics)
    }
}

extension OffsetCommitResponse {
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

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("errorCode", &errorCode)
        }
    }
}
