import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

@Suite struct GroupMemberTests {
    private func member(_ assignors: [ConsumerOptions.Assignor] = [.range]) -> GroupMember {
        var options = ConsumerOptions(group: "g")
        options.assignors = assignors
        return GroupMember(options, group: "g", .topics(["t"]))
    }

    private func joined(leader: String = "other", generation: Int32 = 1) -> JoinGroupResponse {
        JoinGroupResponse {
            $0.memberID = "me"
            $0.generationID = generation
            $0.protocolName = "range"
            $0.leader = leader
        }
    }

    @Test func `a new member gets its id first, then a generation, then partitions`() throws {
        var member = member([.range, .cooperativeSticky])
        #expect(member.joinRequest().protocols.map(\.name) == ["range", "cooperative-sticky"])
        let refused = JoinGroupResponse {
            $0.errorCode = .memberIDRequired
            $0.memberID = "me"
        }
        #expect(member.joined(refused) == .joinAgain)
        #expect(member.joinRequest().memberID == "me")
        #expect(member.joined(joined()) == .sync)
        let nothing = member.syncRequest(counts: [:])
        #expect(nothing.assignments.isEmpty, "only the leader assigns")
        let assignment = ConsumerAssignment {
            $0.assignedPartitions = [
                .init {
                    $0.topic = "t"
                    $0.partitions = [1, 2]
                }
            ]
        }
        var writer = ByteWriter()
        try assignment.encode(into: &writer, version: 3)
        let bytes = WireBytes(SharedBytes(taking: writer))
        let step = member.synced(SyncGroupResponse { $0.assignment = bytes })
        #expect(step == .assigned([TopicPartition("t", 1), TopicPartition("t", 2)]))
        #expect(!member.needsJoin && member.isStable && member.generation == 1)
    }

    @Test func `the leader assigns the subscribed topics of all members`() throws {
        var member = member()
        _ = member.joinRequest()
        let subscription = member.joinRequest().protocols[0].metadata
        var response = joined(leader: "me")
        response.members = ["me", "other"].map { id in
            .init {
                $0.memberID = id
                $0.metadata = subscription
            }
        }
        #expect(member.joined(response) == .sync)
        #expect(member.topicsToSpread == ["t"])
        let sync = member.syncRequest(counts: ["t": 4])
        #expect(sync.assignments.map(\.memberID) == ["me", "other"] && sync.generationID == 1)
        let mine = try ConsumerAssignment.decode(sync.assignments[0].assignment).data
        #expect(mine.assignedPartitions.map(\.partitions) == [[0, 1]])
    }

    @Test func `a subscription that cannot be read is reported, and does not trap`() {
        var member = member()
        _ = member.joinRequest()
        var response = joined(leader: "me")
        response.members = [
            .init {
                $0.memberID = "x"
                $0.metadata = WireBytes(copying: [0, 1, 0x7f, 0xff, 0xff, 0xff])
            }
        ]
        guard case .fail(.notMember(group: "g", _)) = member.joined(response) else {
            Issue.record("the subscription was read")
            return
        }
    }

    @Test func `a heartbeat makes the member rejoin, or reports that its partitions are lost`() {
        var member = member()
        _ = member.joinRequest()
        _ = member.joined(joined())
        _ = member.synced(SyncGroupResponse())
        member.own([TopicPartition("t", 0)])
        #expect(member.heard(.none, generation: 1) == nil && !member.needsJoin)
        _ = member.heard(.illegalGeneration, generation: 0)
        #expect(!member.needsJoin, "an answer for an earlier generation is ignored")
        _ = member.heard(.rebalanceInProgress, generation: 1)
        #expect(member.needsJoin && !member.isLost && member.memberID == "me")
        _ = member.heard(.unknownMemberID, generation: 1)
        #expect(member.needsJoin && member.isLost && member.memberID == "" && !member.isStable)
        member.mourn()
        #expect(!member.isLost && member.owned.isEmpty)
    }

    @Test func `a member with an expired generation rejoins with its id`() {
        var member = member()
        _ = member.joinRequest()
        _ = member.joined(joined())
        #expect(member.synced(SyncGroupResponse { $0.errorCode = .illegalGeneration }) == .joinAgain)
        #expect(member.joinRequest().memberID == "me" && !member.isStable)
        _ = member.joined(joined())
        #expect(member.synced(SyncGroupResponse { $0.errorCode = .unknownMemberID }) == .joinAgain)
        #expect(member.joinRequest().memberID == "")
    }

    @Test func `a sticky member sends its previous partitions, and the leader reads them`() throws {
        var member = member([.sticky])
        _ = member.joinRequest()
        var answer = joined(leader: "me")
        answer.protocolName = "sticky"
        let other = ConsumerSubscription {
            $0.topics = ["t"]
            $0.userData = StickyUserData(partitions: [TopicPartition("t", 3)], generation: 4).bytes
        }
        answer.members = [
            .init {
                $0.memberID = "you"
                $0.metadata = other.bytes
            }
        ]
        #expect(member.joined(answer) == .sync)
        #expect(member.followers.first?.owned == [TopicPartition("t", 3)] && member.followers.first?.generation == 4)
        let assignment = ConsumerAssignment { $0.assignedPartitions = .init([TopicPartition("t", 1)]) }
        _ = member.synced(SyncGroupResponse { $0.assignment = assignment.bytes })
        // It releases everything before it rejoins.
        member.own([])
        let told = try ConsumerSubscription.decode(try #require(member.joinRequest().protocols.first).metadata).data
        #expect(
            StickyUserData(reading: told.userData)
                == StickyUserData(partitions: [TopicPartition("t", 1)], generation: 1))
        #expect(told.ownedPartitions.isEmpty)
    }

    @Test func `a member that changes its subscription while joining joins again`() {
        var member = member()
        _ = member.joinRequest()
        _ = member.joined(joined())
        member.subscribe(.topics(["u"]))
        _ = member.synced(SyncGroupResponse())
        #expect(member.needsJoin)
        _ = member.joinRequest()
        _ = member.joined(joined())
        _ = member.synced(SyncGroupResponse())
        #expect(!member.needsJoin)
    }

    @Test func `a member whose instance id was taken over ends`() {
        var options = ConsumerOptions(group: "g")
        options.instanceID = "one"
        var member = GroupMember(options, group: "g", .topics(["t"]))
        _ = member.joined(joined())
        #expect(member.heard(.fencedInstanceID, generation: 1) == .fenced(id: "one"))
        let refused = JoinGroupResponse { $0.errorCode = .fencedInstanceID }
        #expect(member.joined(refused) == .fail(.fenced(id: "one")))
        let forbidden = JoinGroupResponse { $0.errorCode = .groupAuthorizationFailed }
        guard case .fail(let error) = member.joined(forbidden) else {
            Issue.record("the member was admitted")
            return
        }
        #expect(error.remedy == .change)
    }
}
