// OffsetFetch (9), versions 1 to 9.
//
//     2     null topics means all that the group has stored; response: `errorCode`
//     3     response: `throttleTimeMs`
//     4     as before
//     5     response: `committedLeaderEpoch`
//     6     flexible
//     7     refuses offsets in open transactions on request (UNSTABLE_OFFSET_COMMIT); request: `requireStable`
//     8     several groups at once; both: `groups`; both without `topics`; request without `groupId`; response
//           without `errorCode`
//     9     request: `memberId`, `memberEpoch`

import MoldauRecords

/// Requests the committed positions of groups.
package struct OffsetFetchRequest: WireRequest {
    package typealias Response = OffsetFetchResponse
    package static let api = ApiKey.offsetFetch

    package var groupID = ""
    package var topics: [Topic]? = []
    package var groups: [Group] = []
    package var requireStable = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID, until: 7)
        try wire("topics", &topics, until: 7, nullSince: 2)
        try wire("groups", &groups, since: 8)
        try wire("requireStable", &requireStable, since: 7)
    }
}

extension OffsetFetchRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitionIndexes: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitionIndexes", &partitionIndexes)
        }
    }

    /// The part of the request for one group.
    package struct Group: WireFields {
        package var groupID = ""
        package var memberID: String?
        package var memberEpoch: Int32 = -1
        package var topics: [Topic]? = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("groupId", &groupID)
            try wire("memberId", &memberID, since: 9)
            try wire("memberEpoch", &memberEpoch, since: 9)
            try wire("topics", &topics)
        }
    }
}

/// Positions that groups have stored.
package struct OffsetFetchResponse: WireMessage {
    package static let api = ApiKey.offsetFetch

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []
    package var errorCode: ErrorCode = .none
    package var groups: [Group] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 3)
        try wire("topics", &topics, until: 7)
        try wire("errorCode", &errorCode, since: 2, until: 7)
        try wire("groups", &groups, since: 8)
    }
}

extension OffsetFetchResponse {
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
        package var committedOffset: Offset = .zero
        package var committedLeaderEpoch: Int32 = -1
        package var metadata: String?
        package var errorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("committedOffset", &committedOffset)
            try wire("committedLeaderEpoch", &committedLeaderEpoch, since: 5)
            try wire("metadata", &metadata)
            try wire("errorCode", &errorCode)
        }
    }

    /// The answer for one group.
    package struct Group: WireFields {
        package var groupID = ""
        package var topics: [Topic] = []
        package var errorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("groupId", &groupID)
            try wire("topics", &topics)
            try wire("errorCode", &errorCode)
        }
    }
}
