internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

extension ConsumerSession {
    /// Behind the last records that were returned.
    var allPositions: [TopicPartition: Offset] {
        state.withLock { $0.fetch.places.compactMapValues(\.position) }
    }

    func positions(of partitions: Set<TopicPartition>) -> [TopicPartition: Offset] {
        allPositions.filter { partitions.contains($0.key) }
    }

    /// Commits what was returned, if it is time.
    func commitIfDue() async {
        guard options.commitsAutomatically, options.group != nil else { return }
        let now = cluster.world.now
        let isDue = state.withLock { state in
            guard now - state.committedAt >= options.autoCommitInterval else { return false }
            state.committedAt = now
            return true
        }
        // What cannot be committed now is committed with the next one; a lost membership shows by itself.
        if isDue { try? await commit(allPositions) }
    }

    /// Commits offsets for the group.
    /// - Throws: `ClientError`; `CancellationError`.
    func commit(_ offsets: [TopicPartition: Offset]) async throws {
        guard let group = options.group else {
            throw ClientError.invalidSetting("group.id", reason: "offsets are committed for a group")
        }
        guard !offsets.isEmpty else { return }
        if state.withLock({ $0.member?.memberID.isEmpty ?? false }) {
            throw ClientError.notMember(group: group, reason: "it has left, or was taken for dead")
        }
        let (memberID, generation) = state.withLock { ($0.member?.memberID ?? "", $0.member?.generation ?? -1) }
        let member = ConsumerGroupMetadata(
            group: group, generation: generation, memberID: memberID, instanceID: options.instanceID)
        let code = try await send(offsets.mapValues { AdminClient.OffsetAndMetadata($0) }, as: member)
        if code == .none { return }
        note(code, generation)
        switch code {
        case .rebalanceInProgress, .illegalGeneration, .unknownMemberID:
            throw ClientError.notMember(group: group, reason: "\(code)")
        case .fencedInstanceID: throw ClientError.fenced(id: options.instanceID ?? "")
        default: throw ClientError.refused(code, "to commit offsets of the group '\(group)'")
        }
    }

    /// Commits offsets for a group as one of its members, or as nobody in particular.
    /// - Returns: what the coordinator says of it.
    func send(
        _ offsets: [TopicPartition: AdminClient.OffsetAndMetadata], as member: ConsumerGroupMetadata
    ) async throws -> ErrorCode {
        let request = OffsetCommitRequest {
            $0.groupID = member.group
            $0.generationIDOrMemberEpoch = member.generation
            $0.memberID = member.memberID
            $0.groupInstanceID = member.memberID.isEmpty ? nil : member.instanceID
            $0.topics = offsets.keys.byTopic.map { topic, numbers in
                .init {
                    $0.name = topic
                    $0.partitions = numbers.map { number in
                        .init {
                            $0.partitionIndex = number
                            $0.committedOffset = offsets[TopicPartition(topic, number)]?.offset ?? .zero
                            $0.committedMetadata = offsets[TopicPartition(topic, number)]?.metadata ?? ""
                        }
                    }
                }
            }
        }
        return try await askCoordinator(
            request, of: member.group, within: options.apiTimeout, code: \.errorCode
        ).errorCode
    }

    /// What the group has committed; partitions without an offset are missing.
    /// - Throws: `ClientError`; `CancellationError`.
    func committed(_ partitions: Set<TopicPartition>) async throws -> [TopicPartition: Offset] {
        try await committedPositions(partitions).mapValues(\.offset)
    }

    /// As `committed`, with the texts that were committed along.
    func committedPositions(
        _ partitions: Set<TopicPartition>
    ) async throws -> [TopicPartition: AdminClient.OffsetAndMetadata] {
        guard let group = options.group else {
            throw ClientError.invalidSetting("group.id", reason: "offsets are committed for a group")
        }
        let topics = partitions.byTopic.map { topic, numbers in
            OffsetFetchRequest.Topic {
                $0.name = topic
                $0.partitionIndexes = numbers
            }
        }
        let request = OffsetFetchRequest {
            $0.groupID = group
            $0.topics = topics
            $0.groups = [
                .init {
                    $0.groupID = group
                    $0.topics = topics
                }
            ]
            $0.requireStable = true
        }
        while true {
            let response = try await askCoordinator(request, of: group, within: options.apiTimeout, code: \.code)
            // An open transaction is about to commit offsets.
            if response.code == .unstableOffsetCommit {
                try await cluster.world.sleep(cluster.options.retryBackoff)
                continue
            }
            guard response.code == .none else {
                throw ClientError.refused(response.code, "to tell committed offsets of the group '\(group)'")
            }
            return response.positions
        }
    }
}

extension OffsetCommitResponse {
    /// The first error.
    fileprivate var errorCode: ErrorCode {
        topics.lazy.flatMap(\.partitions).map(\.errorCode).first { $0 != .none } ?? .none
    }
}

extension OffsetFetchResponse {
    private var all: [Topic] { topics + groups.flatMap(\.topics) }

    /// The first error.
    fileprivate var code: ErrorCode {
        let codes = [errorCode] + groups.map(\.errorCode) + all.flatMap { $0.partitions.map(\.errorCode) }
        return codes.first { $0 != .none } ?? .none
    }

    fileprivate var positions: [TopicPartition: AdminClient.OffsetAndMetadata] {
        var positions: [TopicPartition: AdminClient.OffsetAndMetadata] = [:]
        for topic in all {
            for partition in topic.partitions where partition.committedOffset >= .zero {
                positions[TopicPartition(topic.name, partition.partitionIndex)] = AdminClient.OffsetAndMetadata(
                    partition.committedOffset, metadata: partition.metadata ?? "")
            }
        }
        return positions
    }
}
