// AddPartitionsToTxn (24), versions 0 to 5.
//
//     1–2   as before
//     3     flexible
//     4     for brokers: several transactions at once, or a question only (`verifyOnly`); request: `transactions`;
//           request without `v3AndBelowTransactionalId`, `v3AndBelowProducerId`, `v3AndBelowProducerEpoch`,
//           `v3AndBelowTopics`; response: `errorCode`, `resultsByTransaction`; response without
//           `resultsByTopicV3AndBelow`
//     5     TRANSACTION_ABORTABLE is known

import MoldauRecords

/// Adds partitions to transactions.
package struct AddPartitionsToTxnRequest: WireRequest {
    package typealias Response = AddPartitionsToTxnResponse
    package static let api = ApiKey.addPartitionsToTxn

    package var transactions: [Transaction] = []
    package var v3AndBelowTransactionalID = ""
    package var v3AndBelowProducerID: Int64 = 0
    package var v3AndBelowProducerEpoch: Int16 = 0
    package var v3AndBelowTopics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactions", &transactions, since: 4)
        try wire("v3AndBelowTransactionalId", &v3AndBelowTransactionalID, until: 3)
        try wire("v3AndBelowProducerId", &v3AndBelowProducerID, until: 3)
        try wire("v3AndBelowProducerEpoch", &v3AndBelowProducerEpoch, until: 3)
        try wire("v3AndBelowTopics", &v3AndBelowTopics, until: 3)
    }
}

extension AddPartitionsToTxnRequest {
    /// Partitions of one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitions", &partitions)
        }
    }

    /// The partitions of one transaction.
    package struct Transaction: WireFields {
        package var transactionalID = ""
        package var producerID: Int64 = 0
        package var producerEpoch: Int16 = 0
        package var verifyOnly = false
        package var topics: [Topic] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("transactionalId", &transactionalID)
            try wire("producerId", &producerID)
            try wire("producerEpoch", &producerEpoch)
            try wire("verifyOnly", &verifyOnly)
            try wire("topics", &topics)
        }
    }
}

/// Which partitions were added.
package struct AddPartitionsToTxnResponse: WireMessage {
    package static let api = ApiKey.addPartitionsToTxn

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var resultsByTransaction: [TransactionResult] = []
    package var resultsByTopicV3AndBelow: [TopicResult] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode, since: 4)
        try wire("resultsByTransaction", &resultsByTransaction, since: 4)
        try wire("resultsByTopicV3AndBelow", &resultsByTopicV3AndBelow, until: 3)
    }
}

extension AddPartitionsToTxnResponse {
    /// The result for one topic.
    package struct TopicResult: WireFields {
        package var name = ""
        package var resultsByPartition: [PartitionResult] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("resultsByPartition", &resultsByPartition)
        }
    }

    /// The result for one partition.
    package struct PartitionResult: WireFields {
        package var partitionIndex: Int32 = 0
        package var partitionErrorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("partitionErrorCode", &partitionErrorCode)
        }
    }

    /// The result for one transaction.
    package struct TransactionResult: WireFields {
        package var transactionalID = ""
        package var topicResults: [TopicResult] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("transactionalId", &transactionalID)
            try wire("topicResults", &topicResults)
        }
    }
}
