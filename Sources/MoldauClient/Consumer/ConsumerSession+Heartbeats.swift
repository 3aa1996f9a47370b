// Drives a member with the consumer protocol. Heartbeats run in the background, also while a listener is working; their
// results are applied within a poll.

internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

extension ConsumerSession {
    /// - Throws: `ClientError.invalidSetting`.
    static func member(
        _ options: ConsumerOptions, _ subscription: Subscription, _ client: ClientOptions, _ world: any ClientWorld
    ) throws(ClientError) -> any Membership {
        guard let group = options.group else {
            throw .invalidSetting("group.id", reason: "a subscription needs a group; name one, or assign partitions")
        }
        switch options.groupProtocol {
        case .classic: return GroupMember(options, group: group, subscription)
        case .consumer:
            var chance = WorldChance(world: world)
            let backoff = Backoff(first: client.retryBackoff, longest: client.retryBackoffMax)
            return HeartbeatMember(
                options, group: group, id: "\(TopicID.random(using: &chance))", subscription, backoff)
        }
    }

    /// The member's id and epoch, if the group has the consumer protocol and the member is in it.
    var heartbeatMember: ConsumerGroupMetadata? {
        state.withLock { state in
            (state.member as? HeartbeatMember)?.metadata
        }
    }

    /// Applies what the coordinator has said.
    func follow(_ member: HeartbeatMember) async {
        update(HeartbeatMember.self) { $0.want() }
        await mourn()
        guard !member.isLost, member.wanted != member.owned else { return driveSoon() }
        await take(member.wanted)
        driveSoon()
    }

    /// Sends a heartbeat if one is due.
    /// - Returns: when to check again.
    func sendHeartbeat(_ now: Duration) -> Duration? {
        // Called whenever the session is driven, also with other protocols.
        guard options.groupProtocol == .consumer, let group = options.group else { return nil }
        typealias Beat = (number: Int, request: ConsumerGroupHeartbeatRequest)
        let (beat, parting, due) = state.withLock { state -> (Beat?, ConsumerGroupHeartbeatRequest?, Duration?) in
            guard var member = state.member as? HeartbeatMember, !state.isClosed else { return (nil, nil, nil) }
            let end = state.isReading ? nil : state.polledAt + options.maxPollInterval
            if let end, end <= now {
                defer { state.member = member }
                return (nil, member.leaveRequest(), nil)
            }
            let beat = member.heartbeat(now)
            if beat != nil { state.member = member }
            return (beat, nil, [member.dueTime, member.epoch > 0 ? end : nil].compactMap(\.self).min())
        }
        if let parting { cluster.send(parting, toCoordinatorOf: .group(group)) { _ in } }
        guard let beat else { return due }
        cluster.send(beat.request, toCoordinatorOf: .group(group)) { [weak self] result in
            self?.heard(result, beat.number, group)
        }
        return due
    }

    private func heard(_ result: Result<ConsumerGroupHeartbeatResponse, ClientError>, _ number: Int, _ group: String) {
        let (now, chance) = (cluster.world.now, cluster.world.chance())
        if case .success(let response) = result, response.errorCode.asksForCoordinator {
            cluster.forgetCoordinator(.group(group))
        }
        let step = update(HeartbeatMember.self) { member in
            switch result {
            case .success(let response): member.answered(number, response, now, chance: chance)
            case .failure(let error): member.failed(number, error, now, chance: chance)
            }
        }
        switch step {
        case .refresh: cluster.refresh()
        case .fail(let error): state.withLock { $0.fatal = error }
        case .wait, nil: break
        }
        driveSoon()
    }
}

/// Random numbers from the world's randomness.
private struct WorldChance: RandomNumberGenerator {
    let world: any ClientWorld

    mutating func next() -> UInt64 {
        // One such number has only 53 bits.
        UInt64(world.chance() * 0x1p32) << 32 | UInt64(world.chance() * 0x1p32)
    }
}
