// AlterPartitionReassignments (45), version 0.
//
// With one broker partitions cannot be moved.

import MoldauRecords

/// Moves partitions between brokers.
package struct AlterPartitionReassignmentsRequest: WireRequest {
    package typealias Response = AlterPartitionReassignmentsResponse
    package static let api = ApiKey.alterPartitionReassignments

    package var timeoutMs: Int32 = 60000
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("timeoutMs", &timeoutMs)
        try wire("topics", &topics)
    }
}

extension AlterPartitionReassignmentsRequest {
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
        package var replicas: [Int32]?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("replicas", &replicas)
        }
    }
}

/// Which moves have begun.
package struct AlterPartitionReassignmentsResponse: WireMessage {
    package static let api = ApiKey.alterPartitionReassignments

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var responses: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("responses", &responses)
    }
}

extension AlterPartitionReassignmentsResponse {
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

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
