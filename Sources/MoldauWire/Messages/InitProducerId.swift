// InitProducerId (22), versions 0 to 5.
//
//     1     as before
//     2     flexible
//     3     a producer that has an id requests a new epoch; request: `producerId`, `producerEpoch`
//     4     PRODUCER_FENCED is known
//     5     TRANSACTION_ABORTABLE is known

import MoldauRecords

/// Requests a producer id and its epoch.
package struct InitProducerIdRequest: WireRequest {
    package typealias Response = InitProducerIdResponse
    package static let api = ApiKey.initProducerId

    package var transactionalID: String?
    package var transactionTimeoutMs: Int32 = 0
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactionalId", &transactionalID)
        try wire("transactionTimeoutMs", &transactionTimeoutMs)
        try wire("producerId", &producerID, since: 3)
        try wire("producerEpoch", &producerEpoch, since: 3)
    }
}

/// A producer id and its epoch.
package struct InitProducerIdResponse: WireMessage {
    package static let api = ApiKey.initProducerId

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = 0

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("producerId", &producerID)
        try wire("producerEpoch", &producerEpoch)
    }
}
