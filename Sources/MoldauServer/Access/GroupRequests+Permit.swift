// The permissions that requests about groups and their positions require.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension FindCoordinatorRequest {
    /// DESCRIBE on the groups or the transactional ids.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _: RequestService<Files>
    ) -> Permit<FindCoordinatorResponse> {
        guard keyType == 0 || keyType == 1 else { return .whole }
        let kind: ResourceKind = keyType == 0 ? .group : .transactionalID
        let code: ErrorCode = keyType == 0 ? .groupAuthorizationFailed : .transactionalIDAuthorizationFailed
        if version < 4 {
            if access.allows(.describe, Resource(kind, key)) { return .whole }
            return .refused { ($0.errorCode, $0.nodeID, $0.port) = (code, -1, -1) }
        }
        let refused = coordinatorKeys.withhold { access.allows(.describe, Resource(kind, $0)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.coordinators += refused.map { key in
                .init { ($0.key, $0.errorCode, $0.nodeID, $0.port) = (key, code, -1, -1) }
            }
        }
    }
}

extension JoinGroupRequest {
    /// READ on the group.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _: RequestService<Files>
    ) -> Permit<JoinGroupResponse> {
        if access.allows(.read, .group(groupID)) { return .whole }
        return .refused {
            $0.errorCode = .groupAuthorizationFailed
            $0.memberID = memberID
            $0.generationID = -1
            $0.protocolName = version >= 7 ? nil : ""
        }
    }
}

extension SyncGroupRequest {
    /// READ on the group.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<SyncGroupResponse> {
        access.allows(.read, .group(groupID)) ? .whole : .refused { $0.errorCode = .groupAuthorizationFailed }
    }
}

extension HeartbeatRequest {
    /// READ on the group.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<HeartbeatResponse> {
        access.allows(.read, .group(groupID)) ? .whole : .refused { $0.errorCode = .groupAuthorizationFailed }
    }
}

extension LeaveGroupRequest {
    /// READ on the group.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<LeaveGroupResponse> {
        access.allows(.read, .group(groupID)) ? .whole : .refused { $0.errorCode = .groupAuthorizationFailed }
    }
}

extension ConsumerGroupHeartbeatRequest {
    /// READ on the group, and DESCRIBE on the topics that the member names. Its pattern matches only topics on which it
    /// has DESCRIBE: the group checks that.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ConsumerGroupHeartbeatResponse> {
        guard access.allows(.read, .group(groupID)) else {
            return .refused { $0.errorCode = .groupAuthorizationFailed }
        }
        let mayKnow = (subscribedTopicNames ?? []).allSatisfy { access.allows(.describe, .topic($0)) }
        return mayKnow ? .whole : .refused { $0.errorCode = .topicAuthorizationFailed }
    }
}

extension DescribeGroupsRequest {
    /// DESCRIBE on the groups.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DescribeGroupsResponse> {
        let refused = groups.withhold { access.allows(.describe, .group($0)) }
        return .part { response in
            for place in response.groups.indices where response.groups[place].authorizedOperations != .min {
                let name = response.groups[place].groupID
                response.groups[place].authorizedOperations = access.operations(on: .group(name))
            }
            response.groups += refused.map { name in
                .init { ($0.groupID, $0.errorCode) = (name, .groupAuthorizationFailed) }
            }
        }
    }
}

extension ConsumerGroupDescribeRequest {
    /// DESCRIBE on the groups, and on the topics that their members read.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ConsumerGroupDescribeResponse> {
        let refused = groupIDs.withhold { access.allows(.describe, .group($0)) }
        return .part { response in
            for place in response.groups.indices {
                let group = response.groups[place]
                if group.authorizedOperations != .min {
                    response.groups[place].authorizedOperations = access.operations(on: .group(group.groupID))
                }
                let topics = Set(
                    group.members.flatMap { member in
                        member.subscribedTopicNames
                            + (member.assignment.topicPartitions + member.targetAssignment.topicPartitions)
                            .map(\.topicName)
                    })
                if topics.allSatisfy({ access.allows(.describe, .topic($0)) }) { continue }
                response.groups[place].errorCode = .topicAuthorizationFailed
                response.groups[place].errorMessage =
                    "The group has described topic(s) that the client may not describe."
                response.groups[place].members = []
            }
            response.groups += refused.map { name in
                .init { ($0.groupID, $0.errorCode) = (name, .groupAuthorizationFailed) }
            }
        }
    }
}

extension ListGroupsRequest {
    /// DESCRIBE on the cluster; without it, the answer lists the groups on which the client has DESCRIBE.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<ListGroupsResponse> {
        if access.allows(.describe, .cluster) { return .whole }
        return .part { $0.groups.removeAll { !access.allows(.describe, .group($0.groupID)) } }
    }
}

extension DeleteGroupsRequest {
    /// DELETE on the groups.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<DeleteGroupsResponse> {
        let refused = groupsNames.withhold { access.allows(.delete, .group($0)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            response.results += refused.map { name in
                .init { ($0.groupID, $0.errorCode) = (name, .groupAuthorizationFailed) }
            }
        }
    }
}

extension OffsetCommitRequest {
    /// READ on the group and on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<OffsetCommitResponse> {
        func refuse(_ topics: [Topic], _ code: ErrorCode) -> [OffsetCommitResponse.Topic] {
            topics.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        .init { ($0.partitionIndex, $0.errorCode) = (partition.partitionIndex, code) }
                    }
                }
            }
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

extension OffsetFetchRequest {
    /// DESCRIBE on the groups and on the topics. A request for all positions returns those in topics with DESCRIBE.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _: RequestService<Files>
    ) -> Permit<OffsetFetchResponse> {
        if version < 8 {
            guard access.allows(.describe, .group(groupID)) else {
                return .refused {
                    $0.errorCode = .groupAuthorizationFailed
                    // Versions 0 and 1 have no error for the whole group.
                    if version < 2 { $0.topics = (topics ?? []).map { .init($0, refused: .groupAuthorizationFailed) } }
                }
            }
            let refused = topics?.withhold { access.allows(.describe, .topic($0.name)) } ?? []
            return .part { response in
                response.topics.removeAll { !access.allows(.describe, .topic($0.name)) }
                response.topics += refused.map { .init($0, refused: .topicAuthorizationFailed) }
            }
        }
        let refused = groups.withhold { access.allows(.describe, .group($0.groupID)) }
        var withheld: [String: [Topic]] = [:]
        for place in groups.indices {
            let topics = groups[place].topics?.withhold { access.allows(.describe, .topic($0.name)) } ?? []
            withheld[groups[place].groupID, default: []] += topics
        }
        return .part { [withheld] response in
            for place in response.groups.indices {
                response.groups[place].topics.removeAll { !access.allows(.describe, .topic($0.name)) }
                response.groups[place].topics += (withheld[response.groups[place].groupID] ?? []).map {
                    .init($0, refused: .topicAuthorizationFailed)
                }
            }
            response.groups += refused.map { group in
                .init { ($0.groupID, $0.errorCode) = (group.groupID, .groupAuthorizationFailed) }
            }
        }
    }
}

extension OffsetFetchResponse.Topic {
    fileprivate init(_ wanted: OffsetFetchRequest.Topic, refused code: ErrorCode) {
        self.init {
            $0.name = wanted.name
            $0.partitions = wanted.partitionIndexes.map { number in
                .init {
                    $0.partitionIndex = number
                    $0.committedOffset = Offset(-1)
                    $0.metadata = ""
                    $0.errorCode = code
                }
            }
        }
    }
}

extension OffsetDeleteRequest {
    /// DELETE on the group, and READ on the topics.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _: Int16, _: RequestService<Files>
    ) -> Permit<OffsetDeleteResponse> {
        guard access.allows(.delete, .group(groupID)) else {
            return .refused { $0.errorCode = .groupAuthorizationFailed }
        }
        let refused = topics.withhold { access.allows(.read, .topic($0.name)) }
        if refused.isEmpty { return .whole }
        return .part { response in
            if response.errorCode != .none { return }
            response.topics += refused.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        .init {
                            ($0.partitionIndex, $0.errorCode) = (partition.partitionIndex, .topicAuthorizationFailed)
                        }
                    }
                }
            }
        }
    }
}
