// Metadata (3), versions 0 to 12.
//
//     1     no topics means none, and null means all; before, none meant all; response: `rack`, `controllerId`,
//           `isInternal`
//     2     response: `clusterId`
//     3     response: `throttleTimeMs`
//     4     request: `allowAutoTopicCreation`
//     5     response: `offlineReplicas`
//     6     as before
//     7     response: `leaderEpoch`
//     8     request: `includeClusterAuthorizedOperations`, `includeTopicAuthorizedOperations`; response:
//           `topicAuthorizedOperations`, `clusterAuthorizedOperations`
//     9     flexible
//     10    ids are in the answer; a request by id works from 12 on; both: `topicId`
//     11    request without `includeClusterAuthorizedOperations`; response without `clusterAuthorizedOperations`
//     12    topics can be requested by id, without a name

import MoldauRecords

/// Requests the brokers, and topics with their partitions.
package struct MetadataRequest: WireRequest {
    package typealias Response = MetadataResponse
    package static let api = ApiKey.metadata

    package var topics: [Topic]? = []
    package var allowAutoTopicCreation = true
    package var includeClusterAuthorizedOperations = false
    package var includeTopicAuthorizedOperations = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics, nullSince: 1)
        try wire("allowAutoTopicCreation", &allowAutoTopicCreation, since: 4)
        try wire("includeClusterAuthorizedOperations", &includeClusterAuthorizedOperations, since: 8, until: 10)
        try wire("includeTopicAuthorizedOperations", &includeTopicAuthorizedOperations, since: 8)
    }
}

extension MetadataRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var topicID: TopicID = .zero
        package var name: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicId", &topicID, since: 10)
            try wire("name", &name, nullSince: 10)
        }
    }
}

/// Brokers, topics and partitions.
package struct MetadataResponse: WireMessage {
    package static let api = ApiKey.metadata

    package var throttleTimeMs: Int32 = 0
    package var brokers: [Broker] = []
    package var clusterID: String?
    package var controllerID: Int32 = -1
    package var topics: [Topic] = []
    package var clusterAuthorizedOperations: Int32 = .min

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 3)
        try wire("brokers", &brokers)
        try wire("clusterId", &clusterID, since: 2)
        try wire("controllerId", &controllerID, since: 1)
        try wire("topics", &topics)
        try wire("clusterAuthorizedOperations", &clusterAuthorizedOperations, since: 8, until: 10)
    }
}

extension MetadataResponse {
    /// A broker and its address.
    package struct Broker: WireFields {
        package var nodeID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var rack: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("nodeId", &nodeID)
            try wire("host", &host)
            try wire("port", &port)
            try wire("rack", &rack, since: 1)
        }
    }

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
            try wire("name", &name, nullSince: 12)
            try wire("topicId", &topicID, since: 10)
            try wire("isInternal", &isInternal, since: 1)
            try wire("partitions", &partitions)
            try wire("topicAuthorizedOperations", &topicAuthorizedOperations, since: 8)
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
        package var offlineReplicas: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("partitionIndex", &partitionIndex)
            try wire("leaderId", &leaderID)
            try wire("leaderEpoch", &leaderEpoch, since: 7)
            try wire("replicaNodes", &replicaNodes)
            try wire("isrNodes", &isrNodes)
            try wire("offlineReplicas", &offlineReplicas, since: 5)
        }
    }
}
