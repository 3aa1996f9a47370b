internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// Drives a `ProducerMachine`: the untyped part of a producer. Several topics may share one.
final class ProducerSender: Sendable {
    private struct State {
        var machine: ProducerMachine
        var topics: [String: Int] = [:]
        /// Waiters for room in the buffer, in order, and their deadlines.
        var waiting: [(end: Duration, answer: OneAnswer<Void>)] = []
        /// Whether a check for expired waiters is scheduled.
        var isWatching = false
        var isClosed = false
        /// Whether a transaction is open.
        var isInTransaction = false
        /// Waiters for the producer's id.
        var unidentified: [OneAnswer<Void>] = []
    }

    let options: ProducerOptions
    let cluster: ClusterClient
    private let state: Mutex<State>
    private let driver: Driver

    /// - Throws: `ClientError.invalidSetting`.
    init(_ options: ProducerOptions, _ client: ClientOptions, _ world: any ClientWorld) throws(ClientError) {
        try options.check()
        self.options = options
        cluster = ClusterClient(client, world)
        driver = Driver(world)
        state = Mutex(State(machine: ProducerMachine(options, client)))
        cluster.watch { [weak self] in self?.drive() }
    }

    deinit { close() }

    // MARK: Records

    /// The number of a topic, once its metadata is known.
    func topic(_ name: String, _ partitioner: Partitioner) async throws -> Int {
        let count = try await cluster.partitionCount(of: name, within: options.maxBlock)
        return state.withLock { state in
            let topic = state.topics[name] ?? state.machine.addTopic(partitioner)
            state.topics[name] = topic
            state.machine.setPartitions(count, of: topic, named: name)
            return topic
        }
    }

    /// Appends a record if there is room. Does not wait.
    func append(
        to topic: Int, _ partition: Partition?, _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?,
        _ timestamp: Timestamp?, _ headers: Headers
    ) throws -> Acknowledgement? {
        // The world is not copied: that would cost reference counting for each record.
        let cluster = cluster
        let timestamp = timestamp ?? cluster.world.time
        let isTransactional = options.transactionalID != nil
        let bytes = RecordBytes(key: key, value: value)
        let appended = state.withLock { state -> ProducerMachine.Appended in
            if state.isClosed { return .refused(.closed) }
            if isTransactional, !state.isInTransaction {
                return .refused(
                    .transactionFailed(reason: "with a transactional.id records can be sent only within a transaction"))
            }
            return state.machine.append(
                to: topic, partition: partition, bytes, timestamp: timestamp, headers: headers,
                now: { cluster.world.now })
        }
        switch appended {
        case .buffered(let acknowledgement, let isDue):
            if isDue { driveSoon() }
            return acknowledgement
        case .full:
            driveSoon()
            return nil
        case .refused(let error): throw error
        }
    }

    /// Appends a whole batch if there is room. Does not wait.
    func append(_ batch: UnsafeRawBufferPointer, to topic: Int, _ partition: Partition) throws -> BatchOutcome? {
        let batch = WholeBatch(bytes: batch)
        let now = cluster.world.now
        let outcome = try state.withLock { state throws in
            if state.isClosed { throw ClientError.closed }
            return try state.machine.append(batch: batch.bytes, to: topic, partition: partition, now: now)
        }
        driveSoon()
        return outcome
    }

    /// Waits until there may be room.
    func waitForRoom() async throws {
        let answer = OneAnswer<Void>()
        let end = cluster.world.now + options.maxBlock
        let isFree = state.withLock { state in
            if state.machine.hasRoom || state.isClosed { return true }
            state.waiting.append((end, answer))
            return false
        }
        if isFree { return }
        driveSoon()
        watchWaiting()
        defer { wakeWaiting() }
        try await answer.get()
    }

    /// Fails the waiters that have waited for `max.block.ms`.
    private func watchWaiting() {
        let next = state.withLock { state -> Duration? in
            guard !state.isWatching, let first = state.waiting.first else { return nil }
            state.isWatching = true
            return first.end
        }
        guard let next else { return }
        cluster.world.perform(after: next - cluster.world.now) { [weak self] in self?.tellLate() }
    }

    private func tellLate() {
        let now = cluster.world.now
        let late = state.withLock { state in
            state.isWatching = false
            let late = state.waiting.prefix { $0.end <= now }.map(\.answer)
            state.waiting.removeFirst(late.count)
            return late
        }
        let error = ClientError.bufferFull(bytes: options.bufferMemory, after: options.maxBlock)
        for answer in late { answer.give(.failure(error)) }
        watchWaiting()
    }

    /// Wakes the first waiter; each wakes the next one in turn.
    private func wakeWaiting() {
        while true {
            let next = state.withLock { state -> OneAnswer<Void>? in
                guard !state.waiting.isEmpty, state.machine.hasRoom || state.isClosed else { return nil }
                return state.waiting.removeFirst().answer
            }
            // A cancelled waiter does not wake the next one.
            guard let next, !next.give(.success(())) else { return }
        }
    }

    // MARK: Driving

    private func driveSoon() { driver.soon { [weak self] in self?.drive() } }

    /// Does what is due. Only within the world's order, so that requests are sent in the order in which they were made.
    private func drive() {
        driver.begin()
        let (now, map) = (cluster.world.now, cluster.map)
        let (actions, due) = state.withLock { state -> ([ProducerMachine.Action], Duration?) in
            for (name, topic) in state.topics {
                guard let known = map.topics[name] else { continue }
                state.machine.setPartitions(Int32(known.leaders.count), of: topic, named: name)
            }
            return state.machine.next(now, map)
        }
        perform(actions)
        if let due { driver.wait(until: due, now) { [weak self] in self?.drive() } }
    }

    private func perform(_ actions: [ProducerMachine.Action]) {
        var isRoomFree = false
        for action in actions {
            switch action {
            case .produce(let node, let number, let request):
                // The broker may wait for replicas for this long.
                let timeout = cluster.options.requestTimeout
                // From version 12 on partitions join a transaction implicitly.
                let maxVersion: Int16 = options.transactionalID == nil ? .max : 11
                cluster.send(request, toNode: node, maxVersion: maxVersion, timeout: timeout) { [weak self] result in
                    self?.take { machine, now, chance in machine.answered(number, result, now, chance: chance) }
                }
            case .initProducer: initProducer()
            case .abort(let stamp): abort(stamp)
            case .addPartitions(let partitions, let stamp): add(partitions, stamp)
            case .refresh: cluster.refresh()
            case .split(let outcome, let parts): outcome.split(into: parts)
            case .complete(let outcome, let result):
                outcome.become(result)
                isRoomFree = true
            }
        }
        if isRoomFree { wakeWaiting() }
    }

    /// Takes a response, and does what follows from it.
    private func take(
        _ body: @Sendable (inout ProducerMachine, Duration, Double) -> [ProducerMachine.Action]
    ) {
        let (now, chance) = (cluster.world.now, cluster.world.chance())
        perform(state.withLock { state in body(&state.machine, now, chance) })
        drive()
    }

    // MARK: Identity

    private func initProducer() {
        let last = state.withLock { $0.machine.lastStamp }
        let request = InitProducerIdRequest {
            $0.transactionalID = options.transactionalID
            $0.transactionTimeoutMs = Int32(clamping: options.transactionTimeout.milliseconds)
            if let last, options.transactionalID != nil { ($0.producerID, $0.producerEpoch) = (last.id, last.epoch) }
        }
        let take: @Sendable (Result<InitProducerIdResponse, ClientError>) -> Void = { [weak self] result in
            self?.take { machine, now, chance in
                machine.gotProducer(result, now, chance: chance)
                return []
            }
            self?.forgetCoordinator(if: result.map(\.errorCode))
            self?.tellIdentified()
        }
        if let id = options.transactionalID {
            cluster.send(request, toCoordinatorOf: .transaction(id), then: take)
        } else {
            cluster.sendToAny(request, then: take)
        }
    }

    private func abort(_ stamp: ProducerStamp) {
        let request = endRequest(stamp, committed: false)
        let key = CoordinatorKey.transaction(request.transactionalID)
        cluster.send(request, toCoordinatorOf: key, maxVersion: Self.endVersion) { [weak self] result in
            self?.forgetCoordinator(if: result.map(\.errorCode))
            self?.take { machine, now, chance in
                machine.aborted(result, now, chance: chance)
                return []
            }
            self?.tellIdentified()
        }
    }

    /// Waits until the cluster has assigned the producer's id, which fences older producers with its transactional id.
    func identify() async throws {
        let answer = OneAnswer<Void>()
        let isKnown = try state.withLock { state throws -> Bool in
            if state.isClosed { throw ClientError.closed }
            if let error = state.machine.fatalError { throw error }
            if state.machine.stamp != nil { return true }
            state.unidentified.append(answer)
            return false
        }
        if isKnown { return }
        driveSoon()
        let maxBlock = options.maxBlock
        cluster.world.perform(after: maxBlock) {
            answer.give(.failure(ClientError.timedOut(what: "getting an id for the producer", after: maxBlock)))
        }
        try await answer.get()
    }

    private func tellIdentified() {
        let (waiting, error) = state.withLock { state -> ([OneAnswer<Void>], ClientError?) in
            let error = state.machine.fatalError
            guard error != nil || state.machine.stamp != nil else { return ([], nil) }
            defer { state.unidentified = [] }
            return (state.unidentified, error)
        }
        for answer in waiting { answer.give(error.map { .failure($0) } ?? .success(())) }
    }

    func beginScope() throws {
        let isFree = state.withLock { state in
            defer { state.isInTransaction = true }
            return !state.isInTransaction
        }
        guard isFree else {
            throw ClientError.transactionFailed(reason: "the producer's last transaction is still open")
        }
    }

    func endScope() { state.withLock { $0.isInTransaction = false } }

    func forgetCoordinator(if result: Result<ErrorCode, ClientError>) {
        guard let id = options.transactionalID, case .success(let code) = result, code.asksForCoordinator else {
            return
        }
        cluster.forgetCoordinator(.transaction(id))
    }

    private func add(_ partitions: [TopicPartition], _ stamp: ProducerStamp) {
        guard let id = options.transactionalID else { return }
        let request = AddPartitionsToTxnRequest {
            $0.v3AndBelowTransactionalID = id
            $0.v3AndBelowProducerID = stamp.id
            $0.v3AndBelowProducerEpoch = stamp.epoch
            $0.v3AndBelowTopics = partitions.byTopic.map { topic, numbers in
                .init {
                    $0.name = topic
                    $0.partitions = numbers
                }
            }
        }
        cluster.send(request, toCoordinatorOf: .transaction(id), maxVersion: 3) { [weak self] result in
            let codes = result.map { response in
                response.resultsByTopicV3AndBelow.flatMap { $0.resultsByPartition.map(\.partitionErrorCode) }
            }
            let error: ClientError?
            switch codes {
            case .failure(let failure): error = failure
            case .success(let codes):
                let code = codes.first { $0 != .none && $0 != .operationNotAttempted }
                error = code.map { .of(transactional: $0, id, "to add partitions to the transaction") }
                if let code { self?.forgetCoordinator(if: .success(code)) }
            }
            self?.take { machine, now, chance in
                if case .disconnected = error { machine.hasStragglers = true }
                machine.addedPartitions(partitions, stamp, error, now, chance: chance)
                return []
            }
        }
    }

    // MARK: End

    /// Waits until all enqueued records have an outcome.
    func flush() async throws {
        let outcomes = state.withLock { $0.machine.flush() }
        driveSoon()
        for outcome in outcomes {
            do {
                _ = try await outcome.end(of: 0)
            } catch is ClientError {
                // Errors are reported to those who sent the records.
            }
        }
    }

    /// Accepts no more records, and closes the connections. Records without an outcome fail.
    func close() {
        let (waiting, outcomes) = state.withLock { state in
            state.isClosed = true
            defer { (state.waiting, state.unidentified) = ([], []) }
            return (state.waiting.map(\.answer) + state.unidentified, state.machine.close())
        }
        for answer in waiting { answer.give(.failure(ClientError.closed)) }
        for outcome in outcomes { outcome.become(.failure(.closed)) }
        cluster.close()
    }

    /// Changes the machine, then does what is due.
    func withMachine<Result: Sendable>(_ body: @Sendable (inout ProducerMachine) -> Result) -> Result {
        let result = state.withLock { state in body(&state.machine) }
        driveSoon()
        return result
    }
}

/// A batch, valid within the call that passes it.
private struct WholeBatch: @unchecked Sendable {  // Unchecked: as `RecordBytes`.
    let bytes: UnsafeRawBufferPointer
}

extension ClientError {
    /// The error for a transaction coordinator's refusal.
    static func of(transactional code: ErrorCode, _ id: String, _ what: String) -> ClientError {
        switch code {
        case .producerFenced, .invalidProducerEpoch: .fenced(id: id)
        default: .refused(code, what)
        }
    }

    /// The error as seen by a transaction: if only this transaction has failed, the producer remains usable.
    func inTransaction(of member: ConsumerGroupMetadata? = nil) -> ClientError {
        guard case .refused(let code, let name, _) = self else { return self }
        switch ErrorCode(rawValue: code) {
        case .invalidTxnState, .invalidProducerIDMapping, .transactionAbortable:
            return .transactionFailed(reason: "\(self)")
        case .illegalGeneration, .unknownMemberID, .rebalanceInProgress, .fencedMemberEpoch, .staleMemberEpoch:
            guard let member else { return self }
            return .transactionFailed(
                reason: "the group '\(member.group)' has divided its partitions again since they were read (\(name))")
        case .fencedInstanceID:
            guard let id = member?.instanceID else { return self }
            return .fenced(id: id)
        default: return self
        }
    }
}
