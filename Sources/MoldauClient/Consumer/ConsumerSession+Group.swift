internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

extension ConsumerSession {
    // MARK: Membership

    /// Replaces the subscription.
    func subscribe(_ subscription: Subscription) {
        state.withLock { state in
            precondition(state.member != nil, "a consumer without a group cannot subscribe: assign partitions to it")
            state.member?.subscribe(subscription)
        }
        learn(of: subscription)
        driveSoon()
    }

    /// Requests the metadata that the subscription needs.
    func learn(of subscription: Subscription) {
        switch subscription {
        case .topics(let names):
            cluster.wantAll(false)
            cluster.refresh(names.sorted())
        case .pattern: cluster.wantAll(true)
        }
    }

    /// Joins the group if that is due, and assigns and revokes partitions.
    /// - Throws: `ClientError`, a retriable one if the group could not be reached before the deadline;
    ///   `CancellationError`.
    func keepMembership(until deadline: Duration) async throws {
        guard let member = state.withLock(\.member), member.needsJoin else { return }
        switch member {
        case let member as GroupMember: try await rejoin(member, until: deadline)
        case let member as HeartbeatMember: await follow(member)
        default: break
        }
    }

    /// In the classic protocol, all members join again for every change.
    private func rejoin(_ member: GroupMember, until deadline: Duration) async throws {
        if !member.isLost, !options.isCooperative, !member.owned.isEmpty {
            // The eager protocol revokes all partitions first, whatever the next assignment is.
            await revoke(member.owned, keeping: [])
        }
        state.withLock { $0.isJoining = true }
        defer { state.withLock { $0.isJoining = false } }
        var backoff = Backoff(first: cluster.options.retryBackoff, longest: cluster.options.retryBackoffMax)
        while true {
            await mourn()
            switch try await join(member.group, until: deadline) {
            case .joinAgain, .sync: break
            case .retry(let error):
                if cluster.world.now >= deadline { throw error }
                try await cluster.world.sleep(backoff.pause(chance: cluster.world.chance()))
            case .fail(let error):
                state.withLock { $0.fatal = error }
                throw error
            case .assigned(let partitions): return await take(partitions)
            }
        }
    }

    /// Reports partitions as lost.
    func mourn() async {
        guard let member = state.withLock(\.member), member.isLost else { return }
        withFetch { $0.assign([]) }
        await options.onRebalance?(.lost(member.owned))
        state.withLock { $0.member?.mourn() }
    }

    /// Updates the member if it uses the classic protocol.
    @discardableResult
    func update<Member: Membership, Result: Sendable>(
        _: Member.Type, _ body: @Sendable (inout Member) -> Result
    ) -> Result? {
        state.withLock { state in
            guard var member = state.member as? Member else { return nil }
            defer { state.member = member }
            return body(&member)
        }
    }

    /// One round of JoinGroup and SyncGroup.
    private func join(_ group: String, until deadline: Duration) async throws -> GroupMember.Step {
        guard let request = update(GroupMember.self, { $0.joinRequest() }) else { return .joinAgain }
        // The coordinator waits for the other members, each of which may take this long to poll.
        let timeout = options.maxPollInterval + .seconds(5)
        let joined = try await askCoordinator(
            request, of: group, timeout: timeout, within: deadline - cluster.world.now
        ) {
            $0.errorCode
        }
        let step = update(GroupMember.self) { $0.joined(joined) } ?? .joinAgain
        guard step == .sync, let topics = update(GroupMember.self, { $0.topicsToSpread }) else { return step }
        var counts: [String: Int32] = [:]
        for topic in topics.sorted() {
            do {
                counts[topic] = try await cluster.partitionCount(of: topic, within: .seconds(5))
            } catch is ClientError {
                // A topic that does not exist has no partitions to assign.
            }
        }
        guard let sync = update(GroupMember.self, { [counts] in $0.syncRequest(counts: counts) }) else {
            return .joinAgain
        }
        let synced = try await askCoordinator(sync, of: group, timeout: timeout, within: options.apiTimeout) {
            $0.errorCode
        }
        return update(GroupMember.self) { $0.synced(synced) } ?? .joinAgain
    }

    /// Revokes partitions that are no longer assigned, and adds new ones.
    func take(_ partitions: Set<TopicPartition>) async {
        let owned = state.withLock { $0.member?.owned ?? [] }
        let gone = owned.subtracting(partitions)
        if !gone.isEmpty {
            await revoke(gone, keeping: owned.intersection(partitions))
            update(GroupMember.self) { $0.joinOnceMore() }
        }
        let new = partitions.subtracting(owned)
        state.withLock { $0.member?.own(partitions) }
        cluster.refresh(Set(partitions.map(\.topic)).sorted())
        beat()
        // Added before the callback, so that it may seek; nothing is read before it returns.
        withFetch { $0.assign(partitions) }
        await options.onRebalance?(.assigned(new))
    }

    private func revoke(_ partitions: Set<TopicPartition>, keeping kept: Set<TopicPartition>) async {
        if options.commitsAutomatically { try? await commit(positions(of: partitions)) }
        await options.onRebalance?(.revoked(partitions))
        withFetch { $0.assign(kept) }
        state.withLock { $0.member?.own(kept) }
    }

    /// Sets the positions of partitions to the committed offsets.
    func findPositions(_ partitions: Set<TopicPartition>, until deadline: Duration) async throws {
        guard !partitions.isEmpty else { return }
        let found =
            options.group == nil ? [:] : try await committed(partitions, within: deadline - cluster.world.now)
        withFetch { fetch in
            // The application may have called `seek` meanwhile.
            for partition in partitions.intersection(fetch.withoutPosition).sorted() {
                if let offset = found[partition] {
                    fetch.seek(partition, to: offset)
                } else {
                    fetch.reset(partition, because: "the group has committed no offset for it")
                }
            }
        }
    }

    // MARK: Heartbeats

    /// Starts to send heartbeats, until the membership ends.
    private func beat() {
        let isNew = state.withLock { state in
            defer { state.isBeating = true }
            return !state.isBeating
        }
        if isNew { beatLater() }
    }

    private func beatLater() {
        cluster.world.perform(after: options.heartbeatInterval) { [weak self] in self?.beatNow() }
    }

    private func beatNow() {
        let now = cluster.world.now
        enum Beat { case none, later, heart(HeartbeatRequest), leave(LeaveGroupRequest) }
        let beat = state.withLock { state -> Beat in
            guard var member = state.member as? GroupMember, member.isStable, !state.isClosed else {
                state.isBeating = false
                return .none
            }
            // The response may belong to the previous generation.
            if state.isJoining { return .later }
            guard now - state.polledAt < options.maxPollInterval || state.isReading else {
                state.isBeating = false
                let request = member.leaveRequest(because: "max.poll.interval.ms has passed without a poll")
                member.leave()
                state.member = member
                return .leave(request)
            }
            return .heart(member.heartbeat())
        }
        guard let group = options.group else { return }
        switch beat {
        case .none: break
        case .later: beatLater()
        case .leave(let request): cluster.send(request, toCoordinatorOf: .group(group)) { _ in }
        case .heart(let request):
            cluster.send(request, toCoordinatorOf: .group(group), timeout: options.sessionTimeout) {
                [weak self] result in
                self?.heard(result, request.generationID, group)
            }
        }
    }

    private func heard(_ result: Result<HeartbeatResponse, ClientError>, _ generation: Int32, _ group: String) {
        if case .success(let response) = result {
            if response.errorCode.asksForCoordinator { cluster.forgetCoordinator(.group(group)) }
            note(response.errorCode, generation)
        }
        beatLater()
    }

    /// Takes what the coordinator says about the membership.
    func note(_ code: ErrorCode, _ generation: Int32) {
        state.withLock { state in
            if let error = state.member?.heard(code, generation: generation) { state.fatal = error }
        }
        driveSoon()
    }
}
