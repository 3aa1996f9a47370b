// TxnOffsetCommit (28), versions 0 to 5.
//
//     1     as before
//     2     request: `committedLeaderEpoch`
//     3     flexible; the member of the group, checked like in OffsetCommit; request: `generationId`, `memberId`,
//           `groupInstanceId`
//     4     TRANSACTION_ABORTABLE is known
//     5     the group joins the producer's transaction without AddOffsetsToTxn

import MoldauRecords

/// Commits positions of a group, within a transaction.
package struct TxnOffsetCommitRequest: WireRequest {
    package typealias Response = TxnOffsetCommitResponse
    package static let api = ApiKey.txnOffsetCommit

    package var transactionalID = ""
    package var groupID = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var generationID: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactionalId", &transactionalID)
        try wire("groupId", &groupID)
        try wire("producerId", &producerID)
        try wire("producerEpoch", &producerEpoch)
        try wire("generationId", &generationID, since: 3)
        try wire("memberId", &memberID, since: 3)
        try wire("groupInstanceId", &groupInstanceID, since: 3)
        try wire("topics", &topics)
    }

    /// Without the member, a process that has lost its partitions could still commit (KIP-447).
    package var leastVersion: Int16 { memberID.isEmpty ? 0 : 3 }
}

extension TxnOffsetCommitRequest {
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
        package var committedMetadata: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("committedOffset", &committedOffset)
            try wire("committedLeaderEpoch", &committedLeaderEpoch, since: 2)
            try wire("committedMetadata", &committedMetadata)
        }
    }
}

/// Which positions will take effect when the transaction is committed.
package struct TxnOffsetCommitResponse: WireMessage {
    package static let api = ApiKey.txnOffsetCommit

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("topics", &topics)
    }
}

extension TxnOffsetCommitResponse {
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
