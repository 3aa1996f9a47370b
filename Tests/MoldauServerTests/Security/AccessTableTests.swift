import Foundation
import MoldauBroker
import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauServer

/// The permissions that each API needs: without them a client is refused with Kafka's code, with them it is not.
@Suite struct AccessTableTests {
    struct Row: Sendable {
        let api: ApiKey
        /// All of them are needed.
        let needs: [(AccessOperation, Resource)]
        let refusal: ErrorCode
        /// Sends a request, and returns the error of its one part.
        let ask: @Sendable (WireClient) throws -> ErrorCode?

        /// - Parameter request: a well-formed one, for the version.
        init<Request: WireRequest>(
            _ needs: [(AccessOperation, Resource)], _ refusal: ErrorCode, _ version: Int16, _ request: Request,
            _ code: @escaping @Sendable (Request.Response) -> ErrorCode?
        ) {
            api = Request.api
            self.needs = needs
            self.refusal = refusal
            ask = { client in code(try client.call(request, version: version)) }
        }
    }

    private static let (topic, group, id) = (Resource.topic("t"), Resource.group("g"), Resource.transactionalID("x"))
    private static let (noTopic, noGroup) = (ErrorCode.topicAuthorizationFailed, ErrorCode.groupAuthorizationFailed)
    private static let (noCluster, noID) = (
        ErrorCode.clusterAuthorizationFailed, ErrorCode.transactionalIDAuthorizationFailed
    )

    /// APIs that need no permission.
    private static let free: Set<ApiKey> = [.apiVersions, .saslHandshake, .saslAuthenticate, .describeCluster]

    static let topicRows: [Row] = [
        Row(
            [(.write, topic)], noTopic, 9,
            ProduceRequest { request in
                request.acks = 1
                request.topicData = [.init { ($0.name, $0.partitionData) = ("t", [.init()]) }]
            }
        ) { $0.responses.first?.partitionResponses.first?.errorCode },
        Row([(.read, topic)], noTopic, 12, WireClient.fetch("t", from: 0, maxBytes: 100, waitMs: 0)) {
            $0.responses.first?.partitions.first?.errorCode
        },
        Row(
            [(.describe, topic)], noTopic, 7,
            ListOffsetsRequest {
                $0.topics = [.init { ($0.name, $0.partitions) = ("t", [.init { $0.timestamp = -1 }]) }]
            }
        ) { $0.topics.first?.partitions.first?.errorCode },
        Row([(.describe, topic)], noTopic, 9, MetadataRequest { $0.topics = [.init { $0.name = "t" }] }) {
            $0.topics.first?.errorCode
        },
        Row(
            [(.describe, topic)], noTopic, 4,
            OffsetForLeaderEpochRequest {
                $0.topics = [.init { ($0.topic, $0.partitions) = ("t", [.init()]) }]
            }
        ) { $0.topics.first?.partitions.first?.errorCode },
        Row([(.describe, topic)], noTopic, 0, DescribeTopicPartitionsRequest { $0.topics = [.init { $0.name = "t" }] })
        {
            $0.topics.first?.errorCode
        },
        Row(
            [(.read, topic)], noTopic, 0,
            DescribeProducersRequest {
                $0.topics = [.init { ($0.name, $0.partitionIndexes) = ("t", [0]) }]
            }
        ) { $0.topics.first?.partitions.first?.errorCode },
        Row(
            [(.create, .cluster)], noTopic, 5,
            CreateTopicsRequest {
                $0.topics = [.init { ($0.name, $0.numPartitions, $0.replicationFactor) = ("new", 1, 1) }]
            }
        ) { $0.topics.first?.errorCode },
        Row([(.delete, .topic("none"))], noTopic, 5, DeleteTopicsRequest { $0.topicNames = ["none"] }) {
            $0.responses.first?.errorCode
        },
        Row(
            [(.delete, topic)], noTopic, 2,
            DeleteRecordsRequest {
                $0.topics = [.init { ($0.name, $0.partitions) = ("t", [.init()]) }]
            }
        ) { $0.topics.first?.partitions.first?.errorCode },
        Row(
            [(.alter, topic)], noTopic, 3,
            CreatePartitionsRequest {
                $0.topics = [.init { ($0.name, $0.count, $0.assignments) = ("t", 1, nil) }]
            }
        ) { $0.results.first?.errorCode },
        Row(
            [(.describeConfigs, topic)], noTopic, 4,
            DescribeConfigsRequest {
                $0.resources = [.init { ($0.resourceType, $0.resourceName, $0.configurationKeys) = (2, "t", nil) }]
            }
        ) { $0.results.first?.errorCode },
        Row(
            [(.alterConfigs, topic)], noTopic, 1,
            AlterConfigsRequest {
                $0.resources = [.init { ($0.resourceType, $0.resourceName) = (2, "t") }]
            }
        ) { $0.responses.first?.errorCode },
        Row(
            [(.alterConfigs, .cluster)], noCluster, 1,
            IncrementalAlterConfigsRequest {
                $0.resources = [.init { ($0.resourceType, $0.resourceName) = (4, "1") }]
            }
        ) { $0.responses.first?.errorCode },
    ]

    static let groupRows: [Row] = [
        Row(
            [(.read, group), (.read, topic)], noGroup, 8,
            OffsetCommitRequest {
                ($0.groupID, $0.topics) = ("g", [.init { ($0.name, $0.partitions) = ("t", [.init()]) }])
            }
        ) { $0.topics.first?.partitions.first?.errorCode },
        Row(
            [(.describe, group)], noGroup, 9,
            OffsetFetchRequest {
                $0.groups = [.init { $0.groupID = "g" }]
            }
        ) { $0.groups.first?.errorCode },
        Row([(.describe, group)], noGroup, 4, FindCoordinatorRequest { $0.coordinatorKeys = ["g"] }) {
            $0.coordinators.first?.errorCode
        },
        Row([(.read, group)], noGroup, 4, JoinGroupRequest { $0.groupID = "g" }) { $0.errorCode },
        Row([(.read, group)], noGroup, 4, HeartbeatRequest { $0.groupID = "g" }) { $0.errorCode },
        Row([(.read, group)], noGroup, 4, LeaveGroupRequest { $0.groupID = "g" }) { $0.errorCode },
        Row([(.read, group)], noGroup, 4, SyncGroupRequest { $0.groupID = "g" }) { $0.errorCode },
        Row([(.describe, group)], noGroup, 5, DescribeGroupsRequest { $0.groups = ["g"] }) {
            $0.groups.first?.errorCode
        },
        Row([(.delete, group)], noGroup, 2, DeleteGroupsRequest { $0.groupsNames = ["g"] }) {
            $0.results.first?.errorCode
        },
        Row([(.delete, group)], noGroup, 0, OffsetDeleteRequest { $0.groupID = "g" }) { $0.errorCode },
        Row(
            [(.read, group), (.describe, topic)], noGroup, 0,
            ConsumerGroupHeartbeatRequest {
                ($0.groupID, $0.memberID, $0.memberEpoch) = ("g", "m", -1)
                $0.subscribedTopicNames = ["t"]
            }
        ) { $0.errorCode },
        Row([(.describe, group)], noGroup, 0, ConsumerGroupDescribeRequest { $0.groupIDs = ["g"] }) {
            $0.groups.first?.errorCode
        },
    ]

    static let otherRows: [Row] = [
        Row(
            [(.write, id)], noID, 4,
            InitProducerIdRequest {
                ($0.transactionalID, $0.transactionTimeoutMs) = ("x", 1_000)
            }
        ) { $0.errorCode },
        Row(
            [(.write, id), (.write, topic)], noID, 3,
            AddPartitionsToTxnRequest {
                $0.v3AndBelowTransactionalID = "x"
                $0.v3AndBelowTopics = [.init { ($0.name, $0.partitions) = ("t", [0]) }]
            }
        ) { $0.resultsByTopicV3AndBelow.first?.resultsByPartition.first?.partitionErrorCode },
        Row(
            [(.write, id), (.read, group)], noID, 3,
            AddOffsetsToTxnRequest {
                ($0.transactionalID, $0.groupID) = ("x", "g")
            }
        ) { $0.errorCode },
        Row([(.write, id)], noID, 3, EndTxnRequest { $0.transactionalID = "x" }) { $0.errorCode },
        Row(
            [(.write, id), (.read, group), (.read, topic)], noID, 3,
            TxnOffsetCommitRequest {
                ($0.transactionalID, $0.groupID) = ("x", "g")
                $0.topics = [.init { ($0.name, $0.partitions) = ("t", [.init()]) }]
            }
        ) { $0.topics.first?.partitions.first?.errorCode },
        Row([(.describe, id)], noID, 0, DescribeTransactionsRequest { $0.transactionalIDs = ["x"] }) {
            $0.transactionStates.first?.errorCode
        },
        Row(
            [(.clusterAction, .cluster)], noCluster, 1,
            WriteTxnMarkersRequest {
                $0.markers = [.init { $0.topics = [.init { ($0.name, $0.partitionIndexes) = ("t", [0]) }] }]
            }
        ) { $0.markers.first?.topics.first?.partitions.first?.errorCode },
        Row([(.describe, .cluster)], noCluster, 4, DescribeLogDirsRequest { $0.topics = nil }) { $0.errorCode },
        Row([(.alter, .cluster)], noCluster, 2, ElectLeadersRequest { $0.topicPartitions = nil }) { $0.errorCode },
        Row([(.describe, .cluster)], noCluster, 0, ListPartitionReassignmentsRequest()) { $0.errorCode },
        Row(
            [(.describe, .cluster)], noCluster, 1,
            DescribeAclsRequest {
                ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = (1, 1, 1, 1)
            }
        ) { $0.errorCode },
        Row(
            [(.alter, .cluster)], noCluster, 1,
            CreateAclsRequest {
                $0.creations = [.init(.allow, "User:eve", .read, topic)]
            }
        ) { $0.results.first?.errorCode },
        Row(
            [(.alter, .cluster)], noCluster, 1,
            DeleteAclsRequest { request in
                request.filters = [
                    .init {
                        ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = (1, 1, 1, 1)
                        $0.principalFilter = "User:eve"
                    }
                ]
            }
        ) { $0.filterResults.first?.errorCode },
        Row([(.describe, .cluster)], noCluster, 0, DescribeUserScramCredentialsRequest { $0.users = nil }) {
            $0.errorCode
        },
        Row(
            [(.alter, .cluster)], noCluster, 0,
            AlterUserScramCredentialsRequest {
                $0.deletions = [.init { ($0.name, $0.mechanism) = ("nobody", 1) }]
            }
        ) { $0.results.first?.errorCode },
    ]

    /// APIs that filter their answers instead of refusing.
    static let filtered: [ApiKey] = [.listGroups, .listTransactions]

    @Test func `every served API has a row or needs no permission`() {
        let rows = (Self.topicRows + Self.groupRows + Self.otherRows).map(\.api)
        let known = rows + Self.free + Self.filtered
        #expect(Set(known).count == known.count)
        #expect(Set(known) == Set(ServedRequests.all.map { $0.api }))
    }

    @Test(arguments: [topicRows, groupRows, otherRows])
    func `each API is refused if any of its permissions is missing, and not with all of them`(rows: [Row]) async throws
    {
        try await AccessTests.withClients { ada, bob in
            let refusals: Set<ErrorCode> = [Self.noTopic, Self.noGroup, Self.noCluster, Self.noID]
            for row in rows {
                #expect(try row.ask(bob) == row.refusal, "\(row.api) without a rule")
                for missing in row.needs.indices {
                    for (place, need) in row.needs.enumerated() where place != missing {
                        try ada.allow("User:bob", need.0, need.1)
                    }
                    let code = try row.ask(bob)
                    #expect(
                        code.map(refusals.contains) == true,
                        "\(row.api) without \(row.needs[missing]): \(code?.name ?? "")")
                    try ada.forgetRules()
                }
                for (operation, resource) in row.needs { try ada.allow("User:bob", operation, resource) }
                let code = try row.ask(bob)
                #expect(code.map(refusals.contains) == false, "\(row.api) with its rules: \(code?.name ?? "")")
                try ada.forgetRules()
            }
        }
    }

    @Test func `groups and transactional ids without permission are not listed`() async throws {
        try await AccessTests.withClients { ada, bob in
            for name in ["g", "other"] {
                let commit = OffsetCommitRequest {
                    ($0.groupID, $0.topics) = (name, [.init { ($0.name, $0.partitions) = ("t", [.init()]) }])
                }
                _ = try ada.call(commit, version: 8)
                let begin = InitProducerIdRequest { ($0.transactionalID, $0.transactionTimeoutMs) = (name, 1_000) }
                #expect(try ada.call(begin, version: 4).errorCode == .none)
            }
            func groups(_ client: WireClient) throws -> [String] {
                try client.call(ListGroupsRequest(), version: 4).groups.map(\.groupID).sorted()
            }
            func ids(_ client: WireClient) throws -> [String] {
                try client.call(ListTransactionsRequest(), version: 0).transactionStates.map(\.transactionalID).sorted()
            }
            #expect(try groups(ada) == ["g", "other"] && ids(ada) == ["g", "other"])
            #expect(try groups(bob) == [] && ids(bob) == [])
            try ada.allow("User:bob", .read, .group("g"))
            try ada.allow("User:bob", .write, .transactionalID("other"))
            #expect(try groups(bob) == ["g"] && ids(bob) == ["other"])
        }
    }
}

extension WireClient {
    /// Removes all access rules.
    fileprivate func forgetRules() throws {
        let answer = try call(
            DeleteAclsRequest { request in
                request.filters = [
                    .init {
                        ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = (1, 1, 1, 1)
                    }
                ]
            }, version: 3)
        #expect(answer.filterResults.first?.errorCode == ErrorCode.none)
    }
}
