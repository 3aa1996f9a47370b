extension ApiKey {
    /// The type of its requests.
    package var request: any WireRequest.Type {
        switch self {
        case .produce: ProduceRequest.self
        case .fetch: FetchRequest.self
        case .listOffsets: ListOffsetsRequest.self
        case .metadata: MetadataRequest.self
        case .offsetCommit: OffsetCommitRequest.self
        case .offsetFetch: OffsetFetchRequest.self
        case .findCoordinator: FindCoordinatorRequest.self
        case .joinGroup: JoinGroupRequest.self
        case .heartbeat: HeartbeatRequest.self
        case .leaveGroup: LeaveGroupRequest.self
        case .syncGroup: SyncGroupRequest.self
        case .describeGroups: DescribeGroupsRequest.self
        case .listGroups: ListGroupsRequest.self
        case .saslHandshake: SaslHandshakeRequest.self
        case .apiVersions: ApiVersionsRequest.self
        case .createTopics: CreateTopicsRequest.self
        case .deleteTopics: DeleteTopicsRequest.self
        case .deleteRecords: DeleteRecordsRequest.self
        case .initProducerId: InitProducerIdRequest.self
        case .offsetForLeaderEpoch: OffsetForLeaderEpochRequest.self
        case .addPartitionsToTxn: AddPartitionsToTxnRequest.self
        case .addOffsetsToTxn: AddOffsetsToTxnRequest.self
        case .endTxn: EndTxnRequest.self
        case .writeTxnMarkers: WriteTxnMarkersRequest.self
        case .txnOffsetCommit: TxnOffsetCommitRequest.self
        case .describeAcls: DescribeAclsRequest.self
        case .createAcls: CreateAclsRequest.self
        case .deleteAcls: DeleteAclsRequest.self
        case .describeConfigs: DescribeConfigsRequest.self
        case .alterConfigs: AlterConfigsRequest.self
        case .describeLogDirs: DescribeLogDirsRequest.self
        case .saslAuthenticate: SaslAuthenticateRequest.self
        case .createPartitions: CreatePartitionsRequest.self
        case .deleteGroups: DeleteGroupsRequest.self
        case .electLeaders: ElectLeadersRequest.self
        case .incrementalAlterConfigs: IncrementalAlterConfigsRequest.self
        case .alterPartitionReassignments: AlterPartitionReassignmentsRequest.self
        case .listPartitionReassignments: ListPartitionReassignmentsRequest.self
        case .offsetDelete: OffsetDeleteRequest.self
        case .describeClientQuotas: DescribeClientQuotasRequest.self
        case .alterClientQuotas: AlterClientQuotasRequest.self
        case .describeUserScramCredentials: DescribeUserScramCredentialsRequest.self
        case .alterUserScramCredentials: AlterUserScramCredentialsRequest.self
        case .describeQuorum: DescribeQuorumRequest.self
        case .updateFeatures: UpdateFeaturesRequest.self
        case .describeCluster: DescribeClusterRequest.self
        case .describeProducers: DescribeProducersRequest.self
        case .describeTransactions: DescribeTransactionsRequest.self
        case .listTransactions: ListTransactionsRequest.self
        case .consumerGroupHeartbeat: ConsumerGroupHeartbeatRequest.self
        case .consumerGroupDescribe: ConsumerGroupDescribeRequest.self
        case .listClientMetricsResources: ListClientMetricsResourcesRequest.self
        case .describeTopicPartitions: DescribeTopicPartitionsRequest.self
        }
    }

    /// The type of its responses.
    package var response: any WireMessage.Type {
        func response<Request: WireRequest>(_: Request.Type) -> any WireMessage.Type { Request.Response.self }
        return response(request)
    }

    /// The type of its requests or of its responses.
    package func message(isRequest: Bool) -> any WireMessage.Type { isRequest ? request : response }
}
