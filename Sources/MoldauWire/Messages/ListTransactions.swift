// ListTransactions (66), versions 0 to 1.
//
//     1     only transactions that last long; request: `durationFilter`

import MoldauRecords

/// Requests the transactions of a broker.
package struct ListTransactionsRequest: WireRequest {
    package typealias Response = ListTransactionsResponse
    package static let api = ApiKey.listTransactions

    package var stateFilters: [String] = []
    package var producerIDFilters: [Int64] = []
    package var durationFilter: Int64 = -1

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("stateFilters", &stateFilters)
        try wire("producerIdFilters", &producerIDFilters)
        try wire("durationFilter", &durationFilter, since: 1)
    }
}

/// The transactions of a broker.
package struct ListTransactionsResponse: WireMessage {
    package static let api = ApiKey.listTransactions

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var unknownStateFilters: [String] = []
    package var transactionStates: [TransactionState] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("unknownStateFilters", &unknownStateFilters)
        try wire("transactionStates", &transactionStates)
    }
}

extension ListTransactionsResponse {
    /// One transaction.
    package struct TransactionState: WireFields {
        package var transactionalID = ""
        package var producerID: Int64 = 0
        package var transactionState = ""

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("transactionalId", &transactionalID)
            try wire("producerId", &producerID)
            try wire("transactionState", &transactionState)
        }
    }
}
