// DescribeProducers (61), version 0.

import MoldauRecords

/// Requests the producers of partitions.
package struct DescribeProducersRequest: WireRequest {
    package typealias Response = DescribeProducersResponse
    package static let api = ApiKey.describeProducers

    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
    }
}

extension DescribeProducersRequest {
    /// The part of the request for one topic.
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

/// The producers of partitions.
package struct DescribeProducersResponse: WireMessage {
    package static let api = ApiKey.describeProducers

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("topics", &topics)
    }
}

extension DescribeProducersResponse {
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
        package var errorMessage: String?
        package var activeProducers: [ProducerState] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("activeProducers", &activeProducers)
        }
    }

    /// A producer and its last batch.
    package struct ProducerState: WireFields {
        package var producerID: Int64 = 0
        package var producerEpoch: Int32 = 0
        package var lastSequence: Int32 = -1
        package var lastTimestamp: Int64 = -1
        package var coordinatorEpoch: Int32 = 0
        package var currentTxnStartOffset = Offset(-1)

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("producerId", &producerID)
            try wire("producerEpoch", &producerEpoch)
            try wire("lastSequence", &lastSequence)
            try wire("lastTimestamp", &lastTimestamp)
            try wire("coordinatorEpoch", &coordinatorEpoch)
            try wire("currentTxnStartOffset", &currentTxnStartOffset)
        }
    }
}
