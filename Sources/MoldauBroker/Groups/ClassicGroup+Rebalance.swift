internal import MoldauRecords

extension ClassicGroup {
    /// The members or their subscriptions have changed: begins a rebalance, or continues the current one.
    mutating func rebalance(_ context: GroupContext, _ output: inout GroupOutput) {
        if state == .preparingRebalance { return completeIfAllJoined(context, &output) }
        if state == .completingRebalance {
            for id in members.keys.sorted() {
                members[id]?.assignment = []
                answerSync(of: id, .rebalanceInProgress, context, &output)
            }
        }
        syncDeadline = nil
        pendingSync = []
        let isInitial = state == .empty
        enter(.preparingRebalance, context.now)
        let timeout = rebalanceTimeout
        if isInitial {
            let delay = context.settings.initialRebalanceDelay
            initialDelay = InitialDelay(end: context.now.uptime + delay, rest: max(timeout - delay, .zero))
            endInitialDelay(context, &output)
        } else {
            joinDeadline = context.now.uptime + timeout
            completeIfAllJoined(context, &output)
        }
    }

    /// The longest rebalance timeout of all members.
    private var rebalanceTimeout: Duration {
        .milliseconds(members.values.map(\.rebalanceTimeoutMs).max() ?? 0)
    }

    func isAllJoined() -> Bool { pending.isEmpty && members.values.allSatisfy { $0.join != nil } }

    /// During the initial delay a group waits even if all members have joined.
    mutating func completeIfAllJoined(_ context: GroupContext, _ output: inout GroupOutput) {
        guard state == .preparingRebalance else { return }
        if members.isEmpty || (initialDelay == nil && isAllJoined()) { completeJoin(context, &output) }
    }

    /// Begins the first generation once the delay is over, unless members joined in its last part and it may be
    /// extended.
    mutating func endInitialDelay(_ context: GroupContext, _ output: inout GroupOutput) {
        guard var delay = initialDelay, delay.end <= context.now.uptime else { return }
        guard delay.hasNewMember, delay.rest > .zero else {
            initialDelay = nil
            return completeJoin(context, &output)
        }
        let extra = min(context.settings.initialRebalanceDelay, delay.rest)
        delay.end = context.now.uptime + extra
        delay.rest -= extra
        delay.hasNewMember = false
        initialDelay = delay
    }

    /// Begins a new generation, without the members that have not joined again. Static members stay: they may be
    /// restarting.
    mutating func completeJoin(_ context: GroupContext, _ output: inout GroupOutput) {
        (joinDeadline, initialDelay) = (nil, nil)
        for member in seated where member.join == nil && member.instanceID == nil {
            _ = remove(member.id, .unknownMemberID, &output)
        }
        if members.isEmpty {
            beginGeneration(.empty, context)
            leader = nil
            protocolName = nil
            return store(&output)
        }
        if leader.flatMap({ members[$0] })?.join == nil {
            guard let next = seated.first(where: { $0.join != nil }) else {
                // Only static members are left, and none has returned. Their sessions will expire.
                joinDeadline = context.now.uptime + rebalanceTimeout
                return
            }
            leader = next.id
        }
        protocolName = electedProtocol()
        beginGeneration(.completingRebalance, context)
        for member in seated {
            answerJoin(of: member.id, context, &output)
            keepAlive(member.id, context)
            members[member.id]?.isNew = false
        }
        pendingSync = Set(members.keys)
        syncDeadline = context.now.uptime + rebalanceTimeout
    }

    private mutating func beginGeneration(_ state: State, _ context: GroupContext) {
        // Generation numbers wrap around to 1.
        generation = generation == .max ? 1 : generation + 1
        enter(state, context.now)
    }

    // MARK: Sync

    mutating func sync(
        _ request: GroupRequest.Sync, _ ticket: GroupTicket, _ context: GroupContext, _ output: inout GroupOutput
    ) throws(GroupError) {
        let id = request.member.memberID
        try check(request.member)
        if let type = request.protocolType, type != protocolType { throw .inconsistentGroupProtocol }
        if let name = request.protocolName, name != protocolName { throw .inconsistentGroupProtocol }
        switch state {
        case .empty: throw .unknownMemberID
        case .preparingRebalance: throw .rebalanceInProgress
        case .completingRebalance:
            // The client retries because it no longer waits for this answer.
            output.answer(members[id]?.sync, .sync(GroupAnswer.Sync(error: .rebalanceInProgress)))
            members[id]?.sync = ticket
            members[id]?.deadline = nil
            pendingSync.remove(id)
            if id == leader { assign(request.assignments, context, &output) }
        case .stable:
            pendingSync.remove(id)
            members[id]?.sync = ticket
            answerSync(of: id, .none, context, &output)
        }
        if pendingSync.isEmpty { syncDeadline = nil }
    }

    private mutating func assign(
        _ assignments: [String: [UInt8]], _ context: GroupContext, _ output: inout GroupOutput
    ) {
        for id in members.keys { members[id]?.assignment = assignments[id] ?? [] }
        enter(.stable, context.now)
        store(&output)
        for id in members.keys.sorted() { answerSync(of: id, .none, context, &output) }
    }

    private mutating func answerSync(
        of id: String, _ error: GroupError, _ context: GroupContext, _ output: inout GroupOutput
    ) {
        guard let member = members[id], let ticket = member.sync else { return }
        members[id]?.sync = nil
        keepAlive(id, context)
        let answer =
            error == .none
            ? GroupAnswer.Sync(protocolType: protocolType, protocolName: protocolName, assignment: member.assignment)
            : GroupAnswer.Sync(error: error)
        output.answer(ticket, .sync(answer))
    }

    // MARK: Heartbeats and leaving

    mutating func heartbeat(_ member: MemberGeneration, _ context: GroupContext) throws(GroupError) {
        try check(member)
        if state == .empty { throw .unknownMemberID }
        noteSign(of: member.memberID, context)
        if state == .preparingRebalance { throw .rebalanceInProgress }
    }

    /// Throws unless the member may commit positions for the group.
    func checkCommit(_ member: MemberGeneration, isTransactional: Bool) throws(GroupError) {
        // Consumers that assign partitions to themselves, and tools, are not members.
        if member.generation < 0 && state == .empty { return }
        if member.generation >= 0 || !member.memberID.isEmpty || member.instanceID != nil {
            try check(member)
        } else if !isTransactional {
            throw .unknownMemberID
        }
        // The members do not yet know what they own.
        if state == .completingRebalance && !isTransactional { throw .rebalanceInProgress }
    }

    /// Called when the member gives a sign of life. A member that waits in a rebalance sends no heartbeats, and a new
    /// member has a different kind of deadline.
    mutating func noteSign(of id: String, _ context: GroupContext) {
        if members[id]?.isWaiting == false { keepAlive(id, context) }
    }

    mutating func leave(
        _ names: [MemberName], _ context: GroupContext, _ output: inout GroupOutput
    ) -> [GroupError] {
        var hasChanged = false
        let errors = names.map { name in
            do throws(GroupError) {
                if name.instanceID == nil, pending.removeValue(forKey: name.memberID) != nil {
                    hasChanged = true
                    return GroupError.none
                }
                var id = name.memberID
                if let instance = name.instanceID, id.isEmpty { id = staticMembers[instance] ?? "" }
                try check(id, name.instanceID)
                hasChanged = remove(id, .unknownMemberID, &output) || hasChanged
                return .none
            } catch {
                return error
            }
        }
        if hasChanged { memberWasRemoved(context, &output) }
        return errors
    }

    /// - Parameter error: the answer to the member's pending request.
    /// - Returns: whether it was a member.
    mutating func remove(_ id: String, _ error: GroupError, _ output: inout GroupOutput) -> Bool {
        pending[id] = nil
        guard let member = members.removeValue(forKey: id) else { return false }
        output.answer(member.join, .join(GroupAnswer.Join(memberID: id, error)))
        output.answer(member.sync, .sync(GroupAnswer.Sync(error: error)))
        if let instance = member.instanceID, staticMembers[instance] == id { staticMembers[instance] = nil }
        pendingSync.remove(id)
        if leader == id { leader = seated.first { $0.join != nil }?.id ?? seated.first?.id }
        return true
    }

    private mutating func memberWasRemoved(_ context: GroupContext, _ output: inout GroupOutput) {
        switch state {
        case .empty: break
        case .preparingRebalance: completeIfAllJoined(context, &output)
        case .completingRebalance, .stable: rebalance(context, &output)
        }
    }

    // MARK: Time

    /// The earliest deadline; nil if there is none.
    var alarm: Duration? { [joinDeadline, syncDeadline, initialDelay?.end, memberAlarm].compactMap(\.self).min() }

    /// Handles the deadlines that have passed.
    mutating func wake(_ context: GroupContext, _ output: inout GroupOutput) {
        let now = context.now.uptime
        let late = pending.filter { $0.value <= now }.keys
        for id in late { pending[id] = nil }
        var hasRemoved = !late.isEmpty
        for member in seated {
            guard let deadline = member.deadline, deadline <= now else { continue }
            // Members that wait for the others send no heartbeats, but new ones have a deadline.
            members[member.id]?.deadline = nil
            if member.isWaiting && !member.isNew { continue }
            hasRemoved = remove(member.id, .unknownMemberID, &output) || hasRemoved
        }
        if let deadline = syncDeadline, deadline <= now {
            syncDeadline = nil
            for id in pendingSync.sorted() { hasRemoved = remove(id, .unknownMemberID, &output) || hasRemoved }
        }
        memberAlarm = (members.values.compactMap(\.deadline) + pending.values).min()
        if hasRemoved { memberWasRemoved(context, &output) }
        endInitialDelay(context, &output)
        if let deadline = joinDeadline, deadline <= now { completeJoin(context, &output) }
    }

    /// Called when the group was loaded from disk.
    mutating func resume(_ context: GroupContext) {
        for id in members.keys { keepAlive(id, context) }
    }

    /// The coordinator is stopping: waiting members look for another one.
    mutating func stop(_ output: inout GroupOutput) {
        for member in seated {
            output.answer(member.join, .join(GroupAnswer.Join(memberID: member.id, .coordinatorNotAvailable)))
            output.answer(member.sync, .sync(GroupAnswer.Sync(error: .coordinatorNotAvailable)))
            members[member.id]?.join = nil
            members[member.id]?.sync = nil
        }
    }
}
