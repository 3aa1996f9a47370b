// ConsumerGroupDescribe (69), versions 0 to 1.
//
//     1     members of the classic protocol are distinguished; response: `memberType`

import MoldauRecords

/// Requests the state and the members of groups of the consumer protocol.
package struct ConsumerGroupDescribeRequest: WireRequest {
    package typealias Response = ConsumerGroupDescribeResponse
    package static let api = ApiKey.consumerGroupDescribe

    package var groupIDs: [String] = []
    package var includeAuthorizedOperations = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("groupIds", &groupIDs)
        try wire("includeAuthorizedOperations", &includeAuthorizedOperations)
    }
}

/// The state and the members of groups.
package struct ConsumerGroupDescribeResponse: WireMessage {
    package static let api = ApiKey.consumerGroupDescribe

    package var throttleTimeMs: Int32 = 0
    package var groups: [Group] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("groups", &groups)
    }
}

extension ConsumerGroupDescribeResponse {
    /// Partitions of one topic.
    package struct TopicPartitions: WireFields {
        package var topicID: TopicID = .zero
        package var topicName = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicId", &topicID)
            try wire("topicName", &topicName)
            try wire("partitions", &partitions)
        }
    }

    /// A member's current or target assignment.
    package struct Assignment: WireFields {
        package var topicPartitions: [TopicPartitions] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicPartitions", &topicPartitions)
        }
    }

    /// The answer for one group.
    package struct Group: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var groupID = ""
        package var groupState = ""
        package var groupEpoch: Int32 = 0
        package var assignmentEpoch: Int32 = 0
        package var assignorName = ""
        package var members: [Member] = []
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("groupId", &groupID)
            try wire("groupState", &groupState)
            try wire("groupEpoch", &groupEpoch)
            try wire("assignmentEpoch", &assignmentEpoch)
            try wire("assignorName", &assignorName)
            try wire("members", &members)
            try wire("authorizedOperations", &authorizedOperations)
        }
    }

    /// A member of a group.
    package struct Member: WireFields {
        package var memberID = ""
        package var instanceID: String?
        package var rackID: String?
        package var memberEpoch: Int32 = 0
        package var clientID = ""
        package var clientHost = ""
        package var subscribedTopicNames: [String] = []
        package var subscribedTopicRegex: String?
        package var assignment = Assignment()
        package var targetAssignment = Assignment()
        package var memberType: Int8 = -1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("memberId", &memberID)
            try wire("instanceId", &instanceID)
            try wire("rackId", &rackID)
            try wire("memberEpoch", &memberEpoch)
            try wire("clientId", &clientID)
            try wire("clientHost", &clientHost)
            try wire("subscribedTopicNames", &subscribedTopicNames)
            try wire("subscribedTopicRegex", &subscribedTopicRegex)
            try wire("assignment", &assignment)
            try wire("targetAssignment", &targetAssignment)
            try wire("memberType", &memberType, since: 1)
        }
    }
}
