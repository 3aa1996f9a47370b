// EndTxn (26), versions 0 to 5.
//
//     1–2   as before
//     3     flexible
//     4     TRANSACTION_ABORTABLE is known
//     5     each transaction has its own epoch: the next one is in the answer; response: `producerId`,
//           `producerEpoch`

import MoldauRecords

/// Commits or aborts a transaction.
package struct EndTxnRequest: WireRequest {
    package typealias Response = EndTxnResponse
    package static let api = ApiKey.endTxn

    package var transactionalID = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var committed = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactionalId", &transactionalID)
        try wire("producerId", &producerID)
        try wire("producerEpoch", &producerEpoch)
        try wire("committed", &committed)
    }
}

/// Whether the transaction is ended.
package struct EndTxnResponse: WireMessage {
    package static let api = ApiKey.endTxn

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("producerId", &producerID, since: 5)
        try wire("producerEpoch", &producerEpoch, since: 5)
    }
}
