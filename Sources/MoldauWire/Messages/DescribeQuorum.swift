// DescribeQuorum (55), versions 0 to 2.
//
//     1     when a replica last fetched; response: `lastFetchTimestamp`, `lastCaughtUpTimestamp`
//     2     error messages, directories and addresses of the replicas; response: `replicaDirectoryId`,
//           `errorMessage`, `nodes`

import MoldauRecords

/// Requests the state of the metadata quorum.
package struct DescribeQuorumRequest: WireRequest {
    package typealias Response = DescribeQuorumResponse
    package static let api = ApiKey.describeQuorum

    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
    }
}

extension DescribeQuorumRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var topicName = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicName", &topicName)
            try wire("partitions", &partitions)
        }
    }

    /// The part of the request for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
        }
    }
}

/// The state of the metadata quorum.
package struct DescribeQuorumResponse: WireMessage {
    package static let api = ApiKey.describeQuorum

    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var topics: [Topic] = []
    package var nodes: [Node] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage, since: 2)
        try wire("topics", &topics)
        try wire("nodes", &nodes, since: 2)
    }
}

extension DescribeQuorumResponse {
    /// The progress of a replica.
    package struct ReplicaState: WireFields {
        package var replicaID: Int32 = 0
        package var replicaDirectoryID: TopicID = .zero
        package var logEndOffset: Offset = .zero
        package var lastFetchTimestamp: Int64 = -1
        package var lastCaughtUpTimestamp: Int64 = -1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("replicaId", &replicaID)
            try wire("replicaDirectoryId", &replicaDirectoryID, since: 2)
            try wire("logEndOffset", &logEndOffset)
            try wire("lastFetchTimestamp", &lastFetchTimestamp, since: 1)
            try wire("lastCaughtUpTimestamp", &lastCaughtUpTimestamp, since: 1)
        }
    }

    /// The answer for one topic.
    package struct Topic: WireFields {
        package var topicName = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topicName", &topicName)
            try wire("partitions", &partitions)
        }
    }

    /// The answer for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var leaderID: Int32 = 0
        package var leaderEpoch: Int32 = 0
        package var highWatermark: Offset = .zero
        package var currentVoters: [ReplicaState] = []
        package var observers: [ReplicaState] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage, since: 2)
            try wire("leaderId", &leaderID)
            try wire("leaderEpoch", &leaderEpoch)
            try wire("highWatermark", &highWatermark)
            try wire("currentVoters", &currentVoters)
            try wire("observers", &observers)
        }
    }

    /// A replica's addresses.
    package struct Node: WireFields {
        package var nodeID: Int32 = 0
        package var listeners: [Listener] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("nodeId", &nodeID)
            try wire("listeners", &listeners)
        }
    }

    /// An address.
    package struct Listener: WireFields {
        package var name = ""
        package var host = ""
        package var port: UInt16 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("host", &host)
            try wire("port", &port)
        }
    }
}
