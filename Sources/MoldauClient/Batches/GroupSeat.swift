package import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// The callbacks of a `GroupSeat` to its holder. Called from any thread, one at a time. A slow callback delays only
/// this seat.
package protocol GroupSeatHolder: AnyObject, Sendable {
    /// The member's topics, for those who inspect the group, and its user data for the member that assigns the work.
    func report() -> (topics: Set<String>, data: [UInt8])
    /// Assigns the group's work to its members, from the data that they reported.
    func divide(_ members: [String: [UInt8]]) throws -> [String: (partitions: Set<TopicPartition>, data: [UInt8])]
    /// Called with the member's latest assignment.
    func seated(_ share: [UInt8])
    /// Called when the member's work may have been reassigned. It joins again when `rebalance` is called.
    func lost(_ reason: String)
    /// Called when the seat is lost for good.
    func failed(_ error: ClientError)
}

/// A membership in a group whose members assign their work themselves. Heartbeats keep it alive, whatever its holder is
/// doing; joins and heartbeats run in a task of its own until `leave`.
package final class GroupSeat: Sendable {
    private struct State {
        var seat: GroupSeatState
        var isClosed = false
        var alarm: OneAnswer<Void>?
        var task: Task<Void, Never>?
    }

    private let cluster: ClusterClient
    private let holder: any GroupSeatHolder
    /// Threads of its own, since the holder's callbacks may be slow: other clients of the process are not delayed.
    private let threads = OwnThreads()
    private let state: Mutex<State>
    /// Wakes threads that wait for a rebalance.
    private let changes = Monitor(0)

    /// A seat that joins the group with the first `rebalance`.
    /// - Throws: `ClientError.invalidSetting`.
    package convenience init(
        _ options: GroupSeatOptions, cluster: ClientOptions, holder: any GroupSeatHolder
    ) throws(ClientError) {
        self.init(options, cluster, try SocketWorld(cluster), holder)
    }

    init(_ options: GroupSeatOptions, _ cluster: ClientOptions, _ world: any ClientWorld, _ holder: any GroupSeatHolder)
    {
        self.cluster = ClusterClient(cluster, world)
        self.holder = holder
        state = Mutex(State(seat: GroupSeatState(options)))
    }

    deinit { cluster.close() }

    /// Starts a rebalance. Does not wait.
    package func rebalance() {
        let alarm = state.withLock { state -> OneAnswer<Void>? in
            if state.isClosed { return nil }
            state.seat.rejoin()
            if state.task == nil { state.task = Task(executorPreference: threads) { await self.run() } }
            return state.alarm
        }
        alarm?.give(.success(()))
    }

    // MARK: Committing

    /// Lets the member commit: calls `commit` with its current member id and generation, and again after a
    /// rebalance in between, which revokes only what the member has released. Blocks.
    /// - Throws: `ClientError.notMember` if the member's work is lost; what `commit` throws.
    package func committing(within time: Duration, _ commit: (ConsumerGroupMetadata) throws -> Void) throws {
        let deadline = ContinuousClock.now + time
        while true {
            let seen = changes.withLock { $0 }
            let member = state.withLock { $0.seat.isSeated ? $0.seat.member : nil }
            guard let member else {
                throw ClientError.notMember(group: group, reason: "it has left, or was considered dead")
            }
            do {
                return try commit(member)
            } catch let error as ClientError {
                guard let code = error.membershipCode else { throw error }
                note(code, member.generation)
                guard code != .unknownMemberID, code != .fencedInstanceID, ContinuousClock.now < deadline else {
                    throw ClientError.notMember(group: group, reason: code.name)
                }
                state.withLock(\.alarm)?.give(.success(()))
                _ = changes.wait(timeout: .milliseconds(50)) { $0 != seen ? true : nil }
            }
        }
    }

    private var group: String { state.withLock(\.seat.options.group) }

    // MARK: The task

    private func run() async {
        while !state.withLock(\.isClosed) {
            if state.withLock(\.seat.needsJoin) {
                await join()
                continue
            }
            await pause(state.withLock { $0.seat.isSeated ? $0.seat.options.heartbeatInterval : .seconds(3_600) })
            let beat = state.withLock { state in
                state.isClosed || state.seat.needsJoin || !state.seat.isSeated ? nil : state.seat.heartbeat()
            }
            if let beat { await send(beat) }
        }
    }

    private func pause(_ time: Duration) async {
        let alarm = OneAnswer<Void>()
        let isNow = state.withLock { state in
            state.alarm = alarm
            return state.isClosed || state.seat.needsJoin
        }
        if isNow { return }
        cluster.world.perform(after: time) { alarm.give(.success(())) }
        try? await alarm.get()
        state.withLock { $0.alarm = nil }
    }

    private func send(_ beat: HeartbeatRequest) async {
        let group = beat.groupID
        let response = try? await answer { then in
            cluster.send(
                beat, toCoordinatorOf: .group(group), timeout: state.withLock(\.seat.options.sessionTimeout), then: then
            )
        }
        guard let response else { return await pause(cluster.options.retryBackoff) }
        if response.errorCode.asksForCoordinator { cluster.forgetCoordinator(.group(group)) }
        note(response.errorCode, beat.generationID)
    }

    private func note(_ code: ErrorCode, _ generation: Int32) {
        guard let step = state.withLock({ $0.seat.heard(code, generation: generation) }) else { return }
        tell(step)
    }

    private func tell(_ step: GroupSeatState.Step) {
        // It may have left while the request was in flight.
        guard !state.withLock(\.isClosed) else { return }
        switch step {
        case .seated(let share): holder.seated(share)
        case .lost(let reason): holder.lost(reason)
        case .fail(let error):
            state.withLock { $0.isClosed = true }
            holder.failed(error)
        default: break
        }
        changes.withLock(wakes: true) { $0 += 1 }
    }

    private func join() async {
        state.withLock { $0.seat.startJoining() }
        defer { state.withLock { $0.seat.endJoining() } }
        do {
            let step = try await joinOnce()
            if case .retry = step { await pauseAfterFailure() }
            tell(step)
        } catch let error as ClientError {
            guard error.isRetriable else { return tell(.fail(error)) }
            await pauseAfterFailure()
        } catch {
            // The task is cancelled.
        }
    }

    private func pauseAfterFailure() async { try? await cluster.world.sleep(cluster.options.retryBackoffMax) }

    /// One round of JoinGroup and SyncGroup.
    private func joinOnce() async throws -> GroupSeatState.Step {
        let (topics, data) = holder.report()
        let (request, options) = state.withLock {
            ($0.seat.joinRequest(topics: topics, data: data), $0.seat.options)
        }
        let joined = try await ask(request, options) { $0.errorCode }
        let step = state.withLock { $0.seat.joined(joined) }
        let sync: SyncGroupRequest
        switch step {
        case .divide(let members):
            do {
                let shares = try holder.divide(members)
                sync = state.withLock { $0.seat.syncRequest(shares) }
            } catch {
                return .fail(.notMember(group: options.group, reason: "its work cannot be divided: \(error)"))
            }
        case .ask: sync = state.withLock { $0.seat.syncRequest() }
        default: return step
        }
        let synced = try await ask(sync, options) { $0.errorCode }
        return state.withLock { $0.seat.synced(synced) }
    }

    private func ask<Request: WireRequest>(
        _ request: Request, _ options: GroupSeatOptions, code: (Request.Response) -> ErrorCode
    ) async throws -> Request.Response {
        try await cluster.ask(
            request, coordinatorOf: .group(options.group), timeout: options.rebalanceTimeout + .seconds(5),
            within: options.sessionTimeout,
            pauses: Backoff(first: cluster.options.retryBackoff, longest: cluster.options.retryBackoffMax), code: code
        ) { code in
            guard code.asksForCoordinator || code == .coordinatorLoadInProgress else { return nil }
            return .refused(code, "a request of the group '\(options.group)'")
        }
    }

    // MARK: End

    /// Leaves the group, unless it is a static member: then its place stays reserved until the session times out.
    /// Blocks briefly.
    package func leave() {
        let (task, alarm, request) = state.withLock { state in
            defer { (state.isClosed, state.task) = (true, nil) }
            // Also during a join, since the other members would wait for it.
            let leaves = !state.seat.memberID.isEmpty && state.seat.options.instanceID == nil && !state.isClosed
            return (state.task, state.alarm, leaves ? state.seat.leaveRequest() : nil)
        }
        task?.cancel()
        alarm?.give(.success(()))
        let cluster = cluster
        if let request {
            let pauses = Backoff(first: cluster.options.retryBackoff, longest: cluster.options.retryBackoffMax)
            _ = try? waiting {
                try await cluster.ask(
                    // On another connection: behind a JoinGroup, which waits for other members, it would be delayed.
                    request, coordinatorOf: .group(request.groupID), .requests, timeout: .seconds(5),
                    within: .seconds(2),
                    pauses: pauses, code: \.errorCode
                ) { $0.isRetriable ? .refused($0, "to let a member leave") : nil }
            }
        }
        cluster.close()
    }
}

extension ClientError {
    /// The error code if a coordinator refused a commit because of the membership.
    fileprivate var membershipCode: ErrorCode? {
        guard case .refused(let code, _, _) = self else { return nil }
        let known: [ErrorCode] = [.rebalanceInProgress, .illegalGeneration, .unknownMemberID, .fencedInstanceID]
        return known.first { $0.rawValue == code }
    }
}
