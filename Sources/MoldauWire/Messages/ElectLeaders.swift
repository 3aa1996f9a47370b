// ElectLeaders (43), versions 0 to 2.
//
//     1     election type 1: also replicas that are not in sync; request: `electionType`; response: `errorCode`
//     2     flexible
//
// With one broker there is no other leader to elect: ELECTION_NOT_NEEDED.

import MoldauRecords

/// Elects leaders.
package struct ElectLeadersRequest: WireRequest {
    package typealias Response = ElectLeadersResponse
    package static let api = ApiKey.electLeaders

    package var electionType: Int8 = 0
    package var topicPartitions: [TopicPartitions]? = []
    package var timeoutMs: Int32 = 60000

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("electionType", &electionType, since: 1)
        try wire("topicPartitions", &topicPartitions)
        try wire("timeoutMs", &timeoutMs)
    }
}

extension ElectLeadersRequest {
    /// Partitions of one topic.
    package struct TopicPartitions: WireFields {
        package var topic = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitions", &partitions)
        }
    }
}

/// Which leaders were elected.
package struct ElectLeadersResponse: WireMessage {
    package static let api = ApiKey.electLeaders

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var replicaElectionResults: [TopicResult] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode, since: 1)
        try wire("replicaElectionResults", &replicaElectionResults)
    }
}

extension ElectLeadersResponse {
    /// The result for one topic.
    package struct TopicResult: WireFields {
        package var topic = ""
        package var partitionResult: [PartitionResult] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitionResult", &partitionResult)
        }
    }

    /// The result for one partition.
    package struct PartitionResult: WireFields {
        package var partitionID: Int32 = 0
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionId", &partitionID)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
