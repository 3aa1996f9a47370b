// DescribeTransactions (65), version 0.

import MoldauRecords

/// Requests the state of transactions.
package struct DescribeTransactionsRequest: WireRequest {
    package typealias Response = DescribeTransactionsResponse
    package static let api = ApiKey.describeTransactions

    package var transactionalIDs: [String] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactionalIds", &transactionalIDs)
    }
}

/// The state of transactions.
package struct DescribeTransactionsResponse: WireMessage {
    package static let api = ApiKey.describeTransactions

    package var throttleTimeMs: Int32 = 0
    package var transactionStates: [TransactionState] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("transactionStates", &transactionStates)
    }
}

extension DescribeTransactionsResponse {
    /// One transaction.
    package struct TransactionState: WireFields {
        package var errorCode: ErrorCode = .none
        package var transactionalID = ""
        package var transactionState = ""
        package var transactionTimeoutMs: Int32 = 0
        package var transactionStartTimeMs: Int64 = 0
        package var producerID: Int64 = 0
        package var producerEpoch: Int16 = 0
        package var topics: [Topic] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("transactionalId", &transactionalID)
            try wire("transactionState", &transactionState)
            try wire("transactionTimeoutMs", &transactionTimeoutMs)
            try wire("transactionStartTimeMs", &transactionStartTimeMs)
            try wire("producerId", &producerID)
            try wire("producerEpoch", &producerEpoch)
            try wire("topics", &topics)
        }
    }

    /// Partitions of one topic that take part.
    package struct Topic: WireFields {
        package var topic = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitions", &partitions)
        }
    }
}
