internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// Requests that would delay others have a connection of their own for each purpose.
enum Purpose: Hashable, Sendable {
    case requests
    /// Fetches, which wait for records.
    case fetches
    /// Joining a group, which waits for its other members.
    case coordination
}

/// What a coordinator is responsible for.
struct CoordinatorKey: Hashable, Sendable {
    /// The key type of FindCoordinator: 0 for groups, 1 for transactional ids.
    let type: Int8
    let name: String

    static func group(_ name: String) -> CoordinatorKey { CoordinatorKey(type: 0, name: name) }
    static func transaction(_ name: String) -> CoordinatorKey { CoordinatorKey(type: 1, name: name) }
}

/// A client's connections to its cluster, and its metadata. Everything runs in the order of its world; calls may come
/// from any thread.
final class ClusterClient: Sendable {
    fileprivate struct LinkKey: Hashable {
        let address: BrokerAddress
        let purpose: Purpose
    }

    fileprivate struct Avoided {
        var backoff: Backoff
        var until: Duration
        var error: ClientError
    }

    fileprivate struct TopicWaiter: Sendable {
        let topic: String
        let begin: Duration
        /// How long to wait for an unknown topic.
        let patience: Duration
        /// How long to wait for a response of the cluster.
        let longest: Duration
        let answer: @Sendable (Result<Int32, ClientError>) -> Void
    }

    fileprivate struct State {
        var map: ClusterMap
        var links: [LinkKey: any BrokerLink] = [:]
        /// Brokers that could not be reached, until they are retried.
        var avoided: [BrokerAddress: Avoided] = [:]
        var coordinators: [CoordinatorKey: BrokerAddress] = [:]
        var watcher: (@Sendable () -> Void)?
        var waiters: [TopicWaiter] = []
        /// The error of the last metadata request; nil if it succeeded.
        var lastError: ClientError?
        /// When the next metadata request may be due.
        var timer: Duration?
        var turn = 0
        var isClosed = false
    }

    let options: ClientOptions
    let world: any ClientWorld
    private let state: Mutex<State>

    init(_ options: ClientOptions, _ world: any ClientWorld) {
        (self.options, self.world) = (options, world)
        state = Mutex(State(map: ClusterMap(options)))
    }

    /// The current metadata.
    var map: ClusterMap { state.withLock(\.map) }

    /// `watcher` is called in the world's order when the metadata has changed.
    func watch(_ watcher: @escaping @Sendable () -> Void) { state.withLock { $0.watcher = watcher } }

    /// Closes all connections, after earlier requests were sent; pending requests fail.
    func close() { world.perform { self.closeNow() } }

    private func closeNow() {
        let (links, waiters) = state.withLock { state in
            state.isClosed = true
            defer { (state.links, state.waiters, state.watcher) = ([:], [], nil) }
            return (Array(state.links.values), state.waiters)
        }
        for link in links { link.close() }
        for waiter in waiters { waiter.answer(.failure(.closed)) }
    }

    // MARK: Requests

    /// Sends a request to a broker by its id.
    func send<Request: WireRequest>(
        _ request: Request, toNode node: Int32, _ purpose: Purpose = .requests, maxVersion: Int16 = .max,
        timeout: Duration? = nil, then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
    ) {
        guard let address = state.withLock({ $0.map.brokers[node] }) else {
            refresh()
            return world.perform { answer(.failure(.refused(.leaderNotAvailable, "\(Request.api.name)"))) }
        }
        send(request, to: address, purpose, maxVersion: maxVersion, timeout: timeout, then: answer)
    }

    /// Sends a request to any known broker.
    func sendToAny<Request: WireRequest>(
        _ request: Request, maxVersion: Int16 = .max,
        then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
    ) {
        let address = state.withLock { state -> BrokerAddress in
            state.turn += 1
            let known = state.map.brokers.sorted(on: \.key).map(\.value)
            let all = known.isEmpty ? options.bootstrapServers : known
            return all[state.turn % all.count]
        }
        send(request, to: address, .requests, maxVersion: maxVersion, timeout: nil, then: answer)
    }

    /// Sends a request to the coordinator of a group or a transactional id, after looking it up.
    func send<Request: WireRequest>(
        _ request: Request, toCoordinatorOf key: CoordinatorKey, _ purpose: Purpose = .coordination,
        maxVersion: Int16 = .max, timeout: Duration? = nil,
        then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
    ) {
        findCoordinator(key) { found in
            switch found {
            case .failure(let error): answer(.failure(error))
            case .success(let address):
                self.send(request, to: address, purpose, maxVersion: maxVersion, timeout: timeout) { result in
                    if case .failure = result { self.forgetCoordinator(key) }
                    answer(result)
                }
            }
        }
    }

    /// Forgets the coordinator after an error, so that it is looked up again.
    func forgetCoordinator(_ key: CoordinatorKey) { state.withLock { $0.coordinators[key] = nil } }

    private func findCoordinator(
        _ key: CoordinatorKey, then answer: @escaping @Sendable (Result<BrokerAddress, ClientError>) -> Void
    ) {
        if let known = state.withLock({ $0.coordinators[key] }) { return world.perform { answer(.success(known)) } }
        let request = FindCoordinatorRequest {
            $0.key = key.name
            $0.keyType = key.type
            $0.coordinatorKeys = [key.name]
        }
        sendToAny(request) { result in
            answer(
                result.flatMap { response in
                    let (code, host, port) =
                        response.coordinators.first.map { ($0.errorCode, $0.host, $0.port) }
                        ?? (response.errorCode, response.host, response.port)
                    guard code == .none else {
                        return .failure(.refused(code, "to name the coordinator of '\(key.name)'"))
                    }
                    let address = BrokerAddress(host: host, port: Int(port))
                    self.state.withLock { $0.coordinators[key] = address }
                    return .success(address)
                })
        }
    }

    /// Sends in the world's order: a link must send its requests in the order in which it registered them.
    func send<Request: WireRequest>(
        _ request: Request, to address: BrokerAddress, _ purpose: Purpose, maxVersion: Int16 = .max,
        timeout: Duration? = nil,
        then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
    ) {
        world.perform {
            let key = LinkKey(address: address, purpose: purpose)
            switch self.link(key) {
            case .failure(let error): answer(.failure(error))
            case .success(let link):
                link.send(request, maxVersion: maxVersion, timeout: timeout ?? self.options.requestTimeout) { result in
                    self.note(result.failure, of: link, key)
                    answer(result)
                }
            }
        }
    }

    /// The existing connection, or a new one.
    private func link(_ key: LinkKey) -> Result<any BrokerLink, ClientError> {
        let now = world.now
        return state.withLock { state -> Result<any BrokerLink, ClientError> in
            if state.isClosed { return .failure(.closed) }
            if let link = state.links[key], link.isOpen { return .success(link) }
            if let avoided = state.avoided[key.address], avoided.until > now { return .failure(avoided.error) }
            let link = world.connect(to: key.address)
            state.links[key] = link
            return .success(link)
        }
    }

    /// Records which brokers respond.
    private func note(_ error: ClientError?, of link: any BrokerLink, _ key: LinkKey) {
        guard let error else {
            state.withLock { $0.avoided[key.address] = nil }
            return
        }
        guard !link.isOpen else { return }
        let (now, chance) = (world.now, world.chance())
        state.withLock { state in
            // Of the requests that fail with their link, only the first is counted.
            guard state.links[key] === link else { return }
            state.links[key] = nil
            state.map.becomeStale()
            guard !link.wasReady else { return }
            var avoided =
                state.avoided[key.address]
                ?? Avoided(
                    backoff: Backoff(first: options.reconnectBackoff, longest: options.reconnectBackoffMax),
                    until: now, error: error)
            avoided.until = now + avoided.backoff.pause(chance: chance)
            avoided.error = error
            state.avoided[key.address] = avoided
        }
        askIfDue()
    }

    // MARK: Metadata

    /// Requests new metadata, since it is stale or a topic is new.
    func refresh(_ topics: [String] = []) {
        let isNew = state.withLock { state in
            if topics.isEmpty { state.map.becomeStale() }
            for topic in topics { state.map.want(topic) }
            return !state.isClosed
        }
        if isNew { world.perform { self.askIfDue() } }
    }

    /// Tracks all topics from now on, or only those requested.
    func wantAll(_ isWanted: Bool) {
        state.withLock { $0.map.wantAll(isWanted) }
        if isWanted { world.perform { self.askIfDue() } }
    }

    /// Returns the number of a topic's partitions, once the cluster returns it.
    /// - Parameter longest: how long to wait for a response; nil: no longer than for an unknown topic.
    /// - Throws: `ClientError.unknownTopic` after `time` if the cluster answered that the topic does not exist; after
    ///   `longest` the error that prevented a response.
    func partitionCount(
        of topic: String, within time: Duration, unanswered longest: Duration? = nil
    ) async throws -> Int32 {
        if let known = state.withLock({ $0.map.topics[topic]?.leaders.count }), known > 0 { return Int32(known) }
        let world = world
        return try await answer { answer in
            let isClosed = state.withLock { state in
                state.waiters.append(
                    TopicWaiter(
                        topic: topic, begin: world.now, patience: time, longest: longest ?? time, answer: answer))
                state.map.want(topic)
                return state.isClosed
            }
            if isClosed { return answer(.failure(.closed)) }
            refresh()
            for time in Set([time, longest ?? time]) { world.perform(after: time) { self.tellWaiters() } }
        }
    }

    private func askIfDue() {
        let now = world.now
        let (question, next) = state.withLock { state -> (ClusterMap.Question?, Duration?) in
            if state.isClosed { return (nil, nil) }
            if let question = state.map.nextQuestion(now) { return (question, nil) }
            guard let next = state.map.nextTime(now), next < state.timer ?? .seconds(Int64.max) else {
                return (nil, nil)
            }
            state.timer = next
            return (nil, next)
        }
        if let next {
            return world.perform(after: next - now) { [weak self] in
                self?.state.withLock { if $0.timer == next { $0.timer = nil } }
                self?.askIfDue()
            }
        }
        guard let question else { return }
        let request = MetadataRequest {
            $0.topics = question.topics?.map { name in .init { $0.name = name } }
            $0.allowAutoTopicCreation = options.createsTopics
        }
        let take: @Sendable (Result<MetadataResponse, ClientError>) -> Void = { self.take($0) }
        switch question.source {
        case .node(let node): send(request, toNode: node, then: take)
        case .bootstrap(let address):
            send(request, to: address, .requests, maxVersion: .max, timeout: nil, then: take)
        }
    }

    private func take(_ result: Result<MetadataResponse, ClientError>) {
        let (now, chance) = (world.now, world.chance())
        let watcher = state.withLock { state in
            switch result {
            case .success(let response): state.map.answered(response, now, chance: chance)
            case .failure: state.map.failed(now, chance: chance)
            }
            state.lastError = result.failure
            return state.watcher
        }
        tellWaiters()
        watcher?()
        askIfDue()
    }

    private func tellWaiters() {
        let now = world.now
        let told = state.withLock { $0.takeWaiters(now) }
        for (waiter, result) in told { waiter.answer(result) }
    }
}

extension ClusterClient.State {
    /// Removes and returns the waiters whose topic is known now, or whose time has run out.
    fileprivate mutating func takeWaiters(
        _ now: Duration
    ) -> [(ClusterClient.TopicWaiter, Result<Int32, ClientError>)] {
        var told: [(ClusterClient.TopicWaiter, Result<Int32, ClientError>)] = []
        waiters.removeAll { waiter in
            let result: Result<Int32, ClientError>
            if let topic = map.topics[waiter.topic], !topic.leaders.isEmpty {
                result = .success(Int32(topic.leaders.count))
            } else if let refusal = map.refusal(of: waiter.topic) {
                result = .failure(refusal)
            } else if let lastError, !lastError.isRetriable {
                result = .failure(lastError)
            } else if lastError == nil, map.errors[waiter.topic] != nil {
                guard now >= waiter.begin + waiter.patience else { return false }
                result = .failure(.unknownTopic(waiter.topic))
            } else if now >= waiter.begin + waiter.longest {
                let late = ClientError.timedOut(
                    what: "the description of the topic '\(waiter.topic)'", after: waiter.longest)
                result = .failure(lastError ?? late)
            } else {
                return false
            }
            told.append((waiter, result))
            return true
        }
        return told
    }
}

extension Result {
    /// The error; nil for a success.
    var failure: Failure? {
        if case .failure(let error) = self { return error }
        return nil
    }
}
