internal import MoldauWire

extension AdminClient {
    /// An offset that a group has committed, or will commit.
    public struct OffsetAndMetadata: Sendable, Equatable {
        /// The offset of the next record to read.
        public var offset: Offset
        /// The leader epoch of the record before it; nil if unknown.
        public var leaderEpoch: Int32?
        /// A text that the client has committed with the offset.
        public var metadata: String

        /// An offset, by default without a text.
        public init(_ offset: Offset, leaderEpoch: Int32? = nil, metadata: String = "") {
            (self.offset, self.leaderEpoch, self.metadata) = (offset, leaderEpoch, metadata)
        }
    }

    /// Returns the offsets that a group has committed. Partitions without an offset are missing; an unknown group has
    /// none.
    /// - Parameters:
    ///   - group: the name of the group.
    ///   - requireStable: whether to wait for open transactions that may commit offsets.
    /// - Throws: `ClientError`; `CancellationError`.
    public func listGroupOffsets(
        _ group: String, requireStable: Bool = false
    ) async throws -> [TopicPartition: OffsetAndMetadata] {
        let request = OffsetFetchRequest {
            ($0.groupID, $0.topics) = (group, nil)
            $0.groups = [.init { ($0.groupID, $0.topics) = (group, nil) }]
            $0.requireStable = requireStable
        }
        let response = try await ask(
            group: group, request, "to return the offsets of the group '\(group)'", code: \.code)
        return response.committed
    }

    /// Sets offsets of a group; those of other partitions stay. The group must not have members.
    /// - Throws: `ClientError` if nothing was set; `CancellationError`. For a group with members the outcome is the
    ///   refusal `unknownMember`.
    @discardableResult
    public func alterGroupOffsets(
        _ group: String, _ offsets: [TopicPartition: OffsetAndMetadata]
    ) async throws -> Outcomes<TopicPartition, Void> {
        let what = "to set offsets of the group '\(group)'"
        return try await settle(offsets.keys) { left in
            let request = OffsetCommitRequest {
                $0.groupID = group
                $0.topics = left.byTopic.map { topic, numbers in
                    .init {
                        $0.name = topic
                        $0.partitions = numbers.compactMap { number in
                            offsets[TopicPartition(topic, number)].map { OffsetCommitRequest.Partition(number, $0) }
                        }
                    }
                }
            }
            let response = try await self.ask(group: group, request, what, code: \.coordination)
            var outcomes: Outcomes<TopicPartition, Void> = [:]
            for topic in response.topics {
                for partition in topic.partitions {
                    let error = ClientError.of(partition.errorCode, topic: topic.name, what)
                    outcomes[TopicPartition(topic.name, partition.partitionIndex)] = .of(error)
                }
            }
            return outcomes
        }
    }

    /// Deletes offsets of a group.
    /// - Throws: `ClientError` if nothing was deleted; `CancellationError`. For a topic that the group reads the
    ///   outcome is the refusal `groupSubscribedToTopic`.
    @discardableResult
    public func deleteGroupOffsets(
        _ group: String, _ partitions: Set<TopicPartition>
    ) async throws -> Outcomes<TopicPartition, Void> {
        let what = "to delete offsets of the group '\(group)'"
        return try await settle(partitions) { left in
            let request = OffsetDeleteRequest {
                $0.groupID = group
                $0.topics = left.byTopic.map { topic, numbers in
                    .init {
                        $0.name = topic
                        $0.partitions = numbers.map { number in .init { $0.partitionIndex = number } }
                    }
                }
            }
            let response = try await self.ask(group: group, request, what, code: \.errorCode)
            var outcomes: Outcomes<TopicPartition, Void> = [:]
            for topic in response.topics {
                for partition in topic.partitions {
                    let error = ClientError.of(partition.errorCode, topic: topic.name, what)
                    outcomes[TopicPartition(topic.name, partition.partitionIndex)] = .of(error)
                }
            }
            return outcomes
        }
    }
}

extension OffsetCommitRequest.Partition {
    fileprivate init(_ number: Int32, _ committed: AdminClient.OffsetAndMetadata) {
        self.init()
        partitionIndex = number
        committedOffset = committed.offset
        committedLeaderEpoch = committed.leaderEpoch ?? -1
        committedMetadata = committed.metadata
    }
}

extension OffsetCommitResponse {
    /// The error that means the coordinator must be looked up again.
    fileprivate var coordination: ErrorCode {
        topics.lazy.flatMap(\.partitions).map(\.errorCode).first {
            $0.asksForCoordinator || $0 == .coordinatorLoadInProgress
        } ?? .none
    }
}

extension OffsetFetchResponse {
    private var all: [Topic] { topics + groups.flatMap(\.topics) }

    /// The first error.
    fileprivate var code: ErrorCode {
        let codes = [errorCode] + groups.map(\.errorCode) + all.flatMap { $0.partitions.map(\.errorCode) }
        return codes.first { $0 != .none } ?? .none
    }

    fileprivate var committed: [TopicPartition: AdminClient.OffsetAndMetadata] {
        var found: [TopicPartition: AdminClient.OffsetAndMetadata] = [:]
        for topic in all {
            for partition in topic.partitions where partition.committedOffset >= .zero {
                found[TopicPartition(topic.name, partition.partitionIndex)] = AdminClient.OffsetAndMetadata(
                    partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch >= 0 ? partition.committedLeaderEpoch : nil,
                    metadata: partition.metadata ?? "")
            }
        }
        return found
    }
}
