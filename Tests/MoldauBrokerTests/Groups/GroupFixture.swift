import MoldauBroker
import MoldauRecords
import Testing

/// Drives a coordinator with a clock of its own. Checks with every action what must always hold: each request is
/// answered once, and no answer waits for a write that was not requested.
final class GroupFixture {
    private var coordinator: GroupCoordinator
    private(set) var uptime = Duration.zero
    private(set) var answers: [GroupTicket: GroupAnswer] = [:]
    private(set) var writes: [GroupWrite] = []
    private let settings: GroupSettings
    private let seed: UInt64
    private var tickets = 0
    private var lastWrite = 0
    private var topics: [GroupTopic] = []
    private var log: [Entry] = []

    private enum Entry {
        case write(GroupWrite)
        case marker(producer: Int64, isCommit: Bool, partition: Int32)
    }

    /// - Parameter delay: of the first rebalance of a group.
    init(delay: Duration = .zero, seed: UInt64 = 1, _ change: (inout GroupSettings) -> Void = { _ in }) {
        var settings = GroupSettings()
        settings.initialRebalanceDelay = delay
        change(&settings)
        (self.settings, self.seed) = (settings, seed)
        coordinator = GroupCoordinator(settings, randomness: SeededGenerator(seed: seed))
    }

    var coordinatorNames: [String] { coordinator.names }
    func snapshot(_ partition: Int32) -> [GroupRecord] { coordinator.snapshot(of: partition) }
    var nextWake: Duration? { coordinator.nextWake }
    var offsetBytes: Int { coordinator.offsetBytes }
    var now: GroupMoment { GroupMoment(uptime: uptime, time: noon() + uptime) }

    func ask(_ request: GroupRequest) -> GroupTicket {
        tickets += 1
        tell(.request(request, GroupTicket(tickets)))
        return GroupTicket(tickets)
    }

    func tell(_ event: GroupEvent) {
        if case .marker(let producer, let isCommit, let partition) = event {
            log.append(.marker(producer: producer, isCommit: isCommit, partition: partition))
        }
        for action in coordinator.handle(event, at: now) {
            switch action {
            case .append(let write):
                lastWrite += 1
                #expect(write.number == lastWrite)
                #expect(!write.records.isEmpty)
                writes.append(write)
                log.append(.write(write))
            case .answer(let ticket, let answer, let after):
                #expect(answers.updateValue(answer, forKey: ticket) == nil, "answered twice: \(answer)")
                #expect(after <= lastWrite)
            }
        }
    }

    /// Advances the clock, and wakes the coordinator whenever its timer is due.
    func pass(_ duration: Duration) {
        let end = uptime + duration
        while let next = coordinator.nextWake, next <= end {
            uptime = max(uptime, next)
            tell(.wake)
            if let again = coordinator.nextWake {
                #expect(again > uptime, "the coordinator did nothing at its own wake time")
            }
        }
        uptime = end
    }

    /// Restarts the coordinator from what was written.
    func restart() {
        coordinator = GroupCoordinator(settings, randomness: SeededGenerator(seed: seed + UInt64(writes.count)))
        _ = coordinator.handle(.topics(topics), at: now)
        for entry in log {
            switch entry {
            case .write(let write):
                for record in write.records { coordinator.replay(record.rewritten, in: write.producer?.id) }
            case .marker(let producer, let isCommit, let partition):
                coordinator.replayMarker(of: producer, isCommit: isCommit, partition: partition)
            }
        }
        coordinator.endReplay(at: now)
        lastWrite = 0
        answers = [:]
    }

    // MARK: Requests

    func join(
        _ memberID: String, instance: String? = nil, protocols: [GroupProtocol] = [GroupProtocol("range", [1])],
        type: String = "consumer", group: String = "app", session: Int32 = 10_000, rebalance: Int32 = 60_000,
        requiresID: Bool = false, canSkip: Bool = true
    ) -> GroupTicket {
        ask(
            .join(
                GroupRequest.Join(
                    group: group, sessionTimeoutMs: session, rebalanceTimeoutMs: rebalance, memberID: memberID,
                    instanceID: instance, protocolType: type, protocols: protocols,
                    client: GroupClient(id: "client", host: "/127.0.0.1"), requiresMemberID: requiresID,
                    canSkipAssignment: canSkip)))
    }

    func joined(_ ticket: GroupTicket) throws -> GroupAnswer.Join {
        guard case .join(let answer) = try #require(answers[ticket]) else { throw WrongAnswer() }
        return answer
    }

    func sync(
        _ memberID: String, _ generation: Int32, _ assignments: [String: [UInt8]] = [:], instance: String? = nil,
        name: String? = nil
    ) -> GroupTicket {
        ask(
            .sync(
                GroupRequest.Sync(
                    MemberGeneration(
                        group: "app", generation: generation, memberID: memberID, instanceID: instance),
                    protocolName: name, assignments: assignments)))
    }

    func synced(_ ticket: GroupTicket) throws -> GroupAnswer.Sync {
        guard case .sync(let answer) = try #require(answers[ticket]) else { throw WrongAnswer() }
        return answer
    }

    func heartbeat(_ memberID: String, _ generation: Int32, instance: String? = nil) -> GroupError? {
        let ticket = ask(
            .heartbeat(
                GroupRequest.Heartbeat(
                    MemberGeneration(
                        group: "app", generation: generation, memberID: memberID, instanceID: instance))))
        guard case .heartbeat(let error)? = answers[ticket] else { return nil }
        return error
    }

    func leave(_ members: MemberName...) -> [GroupError] {
        let ticket = ask(.leave(GroupRequest.Leave(group: "app", members: members)))
        guard case .leave(let answer)? = answers[ticket] else { return [] }
        return answer.members.map(\.error)
    }

    func description(_ group: String = "app") throws -> GroupAnswer.Description {
        let ticket = ask(.describe(group: group))
        guard case .describe(let answer) = try #require(answers[ticket]) else { throw WrongAnswer() }
        return answer
    }

    func commit(
        _ offsets: [CommittedPosition], memberID: String = "", generation: Int32 = -1, instance: String? = nil,
        group: String = "app", producer: ProducerIdentity? = nil
    ) -> [GroupError] {
        let member = MemberGeneration(
            group: group, generation: generation, memberID: memberID, instanceID: instance)
        let ticket = ask(.commit(GroupRequest.Commit(member, offsets, producer: producer)))
        guard case .commit(let answer)? = answers[ticket] else { return [] }
        #expect(answer.map(\.partition) == offsets.map(\.partition))
        return answer.map(\.error)
    }

    /// The committed offsets as text, of the given partitions or of all.
    func fetch(_ partitions: [TopicPartition]? = nil, group: String = "app", stable: Bool = false) -> [String] {
        let member = MemberGeneration(group: group, generation: -1, memberID: "")
        let ticket = ask(.fetch(GroupRequest.Fetch(member, partitions, requiresStable: stable)))
        guard case .fetch(let answer)? = answers[ticket] else { return ["no answer"] }
        return answer.positions.map { position in
            let offset = position.offset.map { "\($0.offset)" } ?? "none"
            return "\(position.partition) \(position.error == .none ? offset : "\(position.error)")"
        }
    }

    func delete(_ partitions: [TopicPartition], group: String = "app") -> [GroupError] {
        let ticket = ask(.deleteOffsets(group: group, partitions: partitions))
        guard case .deleteOffsets(let error, let answer)? = answers[ticket] else { return [] }
        return error == .none ? answer.map(\.error) : [error]
    }

    /// Ends a producer's transaction in the partition of the group.
    func mark(_ producer: ProducerIdentity, commit: Bool, partition: Int32 = 1) {
        tell(.marker(producer: producer.id, isCommit: commit, partition: partition))
    }

    /// The topics, with their ids by number: `orders` has the id 1.
    func setTopics(_ counts: [(name: String, partitions: Int32)]) {
        topics = counts.enumerated().map { place, topic in
            GroupTopic(name: topic.name, id: topicID(place + 1), partitionCount: topic.partitions)
        }
        tell(.topics(topics))
    }

    func beat(
        _ id: String, _ epoch: Int32, topics: [String]? = nil, pattern: String? = nil, owned: [GroupPartition]? = nil,
        instance: String? = nil, assignor: String? = nil, rebalance: Int32? = nil, group: String = "app",
        access: Access = .everything
    ) throws -> GroupAnswer.ConsumerHeartbeat {
        let isJoin = epoch == 0
        let ticket = ask(
            .consumerHeartbeat(
                GroupRequest.ConsumerHeartbeat(
                    group: group, memberID: id, epoch: epoch, instanceID: instance,
                    rebalanceTimeoutMs: rebalance ?? (isJoin ? 60_000 : -1),
                    topics: topics ?? (isJoin ? ["orders"] : nil), topicPattern: pattern, assignor: assignor,
                    owned: (owned ?? (isJoin ? [] : nil)).map { Set($0) },
                    client: GroupClient(id: "client", host: "/127.0.0.1"), access: access)))
        guard case .consumerHeartbeat(let answer) = try #require(answers[ticket]) else { throw WrongAnswer() }
        return answer
    }

    func consumers(_ group: String = "app") throws -> GroupAnswer.ConsumerDescription {
        let ticket = ask(.consumerDescribe(group: group))
        guard case .consumerDescribe(let answer) = try #require(answers[ticket]) else { throw WrongAnswer() }
        return answer
    }

    /// A stable group of that many members, and its generation; the first is the leader, and each is assigned its
    /// number.
    func stableGroup(
        of count: Int, protocols: [GroupProtocol] = [GroupProtocol("range", [1])], instances: Bool = false
    ) throws -> (ids: [String], generation: Int32) {
        var ids: [String] = []
        var joins: [GroupTicket] = []
        for number in 0..<count {
            let instance = instances ? "instance\(number)" : nil
            joins.append(join("", instance: instance, protocols: protocols))
            // All existing members rejoin for the new one.
            for (place, id) in ids.enumerated() {
                joins[place] = join(id, instance: instances ? "instance\(place)" : nil, protocols: protocols)
            }
            pass(settings.initialRebalanceDelay)
            ids = try joins.map { try joined($0).memberID }
        }
        let generation = try joined(joins[0]).generation
        let assignments = Dictionary(
            uniqueKeysWithValues: ids.enumerated().map { ($0.element, [UInt8($0.offset)]) })
        let syncs = ids.map { sync($0, generation, $0 == ids[0] ? assignments : [:]) }
        for (place, ticket) in syncs.enumerated() { #expect(try synced(ticket).assignment == [UInt8(place)]) }
        return (ids, generation)
    }
}

func topicID(_ number: Int) -> TopicID { TopicID(high: 7, low: UInt64(number)) }

/// Partitions of the first topic.
func partitions(_ numbers: Int32...) -> [GroupPartition] { numbers.map { GroupPartition(topicID(1), $0) } }

struct WrongAnswer: Error {}

extension GroupRecord {
    /// As decoded from its encoded bytes.
    var rewritten: GroupRecord {
        var key = ByteWriter()
        var value = ByteWriter()
        encodeKey(&key)
        let hasValue = encodeValue(&value)
        let read = GroupRecord(key: key.bytes, value: hasValue ? value.bytes : nil)
        #expect(read == self)
        return read ?? self
    }
}
