// The coordinator of groups, as a state machine without I/O, time or locks:
//
//     event and time ──▶ handle ──▶ actions: records to append, answers to give once those are durable
//     nextWake: when it wants to hear `.wake`
//
// Its driver gives it the requests of clients, appends the records to `__consumer_offsets`, and sends the answers. What
// an answer tells is never ahead of what is durable: each names the write that it waits for. If a write fails, the
// driver makes a new coordinator from the records that there are.

internal import MoldauRecords

/// All groups: their members, and what they have committed.
package struct GroupCoordinator: Sendable {
    package let settings: GroupSettings
    var groups: [String: Group] = [:]
    private var alarms = GroupAlarms()
    private var lastWrite = 0
    private var randomness: any RandomNumberGenerator & Sendable

    /// - Parameter randomness: the source of member ids.
    package init(_ settings: GroupSettings, randomness: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.randomness = randomness
    }

    /// - Returns: what is to be done, in this order.
    package mutating func handle(_ event: GroupEvent, at now: GroupMoment) -> [GroupAction] {
        var actions: [GroupAction] = []
        let context = GroupContext(now: now, settings: settings)
        switch event {
        case .request(let request, let ticket): handle(request, ticket, context, &actions)
        case .wake:
            while let name = alarms.removeDue(at: now.uptime) {
                change(name, &actions) { group, output in group.classic.wake(context, &output) }
            }
        case .stop:
            for name in groups.keys.sorted() {
                change(name, &actions) { group, output in group.classic.stop(&output) }
            }
        }
        return actions
    }

    /// When it wants to hear `.wake`, by the uptime; nil if nothing is due.
    package var nextWake: Duration? {
        mutating get { alarms.next() }
    }

    private mutating func handle(
        _ request: GroupRequest, _ ticket: GroupTicket, _ context: GroupContext, _ actions: inout [GroupAction]
    ) {
        switch request {
        case .join(let join): handle(join, ticket, context, &actions)
        case .sync(let sync):
            change(sync.member.group, &actions) { group, output in
                do throws(GroupError) {
                    try Self.check(group: sync.member.group)
                    try group.classic.sync(sync, ticket, context, &output)
                } catch {
                    output.answer(ticket, .sync(GroupAnswer.Sync(error: error)))
                }
            }
        case .heartbeat(let heartbeat):
            change(heartbeat.member.group, &actions) { group, output in
                do throws(GroupError) {
                    try Self.check(group: heartbeat.member.group)
                    try group.classic.heartbeat(heartbeat.member, context)
                    output.answer(ticket, .heartbeat(.none))
                } catch {
                    output.answer(ticket, .heartbeat(error))
                }
            }
        case .leave(let leave):
            change(leave.group, &actions) { group, output in
                do throws(GroupError) {
                    try Self.check(group: leave.group)
                    let errors = group.classic.leave(leave.members, context, &output)
                    output.answer(ticket, .leave(GroupAnswer.Leave(members: Array(zip(leave.members, errors)))))
                } catch {
                    output.answer(ticket, .leave(GroupAnswer.Leave(error: error)))
                }
            }
        case .describe(let name):
            let description =
                groups[name]?.classic.description
                ?? GroupAnswer.Description(error: .groupIDNotFound, group: name, state: "Dead")
            actions.append(.answer(ticket, .describe(description), after: groups[name]?.lastWrite ?? 0))
        case .list(let filter):
            actions.append(.answer(ticket, .list(listings(filter)), after: lastWrite))
        case .delete(let name):
            change(name, &actions) { group, output in
                do throws(GroupError) {
                    try group.delete(&output)
                    output.answer(ticket, .delete(.none))
                } catch {
                    output.answer(ticket, .delete(error))
                }
            }
        }
    }

    private mutating func handle(
        _ request: GroupRequest.Join, _ ticket: GroupTicket, _ context: GroupContext, _ actions: inout [GroupAction]
    ) {
        let name = request.group
        let newID = request.memberID.isEmpty ? makeMemberID(request) : ""
        let isFull = groups[name] == nil && groups.count >= settings.maxGroups
        change(name, &actions) { group, output in
            do throws(GroupError) {
                try Self.check(group: name)
                try Self.check(request, context)
                if isFull { throw .groupMaxSizeReached }
                try group.classic.join(request, ticket, newID: newID, context, &output)
            } catch {
                output.answer(ticket, .join(GroupAnswer.Join(request, error)))
            }
        }
    }

    private func listings(_ filter: GroupRequest.List) -> [GroupAnswer.Listing] {
        let (states, types) = (filter.states.map { $0.lowercased() }, filter.types.map { $0.lowercased() })
        return groups.keys.sorted().compactMap { groups[$0]?.classic.listing }
            .filter { states.isEmpty || states.contains($0.state.lowercased()) }
            .filter { types.isEmpty || types.contains($0.type) }
    }

    // MARK: One group

    /// Changes a group, which is made for that if it does not exist, and goes again if nothing is in it then.
    private mutating func change(
        _ name: String, _ actions: inout [GroupAction], _ body: (inout Group, inout GroupOutput) -> Void
    ) {
        var output = GroupOutput()
        body(&groups[name, default: Group(name: name)], &output)
        if !output.records.isEmpty {
            lastWrite += 1
            groups[name]?.lastWrite = lastWrite
            actions.append(
                .append(GroupWrite(number: lastWrite, group: name, records: output.records, producer: nil)))
        }
        let after = groups[name]?.lastWrite ?? 0
        for (ticket, answer) in output.answers { actions.append(.answer(ticket, answer, after: after)) }
        if groups[name]?.isNothing == true { groups[name] = nil }
        alarms.set(groups[name]?.alarm, for: name)
    }

    private static func check(group: String) throws(GroupError) {
        guard !group.isEmpty, group.utf8.count <= GroupRecord.maxTextBytes else { throw .invalidGroupID }
    }

    /// What does not depend on the group.
    private static func check(_ request: GroupRequest.Join, _ context: GroupContext) throws(GroupError) {
        guard context.settings.sessionTimeouts.contains(.milliseconds(request.sessionTimeoutMs)) else {
            throw .invalidSessionTimeout
        }
        let texts =
            [request.memberID, request.instanceID ?? "", request.protocolType, request.client.host]
            + request.protocols.map(\.name)
        guard texts.allSatisfy({ $0.utf8.count <= GroupRecord.maxTextBytes }),
            max(request.client.id.utf8.count, request.instanceID?.utf8.count ?? 0) < GroupRecord.maxTextBytes - 64
        else { throw .invalidRequest }
    }

    /// As Kafka's: the instance id or the client's, and a random UUID (RFC 9562, version 4).
    private mutating func makeMemberID(_ request: GroupRequest.Join) -> String {
        let id = TopicID.random(using: &randomness)
        return "\(request.instanceID ?? request.client.id)-\(id.uuid)"
    }

    // MARK: Loading

    /// Takes a record that was written before; all records in their order.
    package mutating func replay(_ record: GroupRecord) {
        switch record {
        case .offset: break
        case .classicGroup(let name, let record):
            let classic = record.map { ClassicGroup(name: name, $0) } ?? ClassicGroup(name: name)
            groups[name, default: Group(name: name)].classic = classic
            if groups[name]?.isNothing == true { groups[name] = nil }
        }
    }

    /// After the last record: members that were there have their session timeout to say that they still are.
    package mutating func endReplay(at now: GroupMoment) {
        let context = GroupContext(now: now, settings: settings)
        for name in groups.keys.sorted() {
            groups[name]?.classic.resume(context)
            alarms.set(groups[name]?.alarm, for: name)
        }
    }
}
