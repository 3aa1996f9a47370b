// ListPartitionReassignments (46), version 0.
//
// With one broker no partition moves.

import MoldauRecords

/// Requests the partitions that are being moved.
package struct ListPartitionReassignmentsRequest: WireRequest {
    package typealias Response = ListPartitionReassignmentsResponse
    package static let api = ApiKey.listPartitionReassignments

    package var timeoutMs: Int32 = 60000
    package var topics: [Topic]?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("timeoutMs", &timeoutMs)
        try wire("topics", &topics)
    }
}

extension ListPartitionReassignmentsRequest {
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

/// Partitions that are being moved.
package struct ListPartitionReassignmentsResponse: WireMessage {
    package static let api = ApiKey.listPartitionReassignments

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("topics", &topics)
    }
}

extension ListPartitionReassignmentsResponse {
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
        package var replicas: [Int32] = []
        package var addingReplicas: [Int32] = []
        package var removingReplicas: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("replicas", &replicas)
            try wire("addingReplicas", &addingReplicas)
            try wire("removingReplicas", &removingReplicas)
        }
    }
}
