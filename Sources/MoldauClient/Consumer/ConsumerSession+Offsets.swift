internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

extension ConsumerSession {
    /// The positions after the last returned records; in a loop over records, after the last one handed out.
    var allPositions: [TopicPartition: Offset] { state.withLock { $0.positions(inHandTo: handedPosition) } }

    func positions(of partitions: Set<TopicPartition>) -> [TopicPartition: Offset] {
        allPositions.filter { partitions.contains($0.key) }
    }

    /// Commits the returned records, if it is time. The polling task does not wait for it.
    func commitIfDue() {
        guard options.commitsAutomatically, options.group != nil else { return }
        let now = cluster.world.now
        let isDue = state.withLock { state in
            guard now - state.committedAt >= options.autoCommitInterval else { return false }
            state.committedAt = now
            return true
        }
        // A failed commit is covered by the next one; a lost membership is noticed elsewhere.
        if isDue { commitLater(allPositions) { _ in } }
    }

    /// Commits the group's offsets after all pending asynchronous commits; retries errors that may pass.
    /// - Throws: `ClientError`; `CancellationError`.
    func commit(_ offsets: [TopicPartition: Offset]) async throws {
        guard !offsets.isEmpty else { return }
        let earlier = OneAnswer<Void>()
        let isFree = state.withLock { state in
            if state.pendingCommits > 0 { state.waitingCommits.append(earlier) }
            return state.pendingCommits == 0
        }
        if !isFree { try await earlier.get() }
        let end = cluster.world.now + options.apiTimeout
        while true {
            let (request, group) = try commitRequest(offsets)
            let response = try await askCoordinator(
                request, of: group, within: end - cluster.world.now, code: \.errorCode)
            guard let error = outcome(of: request, response) else { return }
            guard response.errorCode == .staleMemberEpoch, cluster.world.now < end else { throw error }
            // The epoch has changed; a heartbeat response has brought the new one, or will.
            try await cluster.world.sleep(cluster.options.retryBackoff)
        }
    }

    /// Commits the group's offsets once: a failed commit is not retried, since a later one may have succeeded.
    func commitLater(
        _ offsets: [TopicPartition: Offset], then: @escaping @Sendable (Result<Void, ClientError>) -> Void
    ) {
        let (request, group): (OffsetCommitRequest, String)
        do throws(ClientError) {
            (request, group) = try commitRequest(offsets)
        } catch {
            return cluster.world.perform { then(.failure(error)) }
        }
        if offsets.isEmpty { return cluster.world.perform { then(.success(())) } }
        state.withLock { $0.pendingCommits += 1 }
        cluster.send(request, toCoordinatorOf: .group(group)) { [weak self] result in
            guard let self else { return then(.failure(.closed)) }
            let waiting = state.withLock { state in
                state.pendingCommits -= 1
                guard state.pendingCommits == 0 else { return [OneAnswer<Void>]() }
                defer { state.waitingCommits = [] }
                return state.waitingCommits
            }
            switch result {
            case .failure(let error): then(.failure(error))
            case .success(let response):
                if response.errorCode.asksForCoordinator { cluster.forgetCoordinator(.group(group)) }
                then(outcome(of: request, response).map { .failure($0) } ?? .success(()))
            }
            for answer in waiting { answer.give(.success(())) }
        }
    }

    /// The commit request of the current membership.
    private func commitRequest(
        _ offsets: [TopicPartition: Offset]
    ) throws(ClientError) -> (OffsetCommitRequest, group: String) {
        guard let member = groupMetadata else {
            throw .invalidSetting("group.id", reason: "offsets are committed for a group; name one")
        }
        if member.memberID.isEmpty, state.withLock({ $0.member != nil }) {
            throw .notMember(group: member.group, reason: "it has left, or was considered dead")
        }
        return (OffsetCommitRequest(offsets.mapValues { AdminClient.OffsetAndMetadata($0) }, as: member), member.group)
    }

    /// The error in the response to a commit; nil if it succeeded.
    private func outcome(of request: OffsetCommitRequest, _ response: OffsetCommitResponse) -> ClientError? {
        let code = response.errorCode
        if code == .none {
            for tell in state.withLock(\.onCommit) { tell(request.offsets) }
            return nil
        }
        note(code, request.generationIDOrMemberEpoch)
        switch code {
        case .rebalanceInProgress, .illegalGeneration, .unknownMemberID:
            return .notMember(group: request.groupID, reason: "\(code)")
        case .fencedInstanceID: return .fenced(id: options.instanceID ?? "")
        default: return .refused(code, "to commit offsets of the group '\(request.groupID)'")
        }
    }

    /// Looks up offsets of partitions at their leaders.
    /// - Throws: the first `ClientError`; `CancellationError`.
    func listOffsets(
        _ wanted: [TopicPartition: AdminClient.OffsetSpec]
    ) async throws -> [TopicPartition: AdminClient.ListedOffset] {
        var asking = AdminOptions()
        asking.apiTimeout = options.apiTimeout
        let admin = AdminClient(of: cluster, asking)
        return try await admin.listOffsets(wanted, isolation: options.isolation).all()
    }

    /// Commits with or without a member id; retries errors that may pass. A broker that has just started may not know a
    /// partition yet.
    /// - Returns: the coordinator's error code.
    func send(
        _ offsets: [TopicPartition: AdminClient.OffsetAndMetadata], as member: ConsumerGroupMetadata
    ) async throws -> ErrorCode {
        try await askCoordinator(
            OffsetCommitRequest(offsets, as: member), of: member.group, within: options.apiTimeout,
            repeats: \.isRetriable, code: \.errorCode
        ).errorCode
    }

    /// Returns the group's committed offsets; partitions without one are missing.
    /// - Parameter time: how long to retry; there is at least one attempt.
    /// - Throws: `ClientError`; `CancellationError`.
    func committed(_ partitions: Set<TopicPartition>, within time: Duration) async throws -> [TopicPartition: Offset] {
        try await committedPositions(partitions, within: time).mapValues(\.offset)
    }

    /// As `committed`, with the texts that were committed with the offsets.
    func committedPositions(
        _ partitions: Set<TopicPartition>, within time: Duration
    ) async throws -> [TopicPartition: AdminClient.OffsetAndMetadata] {
        guard let group = options.group else {
            throw ClientError.invalidSetting("group.id", reason: "offsets are committed for a group; name one")
        }
        let topics = partitions.byTopic.map { topic, numbers in
            OffsetFetchRequest.Topic {
                $0.name = topic
                $0.partitionIndexes = numbers
            }
        }
        let end = cluster.world.now + time
        while true {
            let request = OffsetFetchRequest {
                $0.groupID = group
                $0.topics = topics
                $0.groups = [
                    .init {
                        $0.groupID = group
                        $0.topics = topics
                        guard let member = heartbeatMember, member.generation > 0 else { return }
                        ($0.memberID, $0.memberEpoch) = (member.memberID, member.generation)
                    }
                ]
                $0.requireStable = true
            }
            let response = try await askCoordinator(
                request, of: group, within: end - cluster.world.now, code: \.code)
            // An open transaction is about to commit offsets, or a heartbeat response is about to bring the epoch.
            if [.unstableOffsetCommit, .staleMemberEpoch].contains(response.code), cluster.world.now < end {
                try await cluster.world.sleep(cluster.options.retryBackoff)
                continue
            }
            guard response.code == .none else {
                throw ClientError.refused(response.code, "to return committed offsets of the group '\(group)'")
            }
            return response.positions
        }
    }
}

extension ConsumerSession.State {
    /// The position after the last returned record; within the chunk that the reader is processing, at most `limit`.
    func position(_ partition: TopicPartition, inHandTo limit: Offset) -> Offset? {
        guard let place = fetch.places[partition], let position = place.position else { return nil }
        guard let inHand, inHand.partition == partition, inHand.version == place.version else { return position }
        return min(position, limit)
    }

    /// As above, for all partitions.
    func positions(inHandTo limit: Offset) -> [TopicPartition: Offset] {
        var positions = fetch.places.compactMapValues(\.position)
        if let partition = inHand?.partition { positions[partition] = position(partition, inHandTo: limit) }
        return positions
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

extension OffsetCommitRequest {
    fileprivate var offsets: [TopicPartition: Offset] {
        var offsets: [TopicPartition: Offset] = [:]
        for topic in topics {
            for partition in topic.partitions {
                offsets[TopicPartition(topic.name, partition.partitionIndex)] = partition.committedOffset
            }
        }
        return offsets
    }

    /// Commits the group's offsets, with or without a member id.
    fileprivate init(_ offsets: [TopicPartition: AdminClient.OffsetAndMetadata], as member: ConsumerGroupMetadata) {
        self.init {
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
    }
}
