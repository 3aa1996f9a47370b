// The permissions that requests about the cluster, its users and its access rules require; some require none.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension ApiVersionsRequest {
    /// No permission required.
    mutating func permit<Files: FileSystem>(
        _: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ApiVersionsResponse> { .whole }
}

extension SaslHandshakeRequest {
    /// No permission required: clients use it to log in.
    mutating func permit<Files: FileSystem>(
        _: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<SaslHandshakeResponse> { .whole }
}

extension SaslAuthenticateRequest {
    /// No permission required: clients use it to log in.
    mutating func permit<Files: FileSystem>(
        _: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<SaslAuthenticateResponse> { .whole }
}

extension DescribeClusterRequest {
    /// No permission required. The answer contains the permitted operations only for clients with DESCRIBE on the
    /// cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeClusterResponse> {
        .part { response in
            guard response.clusterAuthorizedOperations != .min else { return }
            response.clusterAuthorizedOperations = access.clusterOperations
        }
    }
}

extension DescribeLogDirsRequest {
    /// DESCRIBE on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeLogDirsResponse> {
        access.allows(.describe, .cluster) ? .whole : .refused { $0.errorCode = .clusterAuthorizationFailed }
    }
}

extension ElectLeadersRequest {
    /// ALTER on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ElectLeadersResponse> {
        access.allows(.alter, .cluster)
            ? .whole
            : .refused { response in
                response.errorCode = .clusterAuthorizationFailed
                response.replicaElectionResults = (topicPartitions ?? []).map { topic in
                    .init {
                        $0.topic = topic.topic
                        $0.partitionResult = topic.partitions.map { number in
                            .init { ($0.partitionID, $0.errorCode) = (number, .clusterAuthorizationFailed) }
                        }
                    }
                }
            }
    }
}

extension ListPartitionReassignmentsRequest {
    /// DESCRIBE on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ListPartitionReassignmentsResponse> {
        access.allows(.describe, .cluster) ? .whole : .refused { $0.errorCode = .clusterAuthorizationFailed }
    }
}

extension DescribeAclsRequest {
    /// DESCRIBE on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeAclsResponse> {
        access.allows(.describe, .cluster) ? .whole : .refused { $0.errorCode = .clusterAuthorizationFailed }
    }
}

extension CreateAclsRequest {
    /// ALTER on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<CreateAclsResponse> {
        access.allows(.alter, .cluster)
            ? .whole
            : .refused { response in
                response.results = creations.map { _ in .init { $0.errorCode = .clusterAuthorizationFailed } }
            }
    }
}

extension DeleteAclsRequest {
    /// ALTER on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DeleteAclsResponse> {
        access.allows(.alter, .cluster)
            ? .whole
            : .refused { response in
                response.filterResults = filters.map { _ in .init { $0.errorCode = .clusterAuthorizationFailed } }
            }
    }
}

extension DescribeUserScramCredentialsRequest {
    /// DESCRIBE on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeUserScramCredentialsResponse> {
        access.allows(.describe, .cluster) ? .whole : .refused { $0.errorCode = .clusterAuthorizationFailed }
    }
}

extension AlterUserScramCredentialsRequest {
    /// ALTER on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<AlterUserScramCredentialsResponse> {
        if access.allows(.alter, .cluster) { return .whole }
        let names = Set(deletions.map(\.name) + upsertions.map(\.name))
        return .refused { response in
            response.results = names.sorted().map { name in
                .init { ($0.user, $0.errorCode) = (name, .clusterAuthorizationFailed) }
            }
        }
    }
}
