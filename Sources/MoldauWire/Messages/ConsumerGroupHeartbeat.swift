// ConsumerGroupHeartbeat (68), versions 0 to 1.
//
//     1     subscriptions by pattern; the member chooses its id itself; request: `subscribedTopicRegex`

import MoldauRecords

/// Joins a group of the consumer protocol, keeps the membership alive, or leaves.
package struct ConsumerGroupHeartbeatRequest: WireRequest {
    package typealias Response = ConsumerGroupHeartbeatResponse
    package static let api = ApiKey.consumerGroupHeartbeat

    package var groupID = ""
    package var memberID = ""
    package var memberEpoch: Int32 = 0
    package var instanceID: String?
    package var rackID: String?
    package var rebalanceTimeoutMs: Int32 = -1
    package var subscribedTopicNames: [String]?
    package var subscribedTopicRegex: String?
    package var serverAssignor: String?
    package var topicPartitions: [TopicPartitions]?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupId", &groupID)
        try wire("memberId", &memberID)
        try wire("memberEpoch", &memberEpoch)
        try wire("instanceId", &instanceID)
        try wire("rackId", &rackID)
        try wire("rebalanceTimeoutMs", &rebalanceTimeoutMs)
        try wire("subscribedTopicNames", &subscribedTopicNames)
        try wire("subscribedTopicRegex", &subscribedTopicRegex, since: 1)
        try wire("serverAssignor", &serverAssignor)
        try wire("topicPartitions", &topicPartitions)
    }
}

extension ConsumerGroupHeartbeatRequest {
    /// Partitions of one topic.
    package struct TopicPartitions: WireFields {
        package var topicID: TopicID = .zero
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicId", &topicID)
            try wire("partitions", &partitions)
        }
    }
}

/// The member's assignment.
package struct ConsumerGroupHeartbeatResponse: WireMessage {
    package static let api = ApiKey.consumerGroupHeartbeat

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var memberID: String?
    package var memberEpoch: Int32 = 0
    package var heartbeatIntervalMs: Int32 = 0
    package var assignment: Assignment?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("memberId", &memberID)
        try wire("memberEpoch", &memberEpoch)
        try wire("heartbeatIntervalMs", &heartbeatIntervalMs)
        try wire("assignment", &assignment)
    }
}

extension ConsumerGroupHeartbeatResponse {
    /// Partitions of one topic.
    package struct TopicPartitions: WireFields {
        package var topicID: TopicID = .zero
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicId", &topicID)
            try wire("partitions", &partitions)
        }
    }

    /// All partitions that the member is assigned.
    package struct Assignment: WireFields {
        package var topicPartitions: [TopicPartitions] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicPartitions", &topicPartitions)
        }
    }
}
