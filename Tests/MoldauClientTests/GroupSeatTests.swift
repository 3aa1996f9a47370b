import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

struct GroupSeatTests {
    private func seated(generation: Int32 = 1) -> GroupSeatState {
        var seat = GroupSeatState(GroupSeatOptions(group: "g"))
        seat.askAnew()
        seat.startJoining()
        #expect(seat.needsJoin && !seat.isSeated)
        #expect(seat.joined(joined(generation: generation)) == .ask)
        #expect(seat.synced(synced([7])) == .seated([7]))
        seat.endJoining()
        #expect(!seat.needsJoin && seat.isSeated)
        return seat
    }

    private func joined(leader: String = "other", generation: Int32 = 1) -> JoinGroupResponse {
        JoinGroupResponse {
            ($0.memberID, $0.generationID, $0.leader) = ("me", generation, leader)
        }
    }

    private func synced(_ share: [UInt8]) -> SyncGroupResponse {
        SyncGroupResponse {
            let assignment = ConsumerAssignment { $0.userData = WireBytes(copying: share) }
            $0.assignment = assignment.bytes
        }
    }

    @Test func `a new member gets its id first, then what the one that divides has for it`() {
        var seat = GroupSeatState(GroupSeatOptions(group: "g"))
        seat.askAnew()
        let refused = JoinGroupResponse {
            ($0.errorCode, $0.memberID) = (.memberIDRequired, "me")
        }
        #expect(seat.joined(refused) == .joinAgain)
        let request = seat.joinRequest(topics: ["t"], data: [1])
        #expect(request.memberID == "me" && request.protocols.map(\.name) == ["stream"])
        #expect(seat.joined(joined()) == .ask)
        #expect(seat.synced(synced([7])) == .seated([7]))
    }

    @Test func `the one that divides learns what all tell, and hands in their shares`() throws {
        var seat = GroupSeatState(GroupSeatOptions(group: "g"))
        var response = joined(leader: "me")
        response.members = [("me", UInt8(1)), ("other", 2)].map { id, data in
            .init {
                $0.memberID = id
                $0.metadata = seat.joinRequest(topics: ["t"], data: [data]).protocols[0].metadata
            }
        }
        #expect(seat.joined(response) == .divide(["me": [1], "other": [2]]))
        let sync = seat.syncRequest(["other": (partitions: [TopicPartition("t", 1)], data: [9])])
        let share = try ConsumerAssignment.decode(sync.assignments[0].assignment).data
        #expect(sync.assignments.map(\.memberID) == ["other"])
        #expect(share.userData?.bytes.elementsEqual([9]) == true)
        // Programs that look at the group see the partitions.
        #expect(share.assignedPartitions.map(\.partitions) == [[1]])
    }

    @Test func `a member that is asked to joins again and keeps its place meanwhile`() {
        var seat = seated()
        #expect(seat.heard(.rebalanceInProgress, generation: 1) == nil)
        #expect(seat.needsJoin && seat.isSeated)
        #expect(seat.joined(joined(generation: 2)) == .ask)
        #expect(seat.member.generation == 2)
        #expect(seat.synced(synced([8])) == .seated([8]) && !seat.needsJoin)
    }

    @Test func `a member that gives something up while it joins joins once more, to tell`() {
        var seat = seated()
        seat.askAnew()
        seat.startJoining()
        // What it had when the join began may be in nobody's share.
        _ = seat.joinRequest(topics: ["t"], data: [1])
        seat.askAnew()
        #expect(seat.joined(joined(generation: 2)) == .ask)
        #expect(seat.synced(synced([8])) == .seated([8]))
        seat.endJoining()
        #expect(seat.needsJoin)
    }

    @Test func `a member that was not told its share joins again`() {
        var seat = seated()
        seat.askAnew()
        seat.startJoining()
        #expect(seat.joined(joined(generation: 2)) == .ask)
        #expect(seat.synced(SyncGroupResponse { $0.errorCode = .rebalanceInProgress }) == .joinAgain)
        seat.endJoining()
        #expect(seat.needsJoin && seat.isSeated)
    }

    @Test(arguments: [ErrorCode.unknownMemberID, .illegalGeneration])
    func `a member that was taken for dead has lost its work, and comes back only when it is told to`(code: ErrorCode) {
        var seat = seated()
        #expect(seat.heard(code, generation: 1) == .lost(code.name))
        #expect(!seat.isSeated && !seat.needsJoin)
        #expect(seat.joinRequest(topics: [], data: []).memberID == "")
    }

    @Test func `an answer to the generation before, or while it joins, says nothing`() {
        var seat = seated(generation: 2)
        #expect(seat.heard(.illegalGeneration, generation: 1) == nil)
        seat.startJoining()
        #expect(seat.heard(.unknownMemberID, generation: 2) == nil)
        #expect(seat.isSeated)
    }

    @Test func `a member whose name another one has taken is out for good`() {
        var seat = seated()
        #expect(seat.heard(.fencedInstanceID, generation: 1) == .fail(.fenced(id: "")))
        #expect(!seat.isSeated)
    }

    @Test func `what a member tells is checked before it is read`() {
        var seat = GroupSeatState(GroupSeatOptions(group: "g"))
        var response = joined(leader: "me")
        response.members = [
            .init {
                $0.memberID = "other"
                $0.metadata = WireBytes(copying: [0, 1, 255, 255, 255, 255])
            }
        ]
        let step = seat.joined(response)
        if case .fail = step { return }
        Issue.record("it was taken for a subscription: \(step)")
    }
}
