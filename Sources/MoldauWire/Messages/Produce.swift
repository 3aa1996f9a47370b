// Produce (0), versions 0 to 12.
//
//     1     response: `throttleTimeMs`
//     2     response: `logAppendTimeMs`
//     3     batches of format 2, the only ones that are accepted; request: `transactionalId`
//     4     KAFKA_STORAGE_ERROR is known
//     5     response: `logStartOffset`
//     6     as before
//     7     batches may be compressed with zstd
//     8     response: `recordErrors`, `errorMessage`
//     9     flexible
//     10    response: `currentLeader`, `nodeEndpoints`
//     11    TRANSACTION_ABORTABLE is known
//     12    partitions join the producer's transaction without AddPartitionsToTxn
//
// No answer follows a request with `acks` 0.

import MoldauRecords

/// Appends record batches to partitions.
package struct ProduceRequest: WireRequest {
    package typealias Response = ProduceResponse
    package static let api = ApiKey.produce

    package var transactionalID: String?
    package var acks: Int16 = 0
    package var timeoutMs: Int32 = 0
    package var topicData: [TopicData] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactionalId", &transactionalID, since: 3)
        try wire("acks", &acks)
        try wire("timeoutMs", &timeoutMs)
        try wire("topicData", &topicData)
    }
}

extension ProduceRequest {
    /// The batches for one topic.
    package struct TopicData: WireFields {
        package var name = ""
        package var partitionData: [PartitionData] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitionData", &partitionData)
        }
    }

    /// The batches for one partition.
    package struct PartitionData: WireFields {
        package var index: Int32 = 0
        package var records: RecordData = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("index", &index)
            try wire("records", &records)
        }
    }
}

/// Where the batches were appended, or why not.
package struct ProduceResponse: WireMessage {
    package static let api = ApiKey.produce

    package var responses: [TopicResponse] = []
    package var throttleTimeMs: Int32 = 0
    package var nodeEndpoints: [NodeEndpoint] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("responses", &responses)
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
    }

    package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
        try wire.tag(0, "nodeEndpoints", &nodeEndpoints, since: 10)
    }
}

extension ProduceResponse {
    /// The result for one topic.
    package struct TopicResponse: WireFields {
        package var name = ""
        package var partitionResponses: [PartitionResponse] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitionResponses", &partitionResponses)
        }
    }

    /// The result for one partition.
    package struct PartitionResponse: WireFields {
        package var index: Int32 = 0
        package var errorCode: ErrorCode = .none
        package var baseOffset: Offset = .zero
        package var logAppendTimeMs: Int64 = -1
        package var logStartOffset = Offset(-1)
        package var recordErrors: [RecordError] = []
        package var errorMessage: String?
        package var currentLeader = LeaderIDAndEpoch()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("index", &index)
            try wire("errorCode", &errorCode)
            try wire("baseOffset", &baseOffset)
            try wire("logAppendTimeMs", &logAppendTimeMs, since: 2)
            try wire("logStartOffset", &logStartOffset, since: 5)
            try wire("recordErrors", &recordErrors, since: 8)
            try wire("errorMessage", &errorMessage, since: 8)
        }

        package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
            try wire.tag(0, "currentLeader", &currentLeader, since: 10)
        }
    }

    /// A record because of which its whole batch was refused.
    package struct RecordError: WireFields {
        package var batchIndex: Int32 = 0
        package var batchIndexErrorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("batchIndex", &batchIndex)
            try wire("batchIndexErrorMessage", &batchIndexErrorMessage)
        }
    }
}
