#if SABOTAGE
    internal import MoldauLog
#endif
internal import MoldauRecords

extension ConsumerGroup {
    /// - Parameters:
    ///   - newID: the id for a member that has none.
    ///   - known: all existing topics.
    mutating func heartbeat(
        _ request: GroupRequest.ConsumerHeartbeat, newID: String, _ known: GroupTopics,
        _ context: GroupContext, _ output: inout GroupOutput
    ) throws(GroupError) -> GroupAnswer.ConsumerHeartbeat {
        if request.epoch < 0 { return try leave(request, known, context, &output) }
        let id = request.memberID.isEmpty ? newID : request.memberID
        if members[id] == nil && members.count >= context.settings.maxSize && request.epoch == 0
            && request.instanceID.flatMap({ self.member(ofInstance: $0) }) == nil
        {
            throw .groupMaxSizeReached
        }
        let old = try subscriber(id, request, &output)
        var member = old
        update(&member, request)
        member.matched = member.pattern.flatMap { known.matched(by: $0, request.access) }
        if member.isOther(than: old) { output.records.append(.consumer(name, .member(id, member))) }
        let isNew = members[id] == nil
        set(member, id)
        if isNew || member.topics != old.topics || member.pattern != old.pattern || member.assignor != old.assignor
            || (member.matched != old.matched && known.wanted(by: member) != known.wanted(by: old)) || hasChanged(known)
        {
            beginEpoch(known, &output)
        }
        var next = reconciled(member, owned: request.owned)
        next.deadline = context.now.uptime + context.settings.consumerSessionTimeout
        #if SABOTAGE
            if context.settings.sabotage.contains(.partitionHasTwoOwners) { next.assigned.formUnion(target[id] ?? []) }
            if context.settings.sabotage.contains(.sessionCutShort) {
                next.deadline = context.now.uptime + context.settings.consumerSessionTimeout / 4
            }
        #endif
        if next.state != .unrevoked {
            next.revocationDeadline = nil
        } else if member.state != .unrevoked || member.revocationDeadline == nil {
            next.revocationDeadline = context.now.uptime + .milliseconds(next.rebalanceTimeoutMs)
        }
        if isNew || !next.hasSameAssignment(as: member) {
            output.records.append(.consumer(name, .current(id, next)))
        }
        set(next, id)
        let isTold = request.isFull || next.assigned != old.assigned
        return GroupAnswer.ConsumerHeartbeat(
            memberID: id, epoch: next.epoch,
            heartbeatIntervalMs: Int32(clamping: context.settings.consumerHeartbeatInterval.milliseconds),
            assignment: isTold ? next.assigned.sorted() : nil)
    }

    /// Whether a topic that the members subscribe to was created, deleted or extended.
    private func hasChanged(_ known: GroupTopics) -> Bool {
        wanted(known).contains { known[$0] != topics[$0] } || topics.keys.contains { known[$0] == nil }
    }

    private func update(_ member: inout ConsumerMember, _ request: GroupRequest.ConsumerHeartbeat) {
        member.client = request.client
        if let topics = request.topics { member.topics = Set(topics) }
        if let pattern = request.topicPattern { member.pattern = pattern.isEmpty ? nil : pattern }
        if let assignor = request.assignor { member.assignor = assignor }
        if let rack = request.rackID { member.rackID = rack }
        if let instance = request.instanceID { member.instanceID = instance }
        if request.rebalanceTimeoutMs >= 0 { member.rebalanceTimeoutMs = request.rebalanceTimeoutMs }
    }

    /// The member that sent the request: a known one, a new one, or the successor of a static member.
    private mutating func subscriber(
        _ id: String, _ request: GroupRequest.ConsumerHeartbeat, _ output: inout GroupOutput
    ) throws(GroupError) -> ConsumerMember {
        if request.epoch > 0 {
            let member = try known(request)
            guard member.accepts(epoch: request.epoch, owned: request.owned) else { throw .fencedMemberEpoch }
            return member
        }
        if let instance = request.instanceID, let old = member(ofInstance: instance), old.id != id {
            guard old.epoch == ConsumerMember.awayEpoch else { throw .unreleasedInstanceID }
            return replace(old, with: id, &output)
        }
        return members[id] ?? ConsumerMember(id: id)
    }

    private func known(_ request: GroupRequest.ConsumerHeartbeat) throws(GroupError) -> ConsumerMember {
        if let instance = request.instanceID {
            guard let current = member(ofInstance: instance) else { throw .unknownMemberID }
            guard current.id == request.memberID else { throw .fencedInstanceID }
        }
        guard let member = members[request.memberID] else { throw .unknownMemberID }
        return member
    }

    /// A static member returns with another member id: it keeps its assignment, and other members are not affected.
    private mutating func replace(
        _ old: ConsumerMember, with id: String, _ output: inout GroupOutput
    ) -> ConsumerMember {
        var member = old
        member.id = id
        (member.epoch, member.previousEpoch) = (0, 0)
        forget(old.id, &output)
        set(member, id)
        target[id] = target.removeValue(forKey: old.id)
        output.records.append(.consumer(name, .target(member: old.id, nil)))
        output.records.append(.consumer(name, .member(id, member)))
        output.records.append(.consumer(name, .target(member: id, target[id])))
        output.records.append(.consumer(name, .current(id, member)))
        return member
    }

    // MARK: Leaving

    private mutating func leave(
        _ request: GroupRequest.ConsumerHeartbeat, _ known: GroupTopics, _ context: GroupContext,
        _ output: inout GroupOutput
    ) throws(GroupError) -> GroupAnswer.ConsumerHeartbeat {
        var member = try self.known(request)
        if request.epoch == ConsumerMember.awayEpoch {
            (member.epoch, member.revoked, member.state) = (request.epoch, [], .stable)
            member.revocationDeadline = nil
            set(member, member.id)
            output.records.append(.consumer(name, .current(member.id, member)))
        } else {
            remove([member.id], known, &output)
        }
        return GroupAnswer.ConsumerHeartbeat(memberID: member.id, epoch: request.epoch)
    }

    private mutating func forget(_ id: String, _ output: inout GroupOutput) {
        set(nil, id)
        output.records.append(.consumer(name, .current(id, nil)))
        output.records.append(.consumer(name, .member(id, nil)))
    }

    private mutating func remove(_ ids: [String], _ known: GroupTopics, _ output: inout GroupOutput) {
        for id in ids { forget(id, &output) }
        beginEpoch(known, &output)
    }

    // MARK: Time and commits

    /// Removes the members whose session has expired, and those that did not release revoked partitions in time.
    mutating func wake(_ known: GroupTopics, _ context: GroupContext, _ output: inout GroupOutput) {
        let late = members.values.filter { member in
            [member.deadline, member.revocationDeadline].contains { $0.map { $0 <= context.now.uptime } ?? false }
        }
        if !late.isEmpty { remove(late.map(\.id).sorted(), known, &output) }
        alarm = members.values.flatMap { [$0.deadline, $0.revocationDeadline].compactMap(\.self) }.min()
    }

    /// The group was loaded from disk: members get their session timeout to send a heartbeat.
    mutating func resume(_ context: GroupContext) {
        for (id, var member) in members {
            member.deadline = context.now.uptime + context.settings.consumerSessionTimeout
            if member.state == .unrevoked {
                member.revocationDeadline = context.now.uptime + .milliseconds(member.rebalanceTimeoutMs)
            }
            set(member, id)
        }
    }

    /// Throws unless the member may commit or fetch positions of the group.
    func check(_ member: MemberGeneration) throws(GroupError) {
        if member.generation < 0 && members.isEmpty { return }
        guard let current = members[member.memberID] else { throw .unknownMemberID }
        guard current.epoch == member.generation else { throw .staleMemberEpoch }
    }

    /// Deletes the records of a group without members.
    func dissolve(_ output: inout GroupOutput) {
        for change in [ConsumerGroupRecord.targetEpoch(nil), .topics(nil), .epoch(nil)] {
            output.records.append(.consumer(name, change))
        }
    }
}

extension ConsumerMember {
    /// Whether its record differs.
    fileprivate func isOther(than old: ConsumerMember) -> Bool {
        instanceID != old.instanceID || rackID != old.rackID || client != old.client || topics != old.topics
            || pattern != old.pattern
            || assignor != old.assignor || rebalanceTimeoutMs != old.rebalanceTimeoutMs
    }

    fileprivate func hasSameAssignment(as old: ConsumerMember) -> Bool {
        epoch == old.epoch && previousEpoch == old.previousEpoch && state == old.state && assigned == old.assigned
            && revoked == old.revoked
    }
}

extension GroupRequest.ConsumerHeartbeat {
    /// Whether the request states everything; the answer then does, too.
    fileprivate var isFull: Bool {
        epoch == 0 || (rebalanceTimeoutMs >= 0 && (topics != nil || topicPattern != nil) && owned != nil)
    }

    /// Checks what does not depend on the group.
    func check() throws(GroupError) {
        let isNamed = !memberID.isEmpty || (epoch == 0 && !requiresMemberID)
        guard epoch >= ConsumerMember.awayEpoch, isNamed, instanceID != "" else { throw .invalidRequest }
        if epoch == ConsumerMember.awayEpoch && instanceID == nil { throw .invalidRequest }
        if epoch == 0 {
            let wantsSome = topics?.isEmpty == false || topicPattern?.isEmpty == false
            guard rebalanceTimeoutMs >= 0, owned?.isEmpty == true, wantsSome else {
                throw .invalidRequest
            }
        }
        if let assignor, ServerAssignor(rawValue: assignor) == nil { throw .unsupportedAssignor }
        let texts = [memberID, instanceID ?? "", rackID ?? "", client.id, client.host] + (topics ?? [])
        guard texts.allSatisfy({ $0.utf8.count <= GroupRecord.maxTextBytes }) else { throw .invalidRequest }
    }
}
