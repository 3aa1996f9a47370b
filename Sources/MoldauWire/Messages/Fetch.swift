// Fetch (1), versions 4 to 17.
//
//     5     both: `logStartOffset`
//     6     as before
//     7     incremental sessions: only partitions that changed are listed; both: `sessionId`; request:
//           `sessionEpoch`, `forgottenTopicsData`; response: `errorCode`
//     8     as before
//     9     request: `currentLeaderEpoch`
//     10    batches may be compressed with zstd
//     11    request: `rackId`; response: `preferredReadReplica`
//     12    flexible; request: `clusterId`, `lastFetchedEpoch`; response: `divergingEpoch`, `currentLeader`,
//           `snapshotId`
//     13    topics are named by id instead of by name; both: `topicId`; both without `topic`
//     14    OFFSET_MOVED_TO_TIERED_STORAGE is known
//     15    request: `replicaState`; request without `replicaId`
//     16    response: `nodeEndpoints`
//     17    request: `replicaDirectoryId`
//
// Ignored: what only followers and metadata quorums send, and the rack, since there is one broker: `clusterId`,
// `replicaId`, `replicaState`, `logStartOffset` of a request, `replicaDirectoryId`, `rackId`.

import MoldauRecords

/// Requests records of partitions, and states how long to wait for them.
package struct FetchRequest: WireRequest {
    package typealias Response = FetchResponse
    package static let api = ApiKey.fetch

    package var replicaID: Int32 = -1
    package var maxWaitMs: Int32 = 0
    package var minBytes: Int32 = 0
    package var maxBytes: Int32 = .max
    package var isolationLevel: Int8 = 0
    package var sessionID: Int32 = 0
    package var sessionEpoch: Int32 = -1
    package var topics: [Topic] = []
    package var forgottenTopicsData: [ForgottenTopic] = []
    package var rackID = ""
    package var clusterID: String?
    package var replicaState = ReplicaState()

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("replicaId", &replicaID, until: 14)
        try wire("maxWaitMs", &maxWaitMs)
        try wire("minBytes", &minBytes)
        try wire("maxBytes", &maxBytes)
        try wire("isolationLevel", &isolationLevel)
        try wire("sessionId", &sessionID, since: 7)
        try wire("sessionEpoch", &sessionEpoch, since: 7)
        try wire("topics", &topics)
        try wire("forgottenTopicsData", &forgottenTopicsData, since: 7)
        try wire("rackId", &rackID, since: 11)
    }

    package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
        try wire.tag(0, "clusterId", &clusterID)
        try wire.tag(1, "replicaState", &replicaState, since: 15)
    }
}

extension FetchRequest {
    /// The follower that sends the request; a consumer has −1 and −1.
    package struct ReplicaState: WireFields {
        package var replicaID: Int32 = -1
        package var replicaEpoch: Int64 = -1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("replicaId", &replicaID)
            try wire("replicaEpoch", &replicaEpoch)
        }
    }

    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var topic = ""
        package var topicID: TopicID = .zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic, until: 12)
            try wire("topicId", &topicID, since: 13)
            try wire("partitions", &partitions)
        }
    }

    /// The part of the request for one partition.
    package struct Partition: WireFields {
        package var partition: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var fetchOffset: Offset = .zero
        package var lastFetchedEpoch: Int32 = -1
        package var logStartOffset = Offset(-1)
        package var partitionMaxBytes: Int32 = 0
        package var replicaDirectoryID: TopicID = .zero

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partition", &partition)
            try wire("currentLeaderEpoch", &currentLeaderEpoch, since: 9)
            try wire("fetchOffset", &fetchOffset)
            try wire("lastFetchedEpoch", &lastFetchedEpoch, since: 12)
            try wire("logStartOffset", &logStartOffset, since: 5)
            try wire("partitionMaxBytes", &partitionMaxBytes)
        }

        package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
            try wire.tag(0, "replicaDirectoryId", &replicaDirectoryID, since: 17)
        }
    }

    /// Partitions that leave the session.
    package struct ForgottenTopic: WireFields {
        package var topic = ""
        package var topicID: TopicID = .zero
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic, until: 12)
            try wire("topicId", &topicID, since: 13)
            try wire("partitions", &partitions)
        }
    }
}

/// Record batches of partitions.
package struct FetchResponse: WireMessage {
    package static let api = ApiKey.fetch

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var sessionID: Int32 = 0
    package var responses: [Topic] = []
    package var nodeEndpoints: [NodeEndpoint] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode, since: 7)
        try wire("sessionId", &sessionID, since: 7)
        try wire("responses", &responses)
    }

    package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
        try wire.tag(0, "nodeEndpoints", &nodeEndpoints, since: 16)
    }
}

extension FetchResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var topic = ""
        package var topicID: TopicID = .zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic, until: 12)
            try wire("topicId", &topicID, since: 13)
            try wire("partitions", &partitions)
        }
    }

    /// The answer for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var errorCode: ErrorCode = .none
        package var highWatermark: Offset = .zero
        package var lastStableOffset = Offset(-1)
        package var logStartOffset = Offset(-1)
        package var abortedTransactions: [AbortedTransaction]? = []
        package var preferredReadReplica: Int32 = -1
        package var records: RecordData = .none
        package var divergingEpoch = EpochEndOffset()
        package var currentLeader = LeaderIDAndEpoch()
        package var snapshotID = SnapshotID()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("errorCode", &errorCode)
            try wire("highWatermark", &highWatermark)
            try wire("lastStableOffset", &lastStableOffset)
            try wire("logStartOffset", &logStartOffset, since: 5)
            try wire("abortedTransactions", &abortedTransactions)
            try wire("preferredReadReplica", &preferredReadReplica, since: 11)
            try wire("records", &records)
        }

        package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
            try wire.tag(0, "divergingEpoch", &divergingEpoch)
            try wire.tag(1, "currentLeader", &currentLeader)
            try wire.tag(2, "snapshotId", &snapshotID)
        }
    }

    /// Where a follower's log diverges from the leader's.
    package struct EpochEndOffset: WireFields {
        package var epoch: Int32 = -1
        package var endOffset = Offset(-1)

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("epoch", &epoch)
            try wire("endOffset", &endOffset)
        }
    }

    /// A snapshot of the metadata log.
    package struct SnapshotID: WireFields {
        package var endOffset = Offset(-1)
        package var epoch: Int32 = -1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("endOffset", &endOffset)
            try wire("epoch", &epoch)
        }
    }

    /// A producer whose records from an offset on are aborted.
    package struct AbortedTransaction: WireFields {
        package var producerID: Int64 = 0
        package var firstOffset: Offset = .zero

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("producerId", &producerID)
            try wire("firstOffset", &firstOffset)
        }
    }
}
