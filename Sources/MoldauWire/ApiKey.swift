// Kafka's APIs that have messages here, each with the versions of its messages and its first flexible version. Versions
// that no current client speaks are left out, as a broker may: clients request the ranges first.

/// One of Kafka's APIs, by its key on the wire.
package enum ApiKey: Int16, CaseIterable, Sendable {
    case produce = 0
    case fetch = 1
    case listOffsets = 2
    case metadata = 3
    case offsetCommit = 8
    case offsetFetch = 9
    case findCoordinator = 10
    case joinGroup = 11
    case heartbeat = 12
    case leaveGroup = 13
    case syncGroup = 14
    case describeGroups = 15
    case listGroups = 16
    case saslHandshake = 17
    case apiVersions = 18
    case createTopics = 19
    case deleteTopics = 20
    case deleteRecords = 21
    case initProducerId = 22
    case offsetForLeaderEpoch = 23
    case addPartitionsToTxn = 24
    case addOffsetsToTxn = 25
    case endTxn = 26
    case writeTxnMarkers = 27
    case txnOffsetCommit = 28
    case describeAcls = 29
    case createAcls = 30
    case deleteAcls = 31
    case describeConfigs = 32
    case alterConfigs = 33
    case describeLogDirs = 35
    case saslAuthenticate = 36
    case createPartitions = 37
    case deleteGroups = 42
    case electLeaders = 43
    case incrementalAlterConfigs = 44
    case alterPartitionReassignments = 45
    case listPartitionReassignments = 46
    case offsetDelete = 47
    case describeClientQuotas = 48
    case alterClientQuotas = 49
    case describeUserScramCredentials = 50
    case alterUserScramCredentials = 51
    case describeQuorum = 55
    case updateFeatures = 57
    case describeCluster = 60
    case describeProducers = 61
    case describeTransactions = 65
    case listTransactions = 66
    case consumerGroupHeartbeat = 68
    case consumerGroupDescribe = 69
    case listClientMetricsResources = 74
    case describeTopicPartitions = 75

    /// The API's name as Kafka writes it.
    package var name: String {
        let name = String(describing: self)
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    /// The versions that messages can be decoded from and encoded in.
    package var versions: ClosedRange<Int16> { layout.versions }

    /// The first version with compact lengths and tagged fields; `Int16.max` if no version has them.
    package var firstFlexible: Int16 { layout.firstFlexible }

    /// The version of the header of requests in this version of the API: 2 where they are flexible, else 1.
    package func requestHeader(version: Int16) -> Int16 { version >= firstFlexible ? 2 : 1 }

    /// The version of the header of responses in this version of the API: 1 where they are flexible, else 0. That of
    /// ApiVersions is always 0, since its client does not know yet what the broker speaks.
    package func responseHeader(version: Int16) -> Int16 {
        version >= firstFlexible && self != .apiVersions ? 1 : 0
    }

    private var layout: (versions: ClosedRange<Int16>, firstFlexible: Int16) {
        switch self {
        case .produce: (0...12, 9)
        case .fetch: (4...17, 12)
        case .listOffsets: (0...10, 6)
        case .metadata: (0...12, 9)
        case .offsetCommit: (1...9, 8)
        case .offsetFetch: (1...9, 6)
        case .findCoordinator: (0...6, 3)
        case .joinGroup: (0...9, 6)
        case .heartbeat: (0...4, 4)
        case .leaveGroup: (0...5, 4)
        case .syncGroup: (0...5, 4)
        case .describeGroups: (0...5, 5)
        case .listGroups: (0...5, 3)
        case .saslHandshake: (0...1, .max)
        case .apiVersions: (0...4, 3)
        case .createTopics: (0...7, 5)
        case .deleteTopics: (0...6, 4)
        case .deleteRecords: (0...2, 2)
        case .initProducerId: (0...5, 2)
        case .offsetForLeaderEpoch: (2...4, 4)
        case .addPartitionsToTxn: (0...5, 3)
        case .addOffsetsToTxn: (0...4, 3)
        case .endTxn: (0...5, 3)
        case .writeTxnMarkers: (0...1, 1)
        case .txnOffsetCommit: (0...5, 3)
        case .describeAcls: (1...3, 2)
        case .createAcls: (1...3, 2)
        case .deleteAcls: (1...3, 2)
        case .describeConfigs: (0...4, 4)
        case .alterConfigs: (0...2, 2)
        case .describeLogDirs: (0...4, 2)
        case .saslAuthenticate: (0...2, 2)
        case .createPartitions: (0...3, 2)
        case .deleteGroups: (0...2, 2)
        case .electLeaders: (0...2, 2)
        case .incrementalAlterConfigs: (0...1, 1)
        case .alterPartitionReassignments: (0...0, 0)
        case .listPartitionReassignments: (0...0, 0)
        case .offsetDelete: (0...0, .max)
        case .describeClientQuotas: (0...1, 1)
        case .alterClientQuotas: (0...1, 1)
        case .describeUserScramCredentials: (0...0, 0)
        case .alterUserScramCredentials: (0...0, 0)
        case .describeQuorum: (0...2, 0)
        case .updateFeatures: (0...1, 0)
        case .describeCluster: (0...1, 0)
        case .describeProducers: (0...0, 0)
        case .describeTransactions: (0...0, 0)
        case .listTransactions: (0...1, 0)
        case .consumerGroupHeartbeat: (0...1, 0)
        case .consumerGroupDescribe: (0...1, 0)
        case .listClientMetricsResources: (0...0, 0)
        case .describeTopicPartitions: (0...0, 0)
        }
    }
}
