internal import MoldauRecords

/// The context that a group needs to handle an event.
struct GroupContext {
    var now: GroupMoment
    var settings: GroupSettings
}

extension ClassicGroup {
    /// - Parameter newID: the id for a member that has none.
    mutating func join(
        _ request: GroupRequest.Join, _ ticket: GroupTicket, newID: String, _ context: GroupContext,
        _ output: inout GroupOutput
    ) throws(GroupError) {
        guard hasPlace(for: request.memberID, context) else {
            _ = remove(request.memberID, .groupMaxSizeReached, &output)
            completeIfAllJoined(context, &output)
            throw .groupMaxSizeReached
        }
        guard supports(request.protocolType, request.protocols) else { throw .inconsistentGroupProtocol }
        if request.memberID.isEmpty {
            if let instance = request.instanceID, let old = staticMembers[instance] {
                return replace(old, with: newID, request, ticket, context, &output)
            }
            if request.instanceID == nil && request.requiresMemberID {
                let deadline = context.now.uptime + .milliseconds(request.sessionTimeoutMs)
                pending[newID] = deadline
                wake(at: deadline)
                var answer = GroupAnswer.Join(request, .memberIDRequired)
                answer.memberID = newID
                return output.answer(ticket, .join(answer))
            }
            return add(newID, request, ticket, context, &output)
        }
        if pending[request.memberID] != nil {
            guard request.instanceID == nil else { throw .invalidRequest }
            return add(request.memberID, request, ticket, context, &output)
        }
        try check(request.memberID, request.instanceID)
        rejoin(request, ticket, context, &output)
    }

    /// Whether the group has room for one more member, or already counts this one.
    private func hasPlace(for memberID: String, _ context: GroupContext) -> Bool {
        switch state {
        case .empty: true
        case .preparingRebalance:
            members[memberID]?.join != nil
                || members.values.count { $0.join != nil } < context.settings.maxSize
        case .completingRebalance, .stable:
            members[memberID] != nil || members.count < context.settings.maxSize
        }
    }

    private mutating func add(
        _ id: String, _ request: GroupRequest.Join, _ ticket: GroupTicket, _ context: GroupContext,
        _ output: inout GroupOutput
    ) {
        pending[id] = nil
        var member = ClassicMember(
            id: id, instanceID: request.instanceID, client: request.client,
            sessionTimeoutMs: request.sessionTimeoutMs, rebalanceTimeoutMs: request.rebalanceTimeoutMs,
            protocols: request.protocols, seat: nextSeat(), join: ticket, isNew: true)
        let deadline = context.now.uptime + context.settings.newMemberTimeout
        member.deadline = deadline
        wake(at: deadline)
        if members.isEmpty { protocolType = request.protocolType }
        members[id] = member
        if let instance = request.instanceID { staticMembers[instance] = id }
        if leader == nil { leader = id }
        initialDelay?.hasNewMember = true
        rebalance(context, &output)
    }

    /// A known member joins again.
    private mutating func rejoin(
        _ request: GroupRequest.Join, _ ticket: GroupTicket, _ context: GroupContext, _ output: inout GroupOutput
    ) {
        let id = request.memberID
        let isUnchanged = members[id]?.protocols == request.protocols
        // Its answer may have been lost, or it checks for changes. A leader that joins again wants a new assignment.
        if isUnchanged, state == .completingRebalance || (state == .stable && id != leader) {
            members[id]?.join = ticket
            return answerJoin(of: id, context, &output)
        }
        update(id, request, ticket, &output)
        rebalance(context, &output)
    }

    private mutating func update(
        _ id: String, _ request: GroupRequest.Join, _ ticket: GroupTicket, _ output: inout GroupOutput
    ) {
        // The client retries because it no longer waits for this answer.
        let old = members[id]?.join
        output.answer(old, .join(GroupAnswer.Join(memberID: id, .rebalanceInProgress)))
        members[id]?.protocols = request.protocols
        members[id]?.sessionTimeoutMs = request.sessionTimeoutMs
        members[id]?.rebalanceTimeoutMs = request.rebalanceTimeoutMs
        members[id]?.client = request.client
        members[id]?.join = ticket
        if members[id]?.isNew == false { members[id]?.deadline = nil }
    }

    // MARK: Static members

    /// A static member returns with its instance id but without its member id. Nothing is reassigned if its
    /// subscription is unchanged.
    private mutating func replace(
        _ old: String, with new: String, _ request: GroupRequest.Join, _ ticket: GroupTicket,
        _ context: GroupContext, _ output: inout GroupOutput
    ) {
        guard let instance = request.instanceID, var member = members.removeValue(forKey: old) else { return }
        let (before, oldLeader) = (member, leader)
        output.answer(member.join, .join(GroupAnswer.Join(memberID: old, .fencedInstanceID)))
        output.answer(member.sync, .sync(GroupAnswer.Sync(error: .fencedInstanceID)))
        (member.id, member.join, member.sync) = (new, nil, nil)
        members[new] = member
        staticMembers[instance] = new
        if leader == old { leader = new }
        if pendingSync.remove(old) != nil { pendingSync.insert(new) }
        update(new, request, ticket, &output)
        guard state == .stable, isSame(before, request), electedProtocol() == protocolName else {
            return rebalance(context, &output)
        }
        store(&output)
        answerReplaced(new, oldLeader: oldLeader, request, context, &output)
    }

    /// Whether the member's subscription is unchanged. A consumer's metadata also states what it owns, which does not
    /// matter here.
    private func isSame(_ member: ClassicMember, _ request: GroupRequest.Join) -> Bool {
        guard let offered = request.protocols.first(where: { $0.name == protocolName }) else { return false }
        let before = member.metadata(protocolName)
        if offered.metadata == before { return true }
        guard protocolType == ConsumerSubscription.protocolType, let new = ConsumerSubscription(offered.metadata),
            let old = ConsumerSubscription(before)
        else { return false }
        return Set(new.topics) == Set(old.topics)
    }

    private mutating func answerReplaced(
        _ id: String, oldLeader: String?, _ request: GroupRequest.Join, _ context: GroupContext,
        _ output: inout GroupOutput
    ) {
        guard let ticket = members[id]?.join else { return }
        members[id]?.join = nil
        members[id]?.isNew = false
        keepAlive(id, context)
        let isLeader = leader == id
        var answer = GroupAnswer.Join(
            memberID: id, generation: generation, protocolType: protocolType, protocolName: protocolName)
        if request.canSkipAssignment {
            answer.leader = leader ?? ""
            answer.skipsAssignment = isLeader
            if isLeader { answer.members = seated.map { $0.joined(protocolName) } }
        } else {
            // Its previous id, so that it does not take itself for the leader: its assignment would be ignored.
            answer.leader = oldLeader ?? ""
        }
        output.answer(ticket, .join(answer))
    }

    // MARK: Answers

    /// Answers a waiting member with this generation.
    mutating func answerJoin(of id: String, _ context: GroupContext, _ output: inout GroupOutput) {
        guard let ticket = members[id]?.join else { return }
        members[id]?.join = nil
        keepAlive(id, context)
        output.answer(
            ticket,
            .join(
                GroupAnswer.Join(
                    memberID: id, generation: generation, protocolType: protocolType, protocolName: protocolName,
                    leader: leader ?? "", members: leader == id ? seated.map { $0.joined(protocolName) } : [])))
    }

    /// Called when the member gives a sign of life: renews its session.
    mutating func keepAlive(_ id: String, _ context: GroupContext) {
        guard let member = members[id] else { return }
        let deadline = context.now.uptime + member.sessionTimeout
        members[id]?.deadline = deadline
        wake(at: deadline)
    }

    private mutating func wake(at deadline: Duration) { memberAlarm = min(memberAlarm ?? deadline, deadline) }
}

extension GroupAnswer.Join {
    init(_ request: GroupRequest.Join, _ error: GroupError) { self.init(memberID: request.memberID, error) }

    init(memberID: String, _ error: GroupError) {
        self.init(error: error, memberID: memberID)
    }
}
