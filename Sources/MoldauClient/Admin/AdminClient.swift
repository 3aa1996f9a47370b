@_exported public import MoldauRecords
internal import MoldauWire

/// Manages a Kafka cluster: its topics, their settings and records, groups, transactions, users and access rules.
///
/// ```swift
/// let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: "localhost:9092"))
/// try await admin.createTopics([.init("orders", partitions: 12)]).all()
/// await admin.close()
/// ```
/// Each request goes to the broker responsible for it: the controller, a partition's leader, a group's coordinator.
/// Errors that may pass are retried for `AdminOptions.apiTimeout`. Calls about several things return an outcome for
/// each of them; `all()` throws the first error. Any number of tasks may use a client.
public final class AdminClient: Sendable {
    let cluster: ClusterClient
    let options: AdminOptions
    /// Whether the connections belong to another client.
    private let isGuest: Bool

    /// How long to retry for an unknown partition: brokers learn of new partitions gradually.
    private static let newPartitionPatience = Duration.seconds(5)

    /// A client that connects on first use.
    /// - Throws: `ClientError.invalidSetting`.
    public convenience init(
        cluster: ClientOptions, options: AdminOptions = AdminOptions()
    ) throws(ClientError) {
        self.init(cluster, options, try SocketWorld(cluster))
    }

    init(_ cluster: ClientOptions, _ options: AdminOptions, _ world: any ClientWorld) {
        self.options = options
        isGuest = false
        self.cluster = ClusterClient(cluster, world)
        self.cluster.refresh()
    }

    /// A client that uses the connections of another one.
    init(of cluster: ClusterClient, _ options: AdminOptions) {
        (self.cluster, self.options, isGuest) = (cluster, options, true)
    }

    deinit { if !isGuest { cluster.close() } }

    /// Closes the connections. Pending calls throw `ClientError`.
    public func close() async { cluster.close() }

    // MARK: Requests

    /// Sends a request to the given broker, or to any.
    func call<Request: WireRequest>(
        _ request: Request, to address: BrokerAddress? = nil
    ) async throws -> Request.Response {
        try await answer { then in
            guard let address else { return cluster.sendToAny(request, then: then) }
            cluster.send(request, to: address, .requests, then: then)
        }
    }

    /// Sends a request to the controller.
    func callController<Request: WireRequest>(_ request: Request) async throws -> Request.Response {
        let picture = try await picture(of: [])
        guard let controller = picture.address(of: picture.controllerID) else {
            throw ClientError.refused(.notController, "\(Request.api.name), since the cluster has no controller now")
        }
        return try await call(request, to: controller)
    }

    /// Returns the cluster's metadata, with that of these topics; nil for all topics.
    func picture(of topics: [String]?) async throws -> MetadataResponse {
        try await call(
            MetadataRequest {
                $0.topics = topics?.map { name in .init { $0.name = name } }
                $0.allowAutoTopicCreation = false
            })
    }

    // MARK: Retries

    /// Retries until each key has a final outcome, or time runs out.
    /// - Parameters:
    ///   - attempt: requests the remaining keys. An error that it throws is the outcome of each of them.
    ///   - patience: how long an unknown topic is retried.
    /// - Throws: `CancellationError`.
    func settle<Key: Comparable & Hashable & Sendable, Success: Sendable>(
        _ keys: some Sequence<Key>, patience: Duration = .zero,
        _ attempt: ([Key]) async throws -> Outcomes<Key, Success>
    ) async throws -> Outcomes<Key, Success> {
        let begin = cluster.world.now
        var left = Set(keys).sorted()
        var settled: Outcomes<Key, Success> = [:]
        var pauses = pauses()
        while !left.isEmpty {
            let outcomes: Outcomes<Key, Success>
            do {
                outcomes = try await attempt(left)
            } catch let error as ClientError {
                outcomes = Outcomes(uniqueKeysWithValues: left.map { ($0, .failure(error)) })
            }
            let passed = cluster.world.now - begin
            for key in left {
                let missing = ClientError.refused(.unknownServerError, "to answer for '\(key)'")
                settled[key] = outcomes[key] ?? .failure(missing)
            }
            left = left.filter { key in
                switch settled[key]?.failure {
                case .unknownTopic: passed < patience
                case .unknownPartition: passed < min(Self.newPartitionPatience, options.apiTimeout)
                case let error?: error.isRetriable && passed < options.apiTimeout
                case nil: false
                }
            }
            if !left.isEmpty { try await cluster.world.sleep(pauses.pause(chance: cluster.world.chance())) }
        }
        return settled
    }

    /// As `settle`, for a single call.
    /// - Throws: `ClientError`; `CancellationError`.
    func repeated<Success: Sendable>(_ attempt: () async throws -> Success) async throws -> Success {
        let outcomes: Outcomes<Int, Success> = try await settle(CollectionOfOne(0)) { _ in
            [0: .success(try await attempt())]
        }
        guard let outcome = outcomes[0] else { throw ClientError.closed }
        return try outcome.get()
    }

    func pauses() -> Backoff {
        Backoff(first: cluster.options.retryBackoff, longest: cluster.options.retryBackoffMax)
    }

    /// Calls each broker, all concurrently.
    func askBrokers<Success: Sendable>(
        _ ask: @escaping @Sendable (BrokerAddress) async throws -> Success
    ) async throws -> [Success] {
        let brokers = try await repeated { try await self.picture(of: []).brokers.map(\.nodeID) }
        let outcomes: Outcomes<Int32, Success> = try await settle(brokers) { left in
            let picture = try await self.picture(of: [])
            return try await Self.atOnce(left.map { ($0, picture.address(of: $0)) }) { _, address in
                guard let address else { throw ClientError.refused(.brokerNotAvailable, "a request to all brokers") }
                return try await ask(address)
            }
        }
        return try brokers.compactMap { try outcomes[$0]?.get() }
    }

    /// Calls the leaders of partitions, all concurrently.
    /// - Parameter ask: sends one leader a request about partitions that it leads.
    func askLeaders<Success: Sendable>(
        of partitions: some Sequence<TopicPartition>,
        _ ask: @escaping @Sendable (BrokerAddress, [TopicPartition]) async throws -> Outcomes<TopicPartition, Success>
    ) async throws -> Outcomes<TopicPartition, Success> {
        try await settle(partitions, patience: options.unknownTopicPatience) { left in
            let picture = try await self.picture(of: left.byTopic.map(\.topic))
            var outcomes: Outcomes<TopicPartition, Success> = [:]
            var led: [Int32: [TopicPartition]] = [:]
            for partition in left {
                switch picture.leader(of: partition) {
                case .success(let node): led[node, default: []].append(partition)
                case .failure(let error): outcomes[partition] = .failure(error)
                }
            }
            let questions = led.sorted(on: \.key).map { (picture.address(of: $0.key), $0.value) }
            let answers = try await Self.atOnce(Array(questions.enumerated()).map { ($0.offset, $0.element) }) {
                _, question in
                guard let address = question.0 else {
                    throw ClientError.refused(.leaderNotAvailable, "a request to a leader")
                }
                return try await ask(address, question.1)
            }
            for (place, answer) in answers {
                switch answer {
                case .success(let found): outcomes.merge(found.mapValues(\.fromLeader)) { $1 }
                case .failure(let error):
                    for partition in questions[place].1 { outcomes[partition] = .failure(error) }
                }
            }
            return outcomes
        }
    }

    /// Runs an operation for several keys concurrently.
    /// - Throws: `CancellationError`.
    static func atOnce<Key: Hashable & Sendable, Input: Sendable, Success: Sendable>(
        _ inputs: [(Key, Input)], _ body: @escaping @Sendable (Key, Input) async throws -> Success
    ) async throws -> Outcomes<Key, Success> {
        try await withThrowingTaskGroup(of: (Key, Result<Success, ClientError>).self) { group in
            for (key, input) in inputs {
                group.addTask {
                    do {
                        return (key, .success(try await body(key, input)))
                    } catch let error as ClientError {
                        return (key, .failure(error))
                    }
                }
            }
            var outcomes: Outcomes<Key, Success> = [:]
            for try await (key, outcome) in group { outcomes[key] = outcome }
            return outcomes
        }
    }
}

extension Result where Failure == ClientError {
    /// Makes the error retriable if a leader does not know its topic yet.
    fileprivate var fromLeader: Result {
        guard case .failure(.unknownTopic(let topic)) = self else { return self }
        return .failure(.refused(.unknownTopicOrPartition, "a request about the topic '\(topic)'"))
    }
}

extension MetadataResponse {
    func address(of node: Int32) -> BrokerAddress? {
        brokers.first { $0.nodeID == node }.map { BrokerAddress(host: $0.host, port: Int($0.port)) }
    }

    fileprivate func leader(of partition: TopicPartition) -> Result<Int32, ClientError> {
        guard let topic = topics.first(where: { $0.name == partition.topic }) else {
            return .failure(.unknownTopic(partition.topic))
        }
        if let error = ClientError.of(topic.errorCode, topic: partition.topic, "to describe '\(partition.topic)'") {
            return .failure(error)
        }
        guard let found = topic.partitions.first(where: { $0.partitionIndex == partition.partition.number }) else {
            return .failure(.unknownPartition(partition, partitionCount: Int32(topic.partitions.count)))
        }
        guard found.leaderID >= 0 else {
            return .failure(.refused(.leaderNotAvailable, "a request about \(partition), which has no leader now"))
        }
        return .success(found.leaderID)
    }
}
