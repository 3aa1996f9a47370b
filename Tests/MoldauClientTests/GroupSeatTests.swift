import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

struct GroupSeatTests {
    private func seated(generation: Int32 = 1) -> GroupSeatState {
        var seat = GroupSeatState(GroupSeatOptions(group: "g"))
        seat.rejoin()
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

    @Test func `a new member gets its id first, then its share from the leader`() {
        var seat = GroupSeatState(GroupSeatOptions(group: "g"))
        seat.rejoin()
        let refused = JoinGroupResponse {
            ($0.errorCode, $0.memberID) = (.memberIDRequired, "me")
        }
        #expect(seat.joined(refused) == .joinAgain)
        let request = seat.joinRequest(topics: ["t"], data: [1])
        #expect(request.memberID == "me" && request.protocols.map(\.name) == ["stream"])
        #expect(seat.joined(joined()) == .ask)
        #expect(seat.synced(synced([7])) == .seated([7]))
    }

    @Test func `the leader gets every member's subscription, and submits their assignments`() throws {
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
        // Tools that describe the group see the partitions.
        #expect(share.assignedPartitions.map(\.partitions) == [[1]])
    }

    @Test func `a member that is told to rejoin keeps its seat until then`() {
        var seat = seated()
        #expect(seat.heard(.rebalanceInProgress, generation: 1) == nil)
        #expect(seat.needsJoin && seat.isSeated)
        #expect(seat.joined(joined(generation: 2)) == .ask)
        #expect(seat.member.generation == 2)
        #expect(seat.synced(synced([8])) == .seated([8]) && !seat.needsJoin)
    }

    @Test func `a member that releases partitions while joining joins again`() {
        var seat = seated()
        seat.rejoin()
        seat.startJoining()
        // What it owned when the join began may be in no member's share.
        _ = seat.joinRequest(topics: ["t"], data: [1])
        seat.rejoin()
        #expect(seat.joined(joined(generation: 2)) == .ask)
        #expect(seat.synced(synced([8])) == .seated([8]))
        seat.endJoining()
        #expect(seat.needsJoin)
    }

    @Test func `a member that did not get its share rejoins`() {
        var seat = seated()
        seat.rejoin()
        seat.startJoining()
        #expect(seat.joined(joined(generation: 2)) == .ask)
        #expect(seat.synced(SyncGroupResponse { $0.errorCode = .rebalanceInProgress }) == .joinAgain)
        seat.endJoining()
        #expect(seat.needsJoin && seat.isSeated)
    }

    @Test(arguments: [ErrorCode.unknownMemberID, .illegalGeneration])
    func `a member considered dead has lost its work, and rejoins only on request`(code: ErrorCode) {
        var seat = seated()
        #expect(seat.heard(code, generation: 1) == .lost(code.name))
        #expect(!seat.isSeated && !seat.needsJoin)
        #expect(seat.joinRequest(topics: [], data: []).memberID == (code == .illegalGeneration ? "me" : ""))
    }

    @Test func `an answer for an earlier generation, or during a join, is ignored`() {
        var seat = seated(generation: 2)
        #expect(seat.heard(.illegalGeneration, generation: 1) == nil)
        seat.startJoining()
        #expect(seat.heard(.unknownMemberID, generation: 2) == nil)
        #expect(seat.isSeated)
    }

    @Test func `a member whose instance id was taken over is out permanently`() {
        var seat = seated()
        #expect(seat.heard(.fencedInstanceID, generation: 1) == .fail(.fenced(id: "")))
        #expect(!seat.isSeated)
    }

    @Test func `a member's metadata is validated before it is read`() {
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
        Issue.record("it was accepted as a subscription: \(step)")
    }
}

/// Seats at a broker.
struct SeatedGroupTests {
    private final class Holder: GroupSeatHolder {
        func report() -> (topics: Set<String>, data: [UInt8]) { ([], []) }
        func divide(_ members: [String: [UInt8]]) -> [String: (partitions: Set<TopicPartition>, data: [UInt8])] { [:] }
        func seated(_ share: [UInt8]) {}
        func lost(_ reason: String) {}
        func failed(_ error: ClientError) { Issue.record(error) }
    }

    /// Divides until it is stopped, for 20 seconds at most, and then throws.
    private final class SlowHolder: GroupSeatHolder {
        struct Stopped: Error {}
        enum Phase { case new, dividing, stopped, over }

        let phase = Monitor(Phase.new)

        func report() -> (topics: Set<String>, data: [UInt8]) { ([], []) }
        func divide(_ members: [String: [UInt8]]) throws -> [String: (partitions: Set<TopicPartition>, data: [UInt8])] {
            phase.withLock(wakes: true) { $0 = .dividing }
            _ = phase.wait(timeout: .seconds(20)) { $0 == .stopped ? true : nil }
            phase.withLock(wakes: true) { $0 = .over }
            throw Stopped()
        }
        func seated(_ share: [UInt8]) {}
        func lost(_ reason: String) {}
        func failed(_ error: ClientError) { Issue.record("a call after the member has left: \(error)") }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a member that divides for long blocks no other client, and gets no calls after leaving`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let (holder, admin) = (SlowHolder(), try AdminClient(cluster: broker.client))
            let seat = try GroupSeat(GroupSeatOptions(group: "g"), cluster: broker.client, holder: holder)
            seat.rebalance()
            let began = ContinuousClock.now
            try await onThread {
                _ = holder.phase.wait { $0 == .dividing ? true : nil }
                let topics = try waiting { try await admin.listTopics() }
                #expect(topics.map(\.name) == ["t"])
                seat.leave()
                #expect(ContinuousClock.now - began < .seconds(15))
                holder.phase.withLock(wakes: true) { $0 = .stopped }
                _ = holder.phase.wait(timeout: .seconds(20)) { $0 == .over ? true : nil }
            }
            // If the division has any consequences, they follow soon.
            try await Task.sleep(for: .milliseconds(100))
            await admin.close()
        }
    }

    /// A broker answers the requests of one connection in order, and a join when all members have joined.
    @Test(.timeLimit(.minutes(1))) func `leaving does not wait for a member's own pending join`() async throws {
        try await withBroker(topics: [:]) { broker in
            let cluster = ClusterClient(broker.client, try SocketWorld(broker.client))
            defer { cluster.close() }
            func ask<Request: WireRequest>(_ request: Request) async throws -> Request.Response {
                try await cluster.ask(
                    request, coordinatorOf: .group("g"), within: .seconds(10),
                    pauses: Backoff(first: .milliseconds(5), longest: .milliseconds(50)), code: { _ in .none },
                    refusal: { _ in nil })
            }
            // The first member does not rejoin when the second one joins.
            var first = GroupSeatState(GroupSeatOptions(group: "g"))
            first.rejoin()
            while try await first.joined(ask(first.joinRequest(topics: [], data: []))) == .joinAgain {}
            _ = try await ask(first.syncRequest([:]))
            let second = try GroupSeat(GroupSeatOptions(group: "g"), cluster: broker.client, holder: Holder())
            second.rebalance()
            let admin = try AdminClient(cluster: broker.client)
            func members() async throws -> [AdminClient.GroupState: Int] {
                let found = try await admin.describeGroups(["g"]).all()["g"]
                return found.map { [$0.state: $0.members.count] } ?? [:]
            }
            while try await members() != [.preparingRebalance: 2] { try await Task.sleep(for: .milliseconds(5)) }
            let began = ContinuousClock.now
            await onThread { second.leave() }
            #expect(ContinuousClock.now - began < .seconds(2))
            while try await members() != [.preparingRebalance: 1] { try await Task.sleep(for: .milliseconds(5)) }
            #expect(ContinuousClock.now - began < .seconds(3))
            await admin.close()
        }
    }
}
