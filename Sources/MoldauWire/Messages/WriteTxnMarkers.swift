// WriteTxnMarkers (27), versions 0 to 1.
//
//     1     flexible

import MoldauRecords

/// Writes the markers that end transactions.
package struct WriteTxnMarkersRequest: WireRequest {
    package typealias Response = WriteTxnMarkersResponse
    package static let api = ApiKey.writeTxnMarkers

    package var markers: [Marker] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("markers", &markers)
    }
}

extension WriteTxnMarkersRequest {
    /// The end of one producer's transaction.
    package struct Marker: WireFields {
        package var producerID: Int64 = 0
        package var producerEpoch: Int16 = 0
        package var transactionResult = false
        package var topics: [Topic] = []
        package var coordinatorEpoch: Int32 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("producerId", &producerID)
            try wire("producerEpoch", &producerEpoch)
            try wire("transactionResult", &transactionResult)
            try wire("topics", &topics)
            try wire("coordinatorEpoch", &coordinatorEpoch)
        }
    }

    /// Partitions of one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitionIndexes: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitionIndexes", &partitionIndexes)
        }
    }
}

/// Where markers were written.
package struct WriteTxnMarkersResponse: WireMessage {
    package static let api = ApiKey.writeTxnMarkers

    package var markers: [MarkerResult] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("markers", &markers)
    }
}

extension WriteTxnMarkersResponse {
    /// Where one producer's markers were written.
    package struct MarkerResult: WireFields {
        package var producerID: Int64 = 0
        package var topics: [Topic] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("producerId", &producerID)
            try wire("topics", &topics)
        }
    }

    /// Partitions of one topic.
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
