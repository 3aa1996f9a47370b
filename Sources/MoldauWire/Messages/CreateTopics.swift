// CreateTopics (19), versions 0 to 7.
//
//     1     request: `validateOnly`; response: `errorMessage`
//     2     response: `throttleTimeMs`
//     3     as before
//     4     −1 partitions or replicas: the broker's default
//     5     flexible; settings are in the answer; response: `topicConfigErrorCode`, `numPartitions`,
//           `replicationFactor`, `configs`
//     6     THROTTLING_QUOTA_EXCEEDED is known
//     7     response: `topicId`

import MoldauRecords

/// Creates topics.
package struct CreateTopicsRequest: WireRequest {
    package typealias Response = CreateTopicsResponse
    package static let api = ApiKey.createTopics

    package var topics: [Topic] = []
    package var timeoutMs: Int32 = 60000
    package var validateOnly = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
        try wire("timeoutMs", &timeoutMs)
        try wire("validateOnly", &validateOnly, since: 1)
    }
}

extension CreateTopicsRequest {
    /// A topic to create.
    package struct Topic: WireFields {
        package var name = ""
        package var numPartitions: Int32 = 0
        package var replicationFactor: Int16 = 0
        package var assignments: [Assignment] = []
        package var configs: [Setting] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("numPartitions", &numPartitions)
            try wire("replicationFactor", &replicationFactor)
            try wire("assignments", &assignments)
            try wire("configs", &configs)
        }
    }

    /// The replicas of one partition, chosen by hand.
    package struct Assignment: WireFields {
        package var partitionIndex: Int32 = 0
        package var brokerIDs: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("brokerIds", &brokerIDs)
        }
    }

    /// A setting of the topic.
    package struct Setting: WireFields {
        package var name = ""
        package var value: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("value", &value)
        }
    }
}

/// The topics that were created, or why not.
package struct CreateTopicsResponse: WireMessage {
    package static let api = ApiKey.createTopics

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 2)
        try wire("topics", &topics)
    }
}

extension CreateTopicsResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var topicID: TopicID = .zero
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var numPartitions: Int32 = -1
        package var replicationFactor: Int16 = -1
        package var configs: [Setting]? = []
        package var topicConfigErrorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("topicId", &topicID, since: 7)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage, since: 1)
            try wire("numPartitions", &numPartitions, since: 5)
            try wire("replicationFactor", &replicationFactor, since: 5)
            try wire("configs", &configs, since: 5)
        }

        package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {
            try wire.tag(0, "topicConfigErrorCode", &topicConfigErrorCode, default: .none)
        }
    }

    /// A setting of the new topic.
    package struct Setting: WireFields {
        package var name = ""
        package var value: String?
        package var readOnly = false
        package var configSource: Int8 = -1
        package var isSensitive = false

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("value", &value)
            try wire("readOnly", &readOnly)
            try wire("configSource", &configSource)
            try wire("isSensitive", &isSensitive)
        }
    }
}
