internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// Drives a `FetchMachine` and a `Membership`: the untyped part of a consumer.
///
/// Fetches and heartbeats run in the background. Joins, and anything else that assigns or revokes partitions, happen
/// only within `nextChunk` and `close`, in the reading task.
final class ConsumerSession: Sendable {
    struct State {
        var fetch: FetchMachine
        /// nil if partitions are assigned manually.
        var member: (any Membership)?
        /// The reader that is waiting for records.
        var waiting: OneAnswer<Void>?
        /// Whether the waiting reader, or else the next one, returns at once.
        var isWoken = false
        /// Called when records arrive, for a reader that blocks its thread.
        var bell: (@Sendable () -> Void)?
        var isReading = false
        var isClosed = false
        /// The chunk that the reader got last, until it returns for the next.
        var inHand: FetchedChunk?
        /// Whether the reader gets no more records; below, who waits for it to return.
        var isFinishing = false
        var returned: OneAnswer<Void>?
        /// When the reader last polled.
        var polledAt: Duration = .zero
        var committedAt: Duration = .zero
        /// An error that ends the membership.
        var fatal: ClientError?
        var isBeating = false
        var isJoining = false
        /// The pending asynchronous commits, and those that wait for them.
        var pendingCommits = 0
        var waitingCommits: [OneAnswer<Void>] = []
        /// Called with the committed offsets.
        var onCommit: [@Sendable ([TopicPartition: Offset]) -> Void] = []
    }

    let options: ConsumerOptions
    let cluster: ClusterClient
    let state: Mutex<State>
    private let driver: Driver
    // State of a loop over records, accessed for each of them: atomics, so that no lock is needed.
    /// Whether reading has ended.
    let isOver = Atomic(false)
    /// Incremented by each poll: a loop hands out no records of an earlier one.
    let turn = Atomic(0)
    /// The position after the records of `inHand` that were handed out; the maximum if all were.
    let handed = Atomic(Int64.max)

    /// - Parameter subscription: for a member of a group; nil if partitions are assigned manually.
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
    /// - Returns: nil if none arrive within that time.
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
                // The cluster is unreachable: the next poll retries.
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

    /// Ends the wait of the reader, or the next one if it is not waiting.
    func wakeUp() {
        let waiting = state.withLock { state in
            defer { (state.waiting, state.isWoken) = (nil, true) }
            return state.waiting
        }
        waiting?.give(.success(()))
    }

    /// Marks the records of a chunk before `offset` as returned.
    /// - Parameters:
    ///   - rest: the remaining ones.
    ///   - oneByOne: whether records only count once `handsOut` was called for them.
    func advance(_ chunk: FetchedChunk, to offset: Offset, _ rest: FetchedChunk?, oneByOne: Bool = false) {
        state.withLock { state in
            state.inHand = chunk
            handed.store(oneByOne ? chunk.from.value : .max, ordering: .relaxed)
            state.fetch.advance(chunk, to: offset, rest)
        }
        driveSoon()
    }

    /// Called when a loop hands out a record of `inHand`.
    /// - Parameter next: the position after it.
    /// - Returns: false if it must not be handed out.
    func handsOut(upTo next: Offset, _ turn: Int) -> Bool {
        guard !isOver.load(ordering: .relaxed), self.turn.load(ordering: .relaxed) == turn else { return false }
        handed.store(next.value, ordering: .relaxed)
        return true
    }

    var handedPosition: Offset { Offset(handed.load(ordering: .relaxed)) }

    /// Changes the fetch state, then does what is due.
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
                // From version 13 on, requests name topics by their ids.
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

    /// Sends a request to a coordinator; retries errors that may pass.
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
    /// Whether a waiting reader has something to do.
    fileprivate var hasNews: Bool {
        fatal != nil || (member?.needsJoin ?? false) || fetch.hasNews
    }
}

extension FetchMachine {
    /// Whether `take` would return or throw.
    var hasNews: Bool {
        order.contains { partition in
            guard let place = places[partition], !place.isPaused else { return false }
            return !place.chunks.isEmpty || place.error != nil
        }
    }
}
