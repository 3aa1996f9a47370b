internal import MoldauRecords
internal import MoldauWire

/// What is known of a cluster: brokers, topics, leaders. Without I/O, time or chance of its own.
struct ClusterMap: Sendable {
    /// Who leads a partition.
    struct Leader: Sendable, Hashable {
        /// The number of the broker; nil if nobody leads it now.
        var node: Int32?
        /// The leader's epoch; −1 if it is not known.
        var epoch: Int32
    }

    /// A topic that the cluster has told of.
    struct TopicEntry: Sendable {
        /// Zero if the broker is too old to tell.
        var id: TopicID
        var leaders: [Leader]
        /// Whether it is the cluster's own: no pattern matches it.
        var isInternal = false
    }

    /// Whom to ask next about the cluster.
    enum Source: Hashable, Sendable {
        case node(Int32)
        case bootstrap(BrokerAddress)
    }

    /// What to ask, and whom; nil for all topics.
    typealias Question = (source: Source, topics: [String]?)

    private let bootstrap: [BrokerAddress]
    private let maxAge: Duration
    private let pause: Duration
    private(set) var brokers: [Int32: BrokerAddress] = [:]
    private(set) var controller: Int32?
    private(set) var topics: [String: TopicEntry] = [:]
    /// What the cluster said about topics that it did not describe.
    private(set) var errors: [String: ErrorCode] = [:]
    /// The first and the last of the answers that have said that a topic is not there, one after another.
    private(set) var missing: [String: ClosedRange<Duration>] = [:]
    /// Another one after each answer.
    private(set) var revision = 0
    /// The topics to ask for.
    private var wanted: Set<String> = []
    /// Whether all topics are asked for, as somebody reads by a pattern.
    private var wantsAll = false
    /// Whether the question that waits for its answer is for all topics; and whether one was answered.
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

    /// Why the topic is not described, if asking again does not help.
    func refusal(of topic: String) -> ClientError? {
        guard let code = errors[topic], !code.isRetriable else { return nil }
        return .refused(code, "to describe the topic '\(topic)'")
    }

    func leader(of partition: TopicPartition) -> Leader? {
        guard let leaders = topics[partition.topic]?.leaders else { return nil }
        let number = Int(partition.partition.number)
        return leaders.indices.contains(number) ? leaders[number] : nil
    }

    /// From now on the topic is asked for.
    mutating func want(_ topic: String) { if wanted.insert(topic).inserted { isStale = true } }

    /// From now on all topics are asked for, or only those that are wanted.
    mutating func wantAll(_ isWanted: Bool) {
        if isWanted, !wantsAll { (isStale, knowsAll) = (true, false) }
        wantsAll = isWanted
    }

    /// The topics that a pattern matches. The cluster's own are in no pattern (`exclude.internal.topics`).
    func names(matching pattern: TopicExpression) -> Set<String> {
        Set(topics.lazy.filter { !$0.value.isInternal && pattern.matches($0.key) }.map(\.key))
    }

    /// An answer or a lost connection shows that something has changed.
    mutating func becomeStale() { isStale = true }

    /// What to ask now, if it is time; the answer goes to `answered` or `failed`.
    mutating func nextQuestion(_ now: Duration) -> Question? {
        guard !isAsking, now >= retryAt ?? now else { return nil }
        let isOld = askedAt.map { now - $0 >= maxAge } ?? true
        guard isStale || isOld else { return nil }
        (isAsking, isStale, askedAt, asksAll) = (true, false, now, wantsAll)
        defer { turn += 1 }
        let nodes = brokers.keys.sorted()
        // Each fourth time, and while no broker is known, the cluster is looked for where it was at the beginning.
        let source: Source =
            nodes.isEmpty || turn % 4 == 3
            ? .bootstrap(bootstrap[turn / (nodes.isEmpty ? 1 : 4) % bootstrap.count]) : .node(nodes[turn % nodes.count])
        return (source, wantsAll ? nil : wanted.sorted())
    }

    /// When there is something to ask; nil if a question waits for its answer.
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
            // Of all topics, some may be without a leader for long, and nobody asks for them.
            isComplete = isComplete && (isKnown || asksAll && !wanted.contains(name))
        }
        if asksAll { forgetOthers(than: Set(response.topics.compactMap(\.name)), now) }
        revision += 1
        if isComplete {
            backoff.reset()
            // Questions that come at once would be answered alike.
            retryAt = now + pause
        } else {
            isStale = true
            retryAt = now + backoff.pause(chance: chance)
        }
    }

    /// All topics were told: others are gone.
    private mutating func forgetOthers(than told: Set<String>, _ now: Duration) {
        knowsAll = true
        topics = topics.filter { told.contains($0.key) }
        for name in wanted.subtracting(told) { note(.unknownTopicOrPartition, of: name, now) }
    }

    /// - Returns: whether all about the topic is known.
    private mutating func take(_ topic: MetadataResponse.Topic, _ name: String, _ now: Duration) -> Bool {
        note(topic.errorCode, of: name, now)
        guard topic.errorCode == .none else {
            if topic.errorCode == .unknownTopicOrPartition { topics[name] = nil }
            return !topic.errorCode.isRetriable
        }
        let known = topics[name].flatMap { $0.id == topic.topicID ? $0.leaders : nil }
        var leaders = [Leader](repeating: Leader(node: nil, epoch: -1), count: topic.partitions.count)
        // An answer of a broker that lags behind must not take partitions away: a topic never loses any.
        if let known { leaders += known.dropFirst(leaders.count) }
        for partition in topic.partitions where leaders.indices.contains(Int(partition.partitionIndex)) {
            let number = Int(partition.partitionIndex)
            // Nor must it lead back to the leader before.
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
    /// Whether the error says that what is known of the cluster is old.
    var asksForMetadata: Bool {
        switch self {
        case .notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .unknownTopicID, .fencedLeaderEpoch,
            .unknownLeaderEpoch, .replicaNotAvailable, .kafkaStorageError, .newLeaderElected, .inconsistentTopicID:
            true
        default: false
        }
    }

    /// Whether the error says that another broker coordinates.
    var asksForCoordinator: Bool {
        self == .notCoordinator || self == .coordinatorNotAvailable
    }
}
