// AddOffsetsToTxn (25), versions 0 to 4.
//
//     1–2   as before
//     3     flexible
//     4     TRANSACTION_ABORTABLE is known

import MoldauRecords

/// Adds a group's offsets to a transaction.
package struct AddOffsetsToTxnRequest: WireRequest {
    package typealias Response = AddOffsetsToTxnResponse
    package static let api = ApiKey.addOffsetsToTxn

    package var transactionalID = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var groupID = ""

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("transactionalId", &transactionalID)
        try wire("producerId", &producerID)
        try wire("producerEpoch", &producerEpoch)
        try wire("groupId", &groupID)
    }
}

/// Whether the group was added.
package struct AddOffsetsToTxnResponse: WireMessage {
    package static let api = ApiKey.addOffsetsToTxn

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
    }
}
