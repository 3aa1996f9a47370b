// The permissions that requests about topics and their records require.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension ProduceRequest {
    /// WRITE on the topics, and on the transactional id if there is one.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _: RequestService<Files>
    ) -> Permit<ProduceResponse> {
        var code = ErrorCode.topicAuthorizationFailed
        var refused: [TopicData]
        if let transactionalID, !access.allows(.write, .transactionalID(transactionalID)) {
            code = .transactionalIDAuthorizationFailed
            refused = topicData
            topicData = []
        } else {
            refused = topicData.withhold { access.allows(.write, .topic($0.name)) }
        }
        if refused.isEmpty { return .whole }
        if acks == 0 { return .close(reason: "records of a request with acks=0 were refused: \(code)") }
        let told = refused.map { topic in (topic.name, topic.partitionData.map(\.index)) }
        return .part { [code] response in
            for (name, numbers) in told {
                response.responses.append(
                    .init {
                        $0.name = name
                        $0.partitionResponses = numbers.map { number in
                            .init {
                                $0.index = number
                                $0.errorCode = code
                                $0.baseOffset = Offset(-1)
                            }
                        }
                    })
            }
        }
    }
}

extension FetchRequest {
    /// READ on the topics: checked when they are read.
    mutating func permit<Files: FileSystem>(
        _: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<FetchResponse> { .whole }
}

extension ListOffsetsRequest {
    /// DESCRIBE on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ListOffsetsResponse> {
        let refused = topics.withhold { access.allows(.describe, .topic($0.name)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.topics += refused.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        .init {
                            $0.partitionIndex = partition.partitionIndex
                            $0.errorCode = .topicAuthorizationFailed
                        }
                    }
                }
            }
        }
    }
}

extension OffsetForLeaderEpochRequest {
    /// DESCRIBE on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<OffsetForLeaderEpochResponse> {
        let refused = topics.withhold { access.allows(.describe, .topic($0.topic)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.topics += refused.map { topic in
                .init {
                    $0.topic = topic.topic
                    $0.partitions = topic.partitions.map { partition in
                        .init {
                            $0.partition = partition.partition
                            $0.errorCode = .topicAuthorizationFailed
                        }
                    }
                }
            }
        }
    }
}

extension MetadataRequest {
    /// DESCRIBE on the topics. To create a missing topic, CREATE on the cluster or on the topic is required too. A
    /// request for all topics returns those with DESCRIBE.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _ service: RequestService<Files>
    ) -> Permit<MetadataResponse> {
        let wantsAll = topics == nil || (version == 0 && topics == [])
        var refused: [MetadataResponse.Topic] = []
        if !wantsAll {
            let withheld = (topics ?? []).filter { topic in !mayKnow(topic, access, service) }
            topics = (topics ?? []).filter { topic in mayKnow(topic, access, service) }
            refused = withheld.map { topic in
                .init {
                    // A client that sends an id does not learn whether the topic exists.
                    $0.errorCode = topic.name == nil ? .unknownTopicID : .topicAuthorizationFailed
                    $0.name = topic.name
                    $0.topicID = topic.topicID
                }
            }
        }
        // In version 0 an empty list requests all topics: if all requested ones were removed, none is returned.
        let tellsNone = !wantsAll && topics == []
        return .part { [refused] response in
            response.topics.removeAll { topic in
                tellsNone || (topic.name.map { !access.allows(.describe, .topic($0)) } ?? false)
            }
            for place in response.topics.indices {
                guard response.topics[place].topicAuthorizedOperations != .min, let name = response.topics[place].name
                else { continue }
                response.topics[place].topicAuthorizedOperations = access.operations(on: .topic(name))
            }
            if response.clusterAuthorizedOperations != .min {
                response.clusterAuthorizedOperations = access.clusterOperations
            }
            response.topics += refused
        }
    }

    private func mayKnow<Files: FileSystem>(
        _ topic: Topic, _ access: Access, _ service: RequestService<Files>
    ) -> Bool {
        guard let name = topic.name else {
            return service.topic(topic.topicID).map { access.allows(.describe, .topic($0.name)) } ?? true
        }
        guard access.allows(.describe, .topic(name)) else { return false }
        if !allowAutoTopicCreation || !service.options.createsTopics || service.broker.topic(name) != nil {
            return true
        }
        return access.allows(.create, .cluster) || access.allows(.create, .topic(name))
    }
}

extension DescribeTopicPartitionsRequest {
    /// DESCRIBE on the topics. A request for all topics returns those with DESCRIBE.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _ service: RequestService<Files>
    ) -> Permit<DescribeTopicPartitionsResponse> {
        var refused: [Topic] = []
        if topics.isEmpty {
            // Listed by name, so that pages have the right length.
            topics = service.broker.topics().filter { access.allows(.describe, .topic($0.name)) }.map { topic in
                Topic { $0.name = topic.name }
            }
        } else {
            refused = topics.withhold { access.allows(.describe, .topic($0.name)) }
        }
        let isFirstPage = cursor == nil
        let told = refused.map { topic in
            DescribeTopicPartitionsResponse.Topic {
                $0.name = topic.name
                $0.errorCode = .topicAuthorizationFailed
            }
        }
        if topics.isEmpty { return .refused { $0.topics = told } }
        return .part { response in
            for place in response.topics.indices {
                guard let name = response.topics[place].name else { continue }
                response.topics[place].topicAuthorizedOperations = access.operations(on: .topic(name))
            }
            if isFirstPage { response.topics += told }
        }
    }
}

extension DescribeProducersRequest {
    /// READ on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeProducersResponse> {
        let refused = topics.withhold { access.allows(.read, .topic($0.name)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.topics += refused.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitions = topic.partitionIndexes.map { number in
                        .init {
                            $0.partitionIndex = number
                            $0.errorCode = .topicAuthorizationFailed
                        }
                    }
                }
            }
        }
    }
}
