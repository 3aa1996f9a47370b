internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

extension ConsumerSession {
    /// Commits, leaves the group, and closes the connections.
    func close() async { await close(committing: allPositions) }

    /// The same while another task is reading, which must return first. What it is still processing after `patience` is
    /// not committed.
    func finish(within patience: Duration) async {
        endReading()
        let answer = OneAnswer<Void>()
        state.withLock { state in
            if state.isReading || state.inHand != nil { state.returned = answer } else { answer.give(.success(())) }
        }
        cluster.world.perform(after: patience) { answer.give(.success(())) }
        // Does not wait if the task is cancelled.
        try? await answer.get()
        await close(committing: state.withLock { $0.positions(inHandTo: $0.inHand?.from ?? handedPosition) })
    }

    /// Stops reading.
    func endReading() {
        isOver.store(true, ordering: .relaxed)
        let waiting = state.withLock { state in
            state.isFinishing = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.give(.success(()))
    }

    /// Signals that the reading task has returned.
    func tellReturned() {
        let returned = state.withLock { state -> OneAnswer<Void>? in
            guard !state.isReading, state.inHand == nil else { return nil }
            defer { state.returned = nil }
            return state.returned
        }
        returned?.give(.success(()))
    }

    private func close(committing positions: [TopicPartition: Offset]) async {
        let member = state.withLock(\.member)
        if options.commitsAutomatically { try? await commit(positions) }
        if let member {
            if !member.owned.isEmpty { await options.onRebalance?(.revoked(member.owned)) }
            await leave(member)
        }
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.give(.failure(ClientError.closed))
        cluster.close()
    }

    /// A static member does not leave, and keeps its partitions for its return.
    private func leave(_ member: any Membership) async {
        if let member = member as? GroupMember {
            guard options.instanceID == nil, !member.metadata.memberID.isEmpty else { return }
            await tell(member.leaveRequest(because: "the consumer was closed"), member.group, code: \.errorCode)
        } else if case let request?? = update(HeartbeatMember.self, { $0.closeRequest() }) {
            await tell(request, member.group, code: \.errorCode)
        }
    }

    /// Notifies the coordinator, within the time that `close` may take.
    private func tell<Request: WireRequest>(
        _ request: Request, _ group: String, code: (Request.Response) -> ErrorCode
    ) async {
        _ = try? await askCoordinator(request, of: group, timeout: .seconds(5), within: .seconds(2), code: code)
    }
}
