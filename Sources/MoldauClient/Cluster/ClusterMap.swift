internal import MoldauRecords
internal import MoldauWire

/// The metadata of a cluster: brokers, topics, leaders. Without I/O, clock or randomness of its own.
struct ClusterMap: Sendable {
    /// The leader of a partition.
    struct Leader: Sendable, Hashable {
        /// The broker's id; nil if the partition has no leader now.
        var node: Int32?
        /// The leader's epoch; −1 if unknown.
        var epoch: Int32
    }

    /// A topic that the cluster has described.
    struct TopicEntry: Sendable {
        /// Zero if the broker is too old to return it.
        var id: TopicID
        var leaders: [Leader]
        /// Whether it is internal to the cluster: no pattern matches it.
        var isInternal = false
    }

    /// Which broker to ask for metadata.
    enum Source: Hashable, Sendable {
        case node(Int32)
        case bootstrap(BrokerAddress)
    }

    /// The broker to ask, and the topics; nil for all topics.
    typealias Question = (source: Source, topics: [String]?)

    private let bootstrap: [BrokerAddress]
    private let maxAge: Duration
    private let pause: Duration
    private(set) var brokers: [Int32: BrokerAddress] = [:]
    private(set) var controller: Int32?
    private(set) var topics: [String: TopicEntry] = [:]
    /// The cluster's errors for topics that it did not describe.
    private(set) var errors: [String: ErrorCode] = [:]
    /// The times of the first and the last of consecutive responses in which the topic was missing.
    private(set) var missing: [String: ClosedRange<Duration>] = [:]
    /// Changes with each response.
    private(set) var revision = 0
    /// The topics to request.
    private var wanted: Set<String> = []
    /// Whether all topics are requested, since a consumer subscribes to a pattern.
    private var wantsAll = false
    /// Whether the pending request is for all topics; and whether one such request was answered.
    private var asksAll = false
    private(set) var knowsAll = false
    private var isStale = true
    private var isAsking = false
    private var askedAt: Duration?
    private var retryAt: Duration?
    private var turn = 0
    private var backoff: Backoff

    init(_ options: ClientOptions) {
        bootstrap = options.bootstrapServers
        maxAge = options.metadataMaxAge
        pause = options.retryBackoff
        backoff = Backoff(first: options.retryBackoff, longest: options.retryBackoffMax)
    }

    /// The error that explains why the topic is not described; nil if retrying may help.
    func refusal(of topic: String) -> ClientError? {
        guard let code = errors[topic], !code.isRetriable else { return nil }
        return .refused(code, "to describe the topic '\(topic)'")
    }

    func leader(of partition: TopicPartition) -> Leader? {
        guard let leaders = topics[partition.topic]?.leaders else { return nil }
        let number = Int(partition.partition.number)
        return leaders.indices.contains(number) ? leaders[number] : nil
    }

    /// Requests the topic from now on.
    mutating func want(_ topic: String) { if wanted.insert(topic).inserted { isStale = true } }

    /// Requests all topics from now on, or only those that are wanted.
    mutating func wantAll(_ isWanted: Bool) {
        if isWanted, !wantsAll { (isStale, knowsAll) = (true, false) }
        wantsAll = isWanted
    }

    /// The topics that a pattern matches; never internal ones (`exclude.internal.topics`).
    func names(matching pattern: TopicExpression) -> Set<String> {
        Set(topics.lazy.filter { !$0.value.isInternal && pattern.matches($0.key) }.map(\.key))
    }

    /// A response or a lost connection shows that the metadata is stale.
    mutating func becomeStale() { isStale = true }

    /// The request to send now, if one is due; its response goes to `answered` or `failed`.
    mutating func nextQuestion(_ now: Duration) -> Question? {
        guard !isAsking, now >= retryAt ?? now else { return nil }
        let isOld = askedAt.map { now - $0 >= maxAge } ?? true
        guard isStale || isOld else { return nil }
        (isAsking, isStale, askedAt, asksAll) = (true, false, now, wantsAll)
        defer { turn += 1 }
        let nodes = brokers.keys.sorted()
        // Every fourth time, and while no broker is known, the bootstrap brokers are asked.
        let source: Source =
            nodes.isEmpty || turn % 4 == 3
            ? .bootstrap(bootstrap[turn / (nodes.isEmpty ? 1 : 4) % bootstrap.count]) : .node(nodes[turn % nodes.count])
        return (source, wantsAll ? nil : wanted.sorted())
    }

    /// When the next request is due; nil while one is pending.
    func nextTime(_ now: Duration) -> Duration? {
        if isAsking { return nil }
        if isStale { return max(retryAt ?? now, now) }
        return max((askedAt ?? now) + maxAge, retryAt ?? now)
    }

    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func answered(_ response: MetadataResponse, _ now: Duration, chance: Double) {
        isAsking = false
        brokers = [:]
        for broker in response.brokers {
            brokers[broker.nodeID] = BrokerAddress(host: broker.host, port: Int(broker.port))
        }
        controller = response.controllerID >= 0 ? response.controllerID : nil
        var isComplete = true
        for topic in response.topics {
            guard let name = topic.name else { continue }
            let isKnown = take(topic, name, now)
            // When all topics are requested, some may lack a leader for long without being needed.
            isComplete = isComplete && (isKnown || asksAll && !wanted.contains(name))
        }
        if asksAll { forgetOthers(than: Set(response.topics.compactMap(\.name)), now) }
        revision += 1
        if isComplete {
            backoff.reset()
            // Requests sent immediately would return the same.
            retryAt = now + pause
        } else {
            isStale = true
            retryAt = now + backoff.pause(chance: chance)
        }
    }

    /// The response covers all topics: those missing from it do not exist.
    private mutating func forgetOthers(than told: Set<String>, _ now: Duration) {
        knowsAll = true
        topics = topics.filter { told.contains($0.key) }
        for name in wanted.subtracting(told) { note(.unknownTopicOrPartition, of: name, now) }
    }

    /// - Returns: whether the topic is completely known.
    private mutating func take(_ topic: MetadataResponse.Topic, _ name: String, _ now: Duration) -> Bool {
        note(topic.errorCode, of: name, now)
        guard topic.errorCode == .none else {
            if topic.errorCode == .unknownTopicOrPartition { topics[name] = nil }
            return !topic.errorCode.isRetriable
        }
        let known = topics[name].flatMap { $0.id == topic.topicID ? $0.leaders : nil }
        var leaders = [Leader](repeating: Leader(node: nil, epoch: -1), count: topic.partitions.count)
        // A response from a broker that lags behind must not remove partitions: a topic never loses any.
        if let known { leaders += known.dropFirst(leaders.count) }
        for partition in topic.partitions where leaders.indices.contains(Int(partition.partitionIndex)) {
            let number = Int(partition.partitionIndex)
            // Nor may it restore the previous leader.
            if let known, known.indices.contains(number), known[number].epoch > partition.leaderEpoch,
                partition.leaderEpoch >= 0
            {
                leaders[number] = known[number]
                continue
            }
            leaders[number] = Leader(
                node: partition.leaderID >= 0 ? partition.leaderID : nil, epoch: partition.leaderEpoch)
        }
        topics[name] = TopicEntry(id: topic.topicID, leaders: leaders, isInternal: topic.isInternal)
        return leaders.allSatisfy { $0.node != nil }
    }

    private mutating func note(_ code: ErrorCode, of topic: String, _ now: Duration) {
        errors[topic] = code == .none ? nil : code
        let first = min(missing[topic]?.lowerBound ?? now, now)
        missing[topic] = code == .unknownTopicOrPartition ? first...now : nil
    }

    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func failed(_ now: Duration, chance: Double) {
        (isAsking, isStale) = (false, true)
        // Brokers that have just started may not know all topics yet.
        missing = [:]
        retryAt = now + backoff.pause(chance: chance)
    }
}

extension ErrorCode {
    /// Whether the error says that the metadata is stale.
    var asksForMetadata: Bool {
        switch self {
        case .notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .unknownTopicID, .fencedLeaderEpoch,
            .unknownLeaderEpoch, .replicaNotAvailable, .kafkaStorageError, .newLeaderElected, .inconsistentTopicID:
            true
        default: false
        }
    }

    /// Whether the error says that the coordinator has moved.
    var asksForCoordinator: Bool {
        self == .notCoordinator || self == .coordinatorNotAvailable
    }
}
