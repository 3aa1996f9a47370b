// DescribeTopicPartitions (75), version 0.

import MoldauRecords

/// Requests topics and their partitions, page by page.
package struct DescribeTopicPartitionsRequest: WireRequest {
    package typealias Response = DescribeTopicPartitionsResponse
    package static let api = ApiKey.describeTopicPartitions

    package var topics: [Topic] = []
    package var responsePartitionLimit: Int32 = 2000
    package var cursor: Cursor?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
        try wire("responsePartitionLimit", &responsePartitionLimit)
        try wire("cursor", &cursor)
    }
}

extension DescribeTopicPartitionsRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var name = ""

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
        }
    }

    /// Where a page begins.
    package struct Cursor: WireFields {
        package var topicName = ""
        package var partitionIndex: Int32 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicName", &topicName)
            try wire("partitionIndex", &partitionIndex)
        }
    }
}

/// A page of topics and partitions.
package struct DescribeTopicPartitionsResponse: WireMessage {
    package static let api = ApiKey.describeTopicPartitions

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []
    package var nextCursor: Cursor?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("topics", &topics)
        try wire("nextCursor", &nextCursor)
    }
}

extension DescribeTopicPartitionsResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var errorCode: ErrorCode = .none
        package var name: String?
        package var topicID: TopicID = .zero
        package var isInternal = false
        package var partitions: [Partition] = []
        package var topicAuthorizedOperations: Int32 = .min

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("name", &name)
            try wire("topicId", &topicID)
            try wire("isInternal", &isInternal)
            try wire("partitions", &partitions)
            try wire("topicAuthorizedOperations", &topicAuthorizedOperations)
        }
    }

    /// The answer for one partition.
    package struct Partition: WireFields {
        package var errorCode: ErrorCode = .none
        package var partitionIndex: Int32 = 0
        package var leaderID: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var replicaNodes: [Int32] = []
        package var isrNodes: [Int32] = []
        package var eligibleLeaderReplicas: [Int32]?
        package var lastKnownElr: [Int32]?
        package var offlineReplicas: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("partitionIndex", &partitionIndex)
            try wire("leaderId", &leaderID)
            try wire("leaderEpoch", &leaderEpoch)
            try wire("replicaNodes", &replicaNodes)
            try wire("isrNodes", &isrNodes)
            try wire("eligibleLeaderReplicas", &eligibleLeaderReplicas)
            try wire("lastKnownElr", &lastKnownElr)
            try wire("offlineReplicas", &offlineReplicas)
        }
    }

    /// Where a page begins.
    package struct Cursor: WireFields {
        package var topicName = ""
        package var partitionIndex: Int32 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicName", &topicName)
            try wire("partitionIndex", &partitionIndex)
        }
    }
}
