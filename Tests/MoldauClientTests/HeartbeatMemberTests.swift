import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

@Suite struct HeartbeatMemberTests {
    private static let id = TopicID(high: 1, low: 1)
    private static let otherID = TopicID(high: 1, low: 2)
    private static let (first, second) = (TopicPartition("t", 0), TopicPartition("t", 1))

    private func member(instance: String? = nil) -> HeartbeatMember {
        var options = ConsumerOptions(group: "g")
        options.instanceID = instance
        options.remoteAssignor = "range"
        return HeartbeatMember(
            options, group: "g", id: "me", .topics(["t"]), Backoff(first: .milliseconds(100), longest: .seconds(1)))
    }

    private func map(_ id: TopicID = id) -> ClusterMap {
        var map = ClusterMap(ClientOptions(bootstrapServers: [BrokerAddress(host: "a", port: 1)]))
        map.want("t")
        _ = map.nextQuestion(.zero)
        let response = MetadataResponse {
            $0.topics = [
                .init {
                    ($0.name, $0.topicID) = ("t", id)
                    $0.partitions = (0..<2).map { number in
                        .init { ($0.partitionIndex, $0.leaderID) = (number, 1) }
                    }
                }
            ]
        }
        map.answered(response, .zero, chance: 0)
        return map
    }

    private func answer(
        _ epoch: Int32, _ assignment: [Int32]? = nil, of id: TopicID = id
    ) -> ConsumerGroupHeartbeatResponse {
        ConsumerGroupHeartbeatResponse {
            ($0.memberEpoch, $0.heartbeatIntervalMs) = (epoch, 5_000)
            guard let assignment else { return }
            let topic = ConsumerGroupHeartbeatResponse.TopicPartitions {
                ($0.topicID, $0.partitions) = (id, assignment)
            }
            $0.assignment = .init { $0.topicPartitions = [topic] }
        }
    }

    private func refusal(_ code: ErrorCode) -> ConsumerGroupHeartbeatResponse {
        ConsumerGroupHeartbeatResponse { $0.errorCode = code }
    }

    private func beat(
        _ member: inout HeartbeatMember, _ time: Duration
    ) throws -> (number: Int, request: ConsumerGroupHeartbeatRequest) {
        let beat = member.heartbeat(time)
        return try #require(beat)
    }

    private func isSilent(_ member: HeartbeatMember, _ time: Duration) -> Bool {
        var member = member
        return member.heartbeat(time) == nil
    }

    /// A member that reads both partitions, and has reported so.
    private func settled(instance: String? = nil) throws -> HeartbeatMember {
        var member = member(instance: instance)
        member.notice(map())
        member.want()
        let join = try beat(&member, .zero)
        #expect(member.answered(join.number, answer(1, [0, 1]), .zero, chance: 0) == .wait)
        #expect(member.needsJoin && member.wanted == [Self.first, Self.second])
        member.own(member.wanted)
        let told = try beat(&member, .zero)
        #expect(told.request.topicPartitions?.first?.partitions == [0, 1])
        #expect(member.answered(told.number, answer(1), .zero, chance: 0) == .wait)
        return member
    }

    @Test func `a member joins when it is polled, and sends its full state once`() throws {
        var member = member()
        member.notice(map())
        #expect(member.needsJoin && member.dueTime == nil && member.metadata.memberID.isEmpty)
        member.want()
        let (number, join) = try beat(&member, .zero)
        #expect(join.memberEpoch == 0 && join.memberID == "me" && join.serverAssignor == "range")
        #expect(join.subscribedTopicNames == ["t"] && join.rebalanceTimeoutMs == 300_000)
        #expect(join.topicPartitions?.isEmpty == true, "a member joins without partitions")
        #expect(isSilent(member, .zero), "one heartbeat at a time")
        #expect(member.answered(number, answer(3), .zero, chance: 0) == .wait)
        #expect(member.metadata.generation == 3 && member.metadata.memberID == "me")
        #expect(isSilent(member, .milliseconds(4_999)))
        let next = try beat(&member, .seconds(5)).request
        #expect(next.memberEpoch == 3 && next.subscribedTopicNames == nil && next.topicPartitions == nil)
        #expect(next.rebalanceTimeoutMs == -1 && next.serverAssignor == nil)
    }

    @Test func `a revoked partition is released before the release is reported, and the others stay`() throws {
        var member = try settled()
        let (number, _) = try beat(&member, .seconds(5))
        #expect(member.answered(number, answer(1, [1]), .seconds(5), chance: 0) == .wait)
        #expect(member.needsJoin && member.wanted == [Self.second] && member.owned.count == 2)
        #expect(isSilent(member, .seconds(6)), "there is nothing to report until it is released")
        member.own([Self.second])
        let told = try beat(&member, .seconds(6)).request
        #expect(told.topicPartitions?.first?.partitions == [1] && told.subscribedTopicNames == nil)
        #expect(!member.needsJoin)
    }

    @Test(arguments: [ErrorCode.fencedMemberEpoch, .unknownMemberID])
    func `a fenced member has lost its partitions, and rejoins after the loss is handled`(code: ErrorCode) throws {
        var member = try settled()
        let (number, _) = try beat(&member, .seconds(5))
        #expect(member.answered(number, refusal(code), .seconds(5), chance: 0) == .wait)
        #expect(member.isLost && member.needsJoin && member.metadata.memberID.isEmpty)
        #expect(isSilent(member, .seconds(60)))
        member.mourn()
        #expect(member.owned.isEmpty && !member.isLost)
        #expect(isSilent(member, .seconds(5)), "not at once")
        let join = try beat(&member, .seconds(6)).request
        #expect(join.memberEpoch == 0 && join.subscribedTopicNames == ["t"] && join.topicPartitions?.isEmpty == true)
    }

    @Test func `after an unanswered heartbeat the full state is sent again, as a member`() throws {
        var member = try settled()
        let (number, _) = try beat(&member, .seconds(5))
        let error = ClientError.timedOut(what: "a heartbeat", after: .seconds(1))
        #expect(member.failed(number, error, .seconds(6), chance: 0) == .wait)
        #expect(isSilent(member, .seconds(6)), "not at once")
        let again = try beat(&member, .seconds(7)).request
        #expect(again.memberEpoch == 1 && again.rebalanceTimeoutMs == 300_000)
        #expect(again.subscribedTopicNames == ["t"] && again.topicPartitions?.first?.partitions == [0, 1])
        #expect(member.owned.count == 2 && !member.isLost)
    }

    @Test func `an answer that arrives after the member has left changes nothing`() throws {
        var member = try settled()
        let (number, _) = try beat(&member, .seconds(5))
        let parting = member.leaveRequest()
        #expect(parting?.memberEpoch == -1)
        member.want()
        #expect(member.answered(number, answer(1, [0]), .seconds(5), chance: 0) == .wait)
        #expect(member.metadata.memberID.isEmpty && member.wanted.isEmpty && member.isLost)
        let another = member.leaveRequest()
        #expect(another == nil, "it has already left")
    }

    @Test func `a member that closes during its first heartbeat leaves, as the coordinator may know it`() throws {
        var member = self.member()
        member.notice(map())
        member.want()
        let nothing = member.leaveRequest()
        #expect(nothing == nil, "no request was sent yet")
        member.want()
        let (number, _) = try beat(&member, .zero)
        let parting = member.closeRequest()
        #expect(parting?.memberEpoch == -1 && parting?.memberID == "me")
        #expect(member.answered(number, answer(1, [0]), .zero, chance: 0) == .wait)
        #expect(member.dueTime == nil && member.wanted.isEmpty)
    }

    @Test func `a static member keeps its partitions when it closes, and waits for an instance id in use`() throws {
        var member = try settled(instance: "one")
        let parting = member.closeRequest()
        #expect(parting?.memberEpoch == -2 && parting?.instanceID == "one")
        // A poll in the meantime must not make it rejoin.
        member.want()
        #expect(!member.needsJoin && !member.isLost && member.dueTime == nil)
        var successor = self.member(instance: "one")
        successor.notice(map())
        successor.want()
        let (number, join) = try beat(&successor, .zero)
        #expect(join.instanceID == "one")
        #expect(successor.answered(number, refusal(.unreleasedInstanceID), .zero, chance: 0) == .wait)
        let (next, _) = try beat(&successor, .seconds(1))
        let step = successor.answered(next, refusal(.fencedInstanceID), .seconds(1), chance: 0)
        #expect(step == .fail(.fenced(id: "one")))
    }

    @Test func `a permanent error ends the membership with a reason`() throws {
        var member = member()
        member.notice(map())
        member.want()
        let (number, _) = try beat(&member, .zero)
        var refused = refusal(.unsupportedAssignor)
        refused.errorMessage = "there is no 'x'"
        guard case .fail(let error) = member.answered(number, refused, .zero, chance: 0) else {
            Issue.record("the membership continues")
            return
        }
        #expect(error.description.contains("there is no 'x'") && error.remedy == .change)
        let (next, _) = try beat(&member, .seconds(1))
        let old = ClientError.unsupportedAPI("ConsumerGroupHeartbeat", BrokerAddress(host: "a", port: 1))
        guard case .fail(let error) = member.failed(next, old, .seconds(1), chance: 0) else {
            Issue.record("the membership continues")
            return
        }
        #expect(error.description.contains("choose 'classic'"))
    }

    @Test func `a recreated topic's partitions are released, and then opened`() throws {
        var member = try settled()
        let (number, _) = try beat(&member, .seconds(5))
        let step = member.answered(number, answer(2, [0], of: Self.otherID), .seconds(5), chance: 0)
        #expect(step == .refresh, "metadata is needed to resolve the topic id")
        var newer = map()
        _ = newer.nextQuestion(.zero)
        newer.becomeStale()
        _ = newer.nextQuestion(.seconds(1))
        newer.answered(
            MetadataResponse {
                $0.topics = [
                    .init {
                        ($0.name, $0.topicID) = ("t", Self.otherID)
                        $0.partitions = [.init { ($0.partitionIndex, $0.leaderID) = (0, 1) }]
                    }
                ]
            }, .seconds(1), chance: 0)
        member.notice(newer)
        #expect(member.wanted.isEmpty && member.owned.count == 2)
        member.own([])
        #expect(member.wanted == [Self.first])
        member.own(member.wanted)
        let told = try beat(&member, .seconds(6)).request
        #expect(told.topicPartitions?.map(\.topicID) == [Self.otherID])
    }

    @Test func `a changed subscription is reported at once`() throws {
        var member = try settled()
        member.subscribe(.topics(["t", "u"]))
        let told = try beat(&member, .milliseconds(1)).request
        #expect(told.subscribedTopicNames == ["t", "u"] && told.topicPartitions == nil)
    }
}
