internal import MoldauRecords

extension GroupCoordinator {
    mutating func handle(
        _ request: GroupRequest, _ ticket: GroupTicket, _ context: GroupContext, _ actions: inout [GroupAction]
    ) {
        switch request {
        case .join(let join): handle(join, ticket, context, &actions)
        case .sync(let sync): handle(sync, ticket, context, &actions)
        case .heartbeat(let heartbeat):
            attempt(heartbeat.member.group, ticket, &actions, or: { .heartbeat($0) }) {
                group, _ throws(GroupError) in
                try group.classic.heartbeat(heartbeat.member, context)
                return .heartbeat(.none)
            }
        case .leave(let leave):
            attempt(leave.group, ticket, &actions, or: { .leave(GroupAnswer.Leave(error: $0)) }) { group, output in
                let errors = group.classic.leave(leave.members, context, &output)
                return .leave(GroupAnswer.Leave(members: Array(zip(leave.members, errors))))
            }
        case .describe(let name): answer(ticket, name, .describe(description(of: name)), &actions)
        case .list(let filter): actions.append(.answer(ticket, .list(listings(filter)), after: lastWrite))
        case .delete(let name):
            attempt(name, ticket, &actions, or: { .delete($0) }) { group, output throws(GroupError) in
                try group.delete(&output)
                return .delete(.none)
            }
        case .commit(let commit): handle(commit, ticket, context, &actions)
        case .fetch(let fetch):
            answer(ticket, fetch.member.group, .fetch(found(fetch)), &actions)
        case .deleteOffsets(let name, let partitions):
            attempt(name, ticket, &actions, or: { .deleteOffsets($0, []) }) { group, output throws(GroupError) in
                .deleteOffsets(.none, try group.deleteOffsets(partitions, &output))
            }
        case .consumerHeartbeat(let heartbeat): handle(heartbeat, ticket, context, &actions)
        case .consumerDescribe(let name):
            let description =
                groups[name]?.consumer?.description
                ?? GroupAnswer.ConsumerDescription(error: .groupIDNotFound, group: name, state: "Dead")
            answer(ticket, name, .consumerDescribe(description), &actions)
        }
    }

    private mutating func handle(
        _ join: GroupRequest.Join, _ ticket: GroupTicket, _ context: GroupContext, _ actions: inout [GroupAction]
    ) {
        let newID = join.memberID.isEmpty ? makeMemberID(for: join.instanceID ?? join.client.id) : ""
        let isFull = isFull(for: join.group)
        attempt(join.group, ticket, &actions, or: { .join(GroupAnswer.Join(join, $0)) }) {
            group, output throws(GroupError) in
            try Self.check(join, context)
            if isFull { throw .groupMaxSizeReached }
            try group.becomeClassic(&output)
            try group.classic.join(join, ticket, newID: newID, context, &output)
            return nil
        }
    }

    private mutating func handle(
        _ sync: GroupRequest.Sync, _ ticket: GroupTicket, _ context: GroupContext, _ actions: inout [GroupAction]
    ) {
        attempt(sync.member.group, ticket, &actions, or: { .sync(GroupAnswer.Sync(error: $0)) }) {
            group, output throws(GroupError) in
            try group.classic.sync(sync, ticket, context, &output)
            return nil
        }
    }

    private mutating func handle(
        _ commit: GroupRequest.Commit, _ ticket: GroupTicket, _ context: GroupContext, _ actions: inout [GroupAction]
    ) {
        let (isFull, room) = (isFull(for: commit.member.group), settings.maxOffsetBytes - offsetBytes)
        let refusal = { error in
            GroupAnswer.commit(commit.offsets.map { GroupAnswer.Partition($0.partition, error) })
        }
        // A client that is not a member may send an empty group name.
        attempt(commit.member.group, ticket, &actions, isNamed: false, or: refusal) {
            group, output throws(GroupError) in
            if isFull { throw .groupMaxSizeReached }
            let growth = commit.offsets.reduce(0) { sum, position in
                let offset = GroupOffset(
                    offset: position.offset, leaderEpoch: position.leaderEpoch, metadata: position.metadata,
                    time: context.now.time)
                return sum + max(group.offsets.growth(by: offset, in: position.partition, by: commit.producer?.id), 0)
            }
            if growth > room { throw .invalidCommitOffsetSize }
            return .commit(try group.commit(commit, context, &output))
        }
    }

    private mutating func handle(
        _ heartbeat: GroupRequest.ConsumerHeartbeat, _ ticket: GroupTicket, _ context: GroupContext,
        _ actions: inout [GroupAction]
    ) {
        let newID = heartbeat.memberID.isEmpty ? makeMemberID() : ""
        let isFull = isFull(for: heartbeat.group)
        let refusal = { error in
            GroupAnswer.consumerHeartbeat(
                GroupAnswer.ConsumerHeartbeat(error: error, memberID: heartbeat.memberID))
        }
        var isPattern = true
        do throws(GroupError) { try resolve(heartbeat.topicPattern ?? "") } catch { isPattern = false }
        let topics = topics
        attempt(heartbeat.group, ticket, &actions, or: refusal) { group, output throws(GroupError) in
            if isFull { throw .groupMaxSizeReached }
            guard isPattern else { throw .invalidRegularExpression }
            return .consumerHeartbeat(
                try group.heartbeat(heartbeat, newID: newID, topics, context, &output))
        }
    }

    private func found(_ fetch: GroupRequest.Fetch) -> GroupAnswer.Fetch {
        let group = groups[fetch.member.group] ?? Group(name: fetch.member.group)
        do throws(GroupError) {
            return GroupAnswer.Fetch(positions: try group.fetch(fetch))
        } catch {
            return GroupAnswer.Fetch(error: error)
        }
    }

    /// Changes a group; `body` returns the answer, or nil if it has answered itself or the answer comes later.
    private mutating func attempt(
        _ name: String, _ ticket: GroupTicket, _ actions: inout [GroupAction], isNamed: Bool = true,
        or refusal: (GroupError) -> GroupAnswer,
        _ body: (inout Group, inout GroupOutput) throws(GroupError) -> GroupAnswer?
    ) {
        let maxBytes = groups[name] == nil ? settings.maxNameBytes : GroupRecord.maxTextBytes
        guard !name.isEmpty || !isNamed, name.utf8.count <= maxBytes else {
            actions.append(.answer(ticket, refusal(.invalidGroupID), after: 0))
            return
        }
        change(name, &actions) { group, output in
            do throws(GroupError) {
                if let answer = try body(&group, &output) { output.answer(ticket, answer) }
            } catch {
                output.answer(ticket, refusal(error))
            }
        }
    }

    private func isFull(for name: String) -> Bool { groups[name] == nil && groups.count >= settings.maxGroups }

    private func answer(
        _ ticket: GroupTicket, _ name: String, _ answer: GroupAnswer, _ actions: inout [GroupAction]
    ) {
        actions.append(.answer(ticket, answer, after: groups[name]?.lastWrite ?? 0))
    }

    /// Checks what does not depend on the group.
    private static func check(_ join: GroupRequest.Join, _ context: GroupContext) throws(GroupError) {
        guard context.settings.sessionTimeouts.contains(.milliseconds(join.sessionTimeoutMs)) else {
            throw .invalidSessionTimeout
        }
        let texts = [join.memberID, join.protocolType, join.client.host] + join.protocols.map(\.name)
        // Member ids consist of the client id or the instance id, and a UUID.
        guard texts.allSatisfy({ $0.utf8.count <= GroupRecord.maxTextBytes }),
            max(join.client.id.utf8.count, join.instanceID?.utf8.count ?? 0) <= GroupRecord.maxTextBytes - 64
        else { throw .invalidRequest }
    }

    private func description(of name: String) -> GroupAnswer.Description {
        if let resident = groups[name]?.resident { return resident.description(name) }
        guard let group = groups[name], group.consumer == nil else {
            return GroupAnswer.Description(error: .groupIDNotFound, group: name, state: "Dead")
        }
        return group.classic.description
    }

    private func listings(_ filter: GroupRequest.List) -> [GroupAnswer.Listing] {
        let (states, types) = (filter.states.map { $0.lowercased() }, filter.types.map { $0.lowercased() })
        return names.compactMap { groups[$0]?.listing }
            .filter { states.isEmpty || states.contains($0.state.lowercased()) }
            .filter { types.isEmpty || types.contains($0.type) }
    }
}
