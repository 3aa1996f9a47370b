// The permissions that requests to create, change and delete topics require.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension CreateTopicsRequest {
    /// CREATE on the cluster or on the topics. The answer contains a new topic's settings only with DESCRIBE_CONFIGS on
    /// it.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<CreateTopicsResponse> {
        let refused =
            access.allows(.create, .cluster)
            ? [] : topics.withhold { access.allows(.create, .topic($0.name)) }
        return .part { response in
            for place in response.topics.indices {
                let topic = response.topics[place]
                guard topic.errorCode == .none, !access.allows(.describeConfigs, .topic(topic.name)) else { continue }
                response.topics[place].topicConfigErrorCode = .topicAuthorizationFailed
                (response.topics[place].numPartitions, response.topics[place].replicationFactor) = (-1, -1)
                response.topics[place].configs = []
            }
            response.topics += refused.map { topic in
                .init {
                    $0.name = topic.name
                    $0.errorCode = .topicAuthorizationFailed
                    $0.errorMessage = "Authorization failed."
                }
            }
        }
    }
}

extension DeleteTopicsRequest {
    /// DELETE on the topics. A client that sends an id without DESCRIBE does not learn whether the topic exists.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _ service: RequestService<Files>
    ) -> Permit<DeleteTopicsResponse> {
        if version < 6 {
            let refused = topicNames.withhold { access.allows(.delete, .topic($0)) }
            if refused.isEmpty { return .whole }
            return .part { response in
                response.responses += refused.map { name in
                    .init {
                        $0.name = name
                        $0.errorCode = .topicAuthorizationFailed
                    }
                }
            }
        }
        let refused = topics.withhold { topic in
            guard let name = topic.name ?? service.topic(topic.topicID)?.name else { return true }
            return access.allows(.delete, .topic(name))
        }
        if refused.isEmpty { return .whole }
        let told = refused.map { topic in
            let isHidden =
                topic.name == nil
                && !(service.topic(topic.topicID).map { access.allows(.describe, .topic($0.name)) } ?? false)
            return DeleteTopicsResponse.Topic {
                ($0.name, $0.topicID) = (topic.name, topic.topicID)
                $0.errorCode = isHidden ? .unknownTopicID : .topicAuthorizationFailed
            }
        }
        return .part { $0.responses += told }
    }
}

extension DeleteRecordsRequest {
    /// DELETE on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DeleteRecordsResponse> {
        let refused = topics.withhold { access.allows(.delete, .topic($0.name)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.topics += refused.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        .init {
                            $0.partitionIndex = partition.partitionIndex
                            $0.lowWatermark = Offset(-1)
                            $0.errorCode = .topicAuthorizationFailed
                        }
                    }
                }
            }
        }
    }
}

extension CreatePartitionsRequest {
    /// ALTER on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<CreatePartitionsResponse> {
        let refused = topics.withhold { access.allows(.alter, .topic($0.name)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.results += refused.map { topic in
                .init {
                    $0.name = topic.name
                    $0.errorCode = .topicAuthorizationFailed
                }
            }
        }
    }
}

extension Access {
    /// Whether the settings of a resource may be read or changed; those of all resources but topics belong to the
    /// cluster.
    /// - Returns: NONE if permitted.
    fileprivate func refusal(_ operation: AccessOperation, ofSettingsOf type: Int8, _ name: String) -> ErrorCode {
        if type == 2 { return allows(operation, .topic(name)) ? .none : .topicAuthorizationFailed }
        return allows(operation, .cluster) ? .none : .clusterAuthorizationFailed
    }
}

extension DescribeConfigsRequest {
    /// DESCRIBE_CONFIGS on the topics, or on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeConfigsResponse> {
        func refusal(_ resource: Resource) -> ErrorCode {
            access.refusal(.describeConfigs, ofSettingsOf: resource.resourceType, resource.resourceName)
        }
        let refused = resources.withhold { refusal($0) == .none }
        if refused.isEmpty { return .whole }
        let told = refused.map { resource in
            DescribeConfigsResponse.Result {
                $0.errorCode = refusal(resource)
                ($0.resourceType, $0.resourceName) = (resource.resourceType, resource.resourceName)
            }
        }
        return .part { $0.results += told }
    }
}

extension AlterConfigsRequest {
    /// ALTER_CONFIGS on the topics, or on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<AlterConfigsResponse> {
        func refusal(_ resource: Resource) -> ErrorCode {
            access.refusal(.alterConfigs, ofSettingsOf: resource.resourceType, resource.resourceName)
        }
        let refused = resources.withhold { refusal($0) == .none }
        if refused.isEmpty { return .whole }
        let told = refused.map { resource in
            AlterConfigsResponse.Resource {
                $0.errorCode = refusal(resource)
                ($0.resourceType, $0.resourceName) = (resource.resourceType, resource.resourceName)
            }
        }
        return .part { $0.responses += told }
    }
}

extension IncrementalAlterConfigsRequest {
    /// ALTER_CONFIGS on the topics, or on the cluster.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<IncrementalAlterConfigsResponse> {
        func refusal(_ resource: Resource) -> ErrorCode {
            access.refusal(.alterConfigs, ofSettingsOf: resource.resourceType, resource.resourceName)
        }
        let refused = resources.withhold { refusal($0) == .none }
        if refused.isEmpty { return .whole }
        let told = refused.map { resource in
            IncrementalAlterConfigsResponse.Resource {
                $0.errorCode = refusal(resource)
                ($0.resourceType, $0.resourceName) = (resource.resourceType, resource.resourceName)
            }
        }
        return .part { $0.responses += told }
    }
}
