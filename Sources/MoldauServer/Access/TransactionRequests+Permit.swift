// The permissions that requests about producers and transactions require.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension InitProducerIdRequest {
    /// WRITE on the transactional id; without one, IDEMPOTENT_WRITE on the cluster or WRITE on any topic.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<InitProducerIdResponse> {
        let code: ErrorCode
        if let transactionalID {
            if access.allows(.write, .transactionalID(transactionalID)) { return .whole }
            code = .transactionalIDAuthorizationFailed
        } else {
            if access.allows(.idempotentWrite, .cluster) || access.allowsAny(.write, .topic) { return .whole }
            code = .clusterAuthorizationFailed
        }
        return .refused { ($0.errorCode, $0.producerID, $0.producerEpoch) = (code, -1, -1) }
    }
}

extension AddPartitionsToTxnRequest {
    /// WRITE on the transactional id and on the topics; if one is refused, no partition is added.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<AddPartitionsToTxnResponse> {
        let mayWrite = access.allows(.write, .transactionalID(v3AndBelowTransactionalID))
        let allowed = Set(v3AndBelowTopics.map(\.name).filter { access.allows(.write, .topic($0)) })
        if mayWrite, v3AndBelowTopics.allSatisfy({ allowed.contains($0.name) }) { return .whole }
        return .refused { response in
            response.resultsByTopicV3AndBelow = v3AndBelowTopics.map { topic in
                .init {
                    $0.name = topic.name
                    $0.resultsByPartition = topic.partitions.map { number in
                        .init {
                            $0.partitionIndex = number
                            $0.partitionErrorCode =
                                !mayWrite
                                ? .transactionalIDAuthorizationFailed
                                : allowed.contains(topic.name) ? .operationNotAttempted : .topicAuthorizationFailed
                        }
                    }
                }
            }
        }
    }
}

extension AddOffsetsToTxnRequest {
    /// WRITE on the transactional id, and READ on the group.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<AddOffsetsToTxnResponse> {
        guard access.allows(.write, .transactionalID(transactionalID)) else {
            return .refused { $0.errorCode = .transactionalIDAuthorizationFailed }
        }
        return access.allows(.read, .group(groupID)) ? .whole : .refused { $0.errorCode = .groupAuthorizationFailed }
    }
}

extension EndTxnRequest {
    /// WRITE on the transactional id.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<EndTxnResponse> {
        access.allows(.write, .transactionalID(transactionalID))
            ? .whole : .refused { $0.errorCode = .transactionalIDAuthorizationFailed }
    }
}

extension TxnOffsetCommitRequest {
    /// WRITE on the transactional id, READ on the group and on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<TxnOffsetCommitResponse> {
        func refuse(_ topics: [Topic], _ code: ErrorCode) -> [TxnOffsetCommitResponse.Topic] {
            topics.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        .init { ($0.partitionIndex, $0.errorCode) = (partition.partitionIndex, code) }
                    }
                }
            }
        }
        guard access.allows(.write, .transactionalID(transactionalID)) else {
            return .refused { $0.topics = refuse(topics, .transactionalIDAuthorizationFailed) }
        }
        guard access.allows(.read, .group(groupID)) else {
            return .refused { $0.topics = refuse(topics, .groupAuthorizationFailed) }
        }
        let refused = topics.withhold { access.allows(.read, .topic($0.name)) }
        if refused.isEmpty { return .whole }
        let told = refuse(refused, .topicAuthorizationFailed)
        if topics.isEmpty { return .refused { $0.topics = told } }
        return .part { $0.topics += told }
    }
}

extension WriteTxnMarkersRequest {
    /// ALTER or CLUSTER_ACTION on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<WriteTxnMarkersResponse> {
        if access.allows(.alter, .cluster) || access.allows(.clusterAction, .cluster) { return .whole }
        return .refused { response in
            response.markers = markers.map { marker in
                .init {
                    $0.producerID = marker.producerID
                    $0.topics = marker.topics.map { topic in
                        .init {
                            $0.name = topic.name
                            $0.partitions = topic.partitionIndexes.map { number in
                                .init { ($0.partitionIndex, $0.errorCode) = (number, .clusterAuthorizationFailed) }
                            }
                        }
                    }
                }
            }
        }
    }
}

extension DescribeTransactionsRequest {
    /// DESCRIBE on the transactional ids; their partitions are listed only for topics on which the client has DESCRIBE.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeTransactionsResponse> {
        let refused = transactionalIDs.withhold { access.allows(.describe, .transactionalID($0)) }
        return .part { response in
            for place in response.transactionStates.indices {
                response.transactionStates[place].topics.removeAll { !access.allows(.describe, .topic($0.topic)) }
            }
            response.transactionStates += refused.map { id in
                .init { ($0.transactionalID, $0.errorCode) = (id, .transactionalIDAuthorizationFailed) }
            }
        }
    }
}

extension ListTransactionsRequest {
    /// No permission required; the answer lists the transactional ids on which the client has DESCRIBE.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ListTransactionsResponse> {
        .part { $0.transactionStates.removeAll { !access.allows(.describe, .transactionalID($0.transactionalID)) } }
    }
}
