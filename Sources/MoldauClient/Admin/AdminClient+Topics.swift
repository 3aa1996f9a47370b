internal import MoldauRecords
internal import MoldauWire

extension AdminClient {
    /// A topic to create.
    public struct NewTopic: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// The number of partitions; nil for the cluster's default.
        public var partitions: Int32?
        /// The number of replicas; nil for the cluster's default.
        public var replicationFactor: Int16?
        /// The brokers of each partition, the preferred leader first; nil lets the cluster choose. If it is set,
        /// `partitions` and `replicationFactor` are not sent.
        public var replicas: [[Int32]]?
        /// Settings by Kafka's names.
        public var configs: [String: String]

        /// A topic of that name.
        public init(
            _ name: String, partitions: Int32? = nil, replicationFactor: Int16? = nil, configs: [String: String] = [:]
        ) {
            (self.name, self.partitions) = (name, partitions)
            (self.replicationFactor, self.configs) = (replicationFactor, configs)
        }
    }

    /// A topic that was created.
    public struct CreatedTopic: Sendable, Equatable {
        /// Its id; nil if the brokers are too old to return it.
        public let id: TopicID?
        /// The number of partitions; nil if the brokers are too old to return it.
        public let partitions: Int32?
        /// The number of replicas; nil if the brokers are too old to return it.
        public let replicationFactor: Int16?
    }

    /// A topic by name.
    public struct TopicListing: Sendable, Equatable {
        /// The name.
        public let name: String
        /// The id; nil if the brokers are too old to return it.
        public let id: TopicID?
        /// Whether it is one of the cluster's internal topics.
        public let isInternal: Bool
    }

    /// A topic and its partitions.
    public struct TopicDescription: Sendable, Equatable {
        /// The name.
        public let name: String
        /// The id; nil if the brokers are too old to return it.
        public let id: TopicID?
        /// Whether it is one of the cluster's internal topics.
        public let isInternal: Bool
        /// The partitions in the order of their numbers.
        public let partitions: [PartitionDescription]
    }

    /// The leader and replicas of a partition.
    public struct PartitionDescription: Sendable, Equatable {
        /// Its number.
        public let partition: Partition
        /// The broker that leads it; nil if there is none now.
        public let leader: Int32?
        /// The leader's epoch; nil if the brokers are too old to return it.
        public let leaderEpoch: Int32?
        /// The brokers with replicas, the preferred leader first.
        public let replicas: [Int32]
        /// The in-sync replicas.
        public let inSyncReplicas: [Int32]
    }

    // MARK: Queries

    /// Returns all topics, by name.
    /// - Parameter includesInternal: whether to include the cluster's internal topics.
    /// - Throws: `ClientError`; `CancellationError`.
    public func listTopics(includesInternal: Bool = false) async throws -> [TopicListing] {
        let picture = try await repeated { try await self.picture(of: nil) }
        return picture.topics.compactMap { topic in
            guard let name = topic.name, includesInternal || !topic.isInternal else { return nil }
            return TopicListing(name: name, id: topic.id, isInternal: topic.isInternal)
        }.sorted(on: \.name)
    }

    /// Describes topics and where their partitions are.
    /// - Throws: `CancellationError`. For an unknown topic the outcome is `ClientError.unknownTopic`.
    public func describeTopics(_ names: [String]) async throws -> Outcomes<String, TopicDescription> {
        try await settle(names) { left in
            let picture = try await self.picture(of: left)
            return Outcomes(
                picture.topics.compactMap { topic in topic.name.map { ($0, topic.description($0)) } }
            ) { $1 }
        }
    }

    // MARK: Changes

    /// Creates topics. Brokers learn of them gradually.
    ///
    /// If a connection ends before the response, the request is retried; a topic that the first attempt created is then
    /// refused as existing.
    /// - Parameters:
    ///   - topics: the topics, each with its number of partitions and its settings.
    ///   - validateOnly: only checks whether the topics can be created.
    /// - Throws: `CancellationError`.
    @discardableResult
    public func createTopics(
        _ topics: [NewTopic], validateOnly: Bool = false
    ) async throws -> Outcomes<String, CreatedTopic> {
        let wanted = Dictionary(topics.map { ($0.name, $0) }) { $1 }
        return try await settle(wanted.keys) { left in
            let response = try await self.callController(
                CreateTopicsRequest {
                    $0.topics = left.compactMap { wanted[$0]?.wire }
                    $0.timeoutMs = self.timeoutMs
                    $0.validateOnly = validateOnly
                })
            return Outcomes(response.topics.map { ($0.name, $0.outcome) }) { $1 }
        }
    }

    /// Deletes topics with their records, and the offsets that groups have committed for them.
    /// - Throws: `CancellationError`. For an unknown topic the outcome is `ClientError.unknownTopic`.
    @discardableResult
    public func deleteTopics(_ names: [String]) async throws -> Outcomes<String, Void> {
        try await settle(names) { left in
            let response = try await self.callController(
                DeleteTopicsRequest {
                    $0.topicNames = left
                    $0.topics = left.map { name in .init { $0.name = name } }
                    $0.timeoutMs = self.timeoutMs
                })
            return Outcomes(
                response.responses.compactMap { topic in
                    topic.name.map { name in
                        let what = "to delete the topic '\(name)'"
                        return (name, .of(.of(topic.errorCode, topic: name, what, message: topic.errorMessage)))
                    }
                }
            ) { $1 }
        }
    }

    /// Adds partitions to topics. Records stay where they are; from now on, keys may map to other partitions.
    /// - Parameters:
    ///   - counts: the new number of partitions of each topic, existing ones included.
    ///   - validateOnly: only checks whether the change is possible.
    /// - Throws: `CancellationError`.
    @discardableResult
    public func createPartitions(
        _ counts: [String: Int32], validateOnly: Bool = false
    ) async throws -> Outcomes<String, Void> {
        try await settle(counts.keys) { left in
            let response = try await self.callController(
                CreatePartitionsRequest {
                    $0.topics = left.map { name in
                        .init {
                            ($0.name, $0.count, $0.assignments) = (name, counts[name] ?? 0, nil)
                        }
                    }
                    $0.timeoutMs = self.timeoutMs
                    $0.validateOnly = validateOnly
                })
            return Outcomes(
                response.results.map { topic in
                    let what = "to add partitions to '\(topic.name)'"
                    let error = ClientError.of(
                        topic.errorCode, topic: topic.name, what, message: topic.errorMessage)
                    return (topic.name, .of(error))
                }
            ) { $1 }
        }
    }

    /// How long the broker may take.
    var timeoutMs: Int32 { Int32(clamping: cluster.options.requestTimeout.milliseconds) }
}

extension Result where Success == Void, Failure == ClientError {
    /// Success if there is no error.
    static func of(_ error: ClientError?) -> Result { error.map { .failure($0) } ?? .success(()) }
}

extension AdminClient.NewTopic {
    fileprivate var wire: CreateTopicsRequest.Topic {
        CreateTopicsRequest.Topic {
            $0.name = name
            $0.numPartitions = replicas == nil ? partitions ?? -1 : -1
            $0.replicationFactor = replicas == nil ? replicationFactor ?? -1 : -1
            $0.assignments = (replicas ?? []).enumerated().map { number, brokers in
                .init { ($0.partitionIndex, $0.brokerIDs) = (Int32(number), brokers) }
            }
            $0.configs = configs.sorted(on: \.key).map { name, value in
                .init { ($0.name, $0.value) = (name, value) }
            }
        }
    }
}

extension CreateTopicsResponse.Topic {
    fileprivate var outcome: Result<AdminClient.CreatedTopic, ClientError> {
        guard errorCode == .none else {
            return .failure(.refused(errorCode, "to create the topic '\(name)'", message: errorMessage))
        }
        return .success(
            AdminClient.CreatedTopic(
                id: topicID == .zero ? nil : topicID, partitions: numPartitions > 0 ? numPartitions : nil,
                replicationFactor: replicationFactor > 0 ? replicationFactor : nil))
    }
}

extension MetadataResponse.Topic {
    fileprivate var id: TopicID? { topicID == .zero ? nil : topicID }

    fileprivate func description(_ name: String) -> Result<AdminClient.TopicDescription, ClientError> {
        if let error = ClientError.of(errorCode, topic: name, "to describe the topic '\(name)'") {
            return .failure(error)
        }
        let partitions = partitions.map { partition in
            AdminClient.PartitionDescription(
                partition: Partition(partition.partitionIndex),
                leader: partition.leaderID >= 0 ? partition.leaderID : nil,
                leaderEpoch: partition.leaderEpoch >= 0 ? partition.leaderEpoch : nil,
                replicas: partition.replicaNodes, inSyncReplicas: partition.isrNodes)
        }
        return .success(
            AdminClient.TopicDescription(
                name: name, id: id, isInternal: isInternal,
                partitions: partitions.sorted(on: \.partition)
            ))
    }
}
