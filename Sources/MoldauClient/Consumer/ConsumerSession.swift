internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// Drives a `FetchMachine` and a `Membership`: the part of a consumer that does not know types.
///
/// Fetches and heartbeats go on in the background. Joining the group, and whatever else makes partitions come and go,
/// happens within `nextChunk` and `close` only, in the task that reads.
final class ConsumerSession: Sendable {
    struct State {
        var fetch: FetchMachine
        /// nil if partitions are assigned by hand.
        var member: (any Membership)?
        /// The reader that waits for records.
        var waiting: OneAnswer<Void>?
        /// Whether it, or else the next one, waits no longer.
        var isWoken = false
        /// Called when there are some, for a reader that blocks its thread.
        var bell: (@Sendable () -> Void)?
        var isReading = false
        var isClosed = false
        /// What the reader got last, until it comes back.
        var inHand: FetchedChunk?
        /// Whether nothing more is given to the reader, and who waits for it to come back.
        var isFinishing = false
        var returned: OneAnswer<Void>?
        /// When the reader was last here.
        var polledAt: Duration = .zero
        var committedAt: Duration = .zero
        /// An error that ends the membership.
        var fatal: ClientError?
        var isBeating = false
        var isJoining = false
        /// Commits that nobody waits for, and those that wait for them.
        var pendingCommits = 0
        var waitingCommits: [OneAnswer<Void>] = []
        /// Told what was committed.
        var onCommit: [@Sendable ([TopicPartition: Offset]) -> Void] = []
    }

    let options: ConsumerOptions
    let cluster: ClusterClient
    let state: Mutex<State>
    private let driver: Driver
    // Of a loop over records, which asks and tells for each of them: atomics, so that it takes no lock.
    /// Whether nothing more is to be read.
    let isOver = Atomic(false)
    /// How often a reader has come: a loop hands out nothing of an earlier time.
    let turn = Atomic(0)
    /// The position behind what was handed out of `inHand`; the greatest of all if that is everything.
    let handed = Atomic(Int64.max)

    /// - Parameter subscription: that of a member of a group; nil for partitions that are assigned by hand.
    /// - Throws: `ClientError.invalidSetting`.
    init(
        _ options: ConsumerOptions, _ subscription: Subscription?, _ client: ClientOptions, _ world: any ClientWorld
    ) throws(ClientError) {
        try options.check()
        self.options = options
        cluster = ClusterClient(client, world)
        driver = Driver(world)
        let member = try subscription.map { subscription throws(ClientError) in
            try Self.member(options, subscription, client, world)
        }
        var state = State(fetch: FetchMachine(options, client), member: member)
        state.polledAt = world.now
        state.committedAt = world.now
        self.state = Mutex(state)
        cluster.watch { [weak self] in self?.drive() }
        if let subscription { learn(of: subscription) }
    }

    deinit { cluster.close() }

    // MARK: Reading

    /// Waits for records of any partition.
    /// - Returns: nil after that time.
    /// - Throws: `ClientError`; `CancellationError`.
    func nextChunk(within time: Duration) async throws -> FetchedChunk? {
        let deadline = cluster.world.now + time
        try beginReading()
        defer {
            state.withLock { $0.isReading = false }
            tellReturned()
        }
        while true {
            try Task.checkCancellation()
            let (error, isFinishing) = state.withLock { ($0.fatal, $0.isFinishing) }
            if let error { throw error }
            if isFinishing { throw ClientError.closed }
            commitIfDue()
            do {
                try await keepMembership(until: deadline)
                try await findPositions(state.withLock { $0.fetch.withoutPosition }, until: deadline)
            } catch let error as ClientError where error.isRetriable {
                // The cluster is away: whoever polls again tries again.
                return nil
            }
            let now = cluster.world.now
            let answer = OneAnswer<Void>()
            let (chunk, isWoken) = try state.withLock { state throws -> (FetchedChunk?, Bool) in
                state.polledAt = now
                if state.isWoken {
                    state.isWoken = false
                    return (nil, true)
                }
                if let chunk = try state.fetch.take() { return (chunk, false) }
                state.waiting = answer
                return (nil, false)
            }
            if isWoken { return nil }
            driveSoon()
            if let chunk { return chunk }
            guard deadline > now else { return nil }
            cluster.world.perform(after: min(deadline - now, .seconds(1))) { answer.give(.success(())) }
            try await answer.get()
        }
    }

    private func beginReading() throws {
        let error = state.withLock { state -> ClientError? in
            turn.add(1, ordering: .relaxed)
            if let chunk = state.inHand { state.fetch.giveBack(chunk, from: handedPosition) }
            state.inHand = nil
            if state.isClosed || state.isFinishing { return .closed }
            precondition(!state.isReading, "a consumer is read by one task at a time")
            state.isReading = true
            return nil
        }
        if let error {
            tellReturned()
            throw error
        }
    }

    /// Ends the wait of whoever reads, or else the next one.
    func wakeUp() {
        let waiting = state.withLock { state in
            defer { (state.waiting, state.isWoken) = (nil, true) }
            return state.waiting
        }
        waiting?.give(.success(()))
    }

    /// The records of a chunk up to there were returned.
    /// - Parameters:
    ///   - rest: the others.
    ///   - oneByOne: whether they only count when `handsOut` was told of them.
    func advance(_ chunk: FetchedChunk, to offset: Offset, _ rest: FetchedChunk?, oneByOne: Bool = false) {
        state.withLock { state in
            state.inHand = chunk
            handed.store(oneByOne ? chunk.from.value : .max, ordering: .relaxed)
            state.fetch.advance(chunk, to: offset, rest)
        }
        driveSoon()
    }

    /// A loop hands out a record of `inHand`.
    /// - Parameter next: the position behind it.
    /// - Returns: false if it must not.
    func handsOut(upTo next: Offset, _ turn: Int) -> Bool {
        guard !isOver.load(ordering: .relaxed), self.turn.load(ordering: .relaxed) == turn else { return false }
        handed.store(next.value, ordering: .relaxed)
        return true
    }

    var handedPosition: Offset { Offset(handed.load(ordering: .relaxed)) }

    /// Changes the fetched partitions, and does what is due then.
    func withFetch<Result: Sendable>(_ body: @Sendable (inout FetchMachine) throws -> Result) rethrows -> Result {
        let result = try state.withLock { state in try body(&state.fetch) }
        driveSoon()
        return result
    }

    // MARK: Driving

    func driveSoon() { driver.soon { [weak self] in self?.drive() } }

    private func drive() {
        driver.begin()
        let (now, time, map) = (cluster.world.now, cluster.world.time, cluster.map)
        let (actions, fetchDue, waiting, bell) = state.withLock { state in
            guard !state.isClosed else {
                return ([FetchMachine.Action](), Duration?.none, OneAnswer<Void>?.none, (@Sendable () -> Void)?.none)
            }
            state.member?.notice(map)
            let (actions, due) = state.fetch.next(now, map, at: time)
            guard state.hasNews else { return (actions, due, nil, nil) }
            defer { state.waiting = nil }
            return (actions, due, state.waiting, state.bell)
        }
        waiting?.give(.success(()))
        bell?()
        perform(actions)
        let due = [fetchDue, sendHeartbeat(now)].compactMap(\.self).min()
        if let due { driver.wait(until: due, now) { [weak self] in self?.drive() } }
    }

    private func perform(_ actions: [FetchMachine.Action]) {
        for action in actions {
            switch action {
            case .fetch(let node, let number, let request):
                // From version 13 on topics have ids instead of names.
                let timeout = cluster.options.requestTimeout + options.fetchMaxWait
                cluster.send(request, toNode: node, .fetches, maxVersion: 12, timeout: timeout) { [weak self] result in
                    self?.take { fetch, now, chance in fetch.fetched(number, result, now, chance: chance) }
                }
            case .listOffsets(let node, let number, let request):
                cluster.send(request, toNode: node) { [weak self] result in
                    self?.take { fetch, now, chance in fetch.listed(number, result, now, chance: chance) }
                }
            case .endOfEpoch(let node, let number, let request):
                cluster.send(request, toNode: node) { [weak self] result in
                    self?.take { fetch, now, chance in fetch.checked(number, result, now, chance: chance) }
                }
            case .refresh: cluster.refresh()
            }
        }
    }

    private func take(_ body: @Sendable (inout FetchMachine, Duration, Double) -> [FetchMachine.Action]) {
        let (now, chance) = (cluster.world.now, cluster.world.chance())
        perform(state.withLock { state in body(&state.fetch, now, chance) })
        drive()
    }

    // MARK: Requests

    /// Asks a coordinator, again and again while that may help.
    /// - Throws: `ClientError`; `CancellationError`.
    func askCoordinator<Request: WireRequest>(
        _ request: Request, of group: String, timeout: Duration? = nil, within time: Duration,
        repeats isRepeated: (ErrorCode) -> Bool = {
            $0.asksForCoordinator || $0 == .coordinatorLoadInProgress || $0 == .requestTimedOut
        },
        code: (Request.Response) -> ErrorCode
    ) async throws -> Request.Response {
        try await cluster.ask(
            request, coordinatorOf: .group(group), timeout: timeout, within: time,
            pauses: Backoff(first: cluster.options.retryBackoff, longest: cluster.options.retryBackoffMax), code: code
        ) { code in
            isRepeated(code) ? .refused(code, "a request of the group '\(group)'") : nil
        }
    }
}

extension ConsumerSession.State {
    /// Whether a reader that waits has something to do.
    fileprivate var hasNews: Bool {
        fatal != nil || (member?.needsJoin ?? false) || fetch.hasNews
    }
}

extension FetchMachine {
    /// Whether `take` returns or throws something.
    var hasNews: Bool {
        order.contains { partition in
            guard let place = places[partition], !place.isPaused else { return false }
            return !place.chunks.isEmpty || place.error != nil
        }
    }
}
