import MoldauBroker
import MoldauRecords
import Testing

struct ClassicGroupTests {
    @Test func `a new member gets an id, and is in the group when it joins with it`() throws {
        let bench = GroupBench()
        let first = try bench.joined(bench.join("", requiresID: true))
        #expect(first.error == .memberIDRequired && first.generation == -1)
        #expect(first.memberID.hasPrefix("client-") && first.memberID.count == 43)
        let answer = try bench.joined(bench.join(first.memberID, requiresID: true))
        #expect(answer.error == .none && answer.generation == 1 && answer.memberID == first.memberID)
        #expect(answer.leader == first.memberID && answer.protocolName == "range")
        #expect(answer.members.map(\.memberID) == [first.memberID])
        #expect(answer.members.map(\.metadata) == [[1]])
    }

    @Test func `an id that was not taken up in a session timeout is unknown`() throws {
        let bench = GroupBench()
        let id = try bench.joined(bench.join("", requiresID: true)).memberID
        bench.pass(.seconds(10))
        #expect(try bench.joined(bench.join(id)).error == .unknownMemberID)
        #expect(try bench.description().state == "Dead")
    }

    @Test(arguments: [
        (Int32(5_999), GroupError.invalidSessionTimeout), (6_000, .none), (1_800_001, .invalidSessionTimeout),
    ])
    func `a session timeout is within the bounds`(session: Int32, error: GroupError) throws {
        let bench = GroupBench()
        #expect(try bench.joined(bench.join("", session: session)).error == error)
    }

    @Test func `a first rebalance waits for more members, and again after each, as long as the members allow`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let first = bench.join("", rebalance: 7_000)
        bench.pass(.seconds(2))
        let second = bench.join("", rebalance: 5_000)
        bench.pass(.seconds(3))
        #expect(bench.answers[first] == nil)
        let third = bench.join("", rebalance: 5_000)
        bench.pass(.milliseconds(1_999))
        // The first member's 7 s are the longest that anybody allowed when the rebalance began.
        #expect(bench.answers[first] == nil)
        bench.pass(.milliseconds(1))
        #expect(try bench.joined(first).members.count == 3)
        #expect(try bench.joined(second).generation == 1)
        #expect(try bench.joined(third).members.isEmpty)
    }

    @Test func `a first rebalance ends after the delay if nobody else comes`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let join = bench.join("")
        bench.pass(.milliseconds(2_999))
        #expect(bench.answers[join] == nil)
        bench.pass(.milliseconds(1))
        #expect(try bench.joined(join).generation == 1)
    }

    @Test func `the protocol with most votes among those common to all is chosen`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let (a, b, c) = (GroupProtocol("a", [1]), GroupProtocol("b", [2]), GroupProtocol("c", [3]))
        let joins =
            [bench.join("", protocols: [a, b, c]), bench.join("", protocols: [c, b, a])]
            + [bench.join("", protocols: [GroupProtocol("d", []), c, a])]
        bench.pass(.seconds(9))
        let leader = try bench.joined(joins[0])
        #expect(leader.protocolName == "c")
        #expect(leader.members.map(\.metadata) == [[3], [3], [3]])
    }

    @Test func `of two protocols with as many votes the leader's is chosen`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let (a, b) = (GroupProtocol("a", [1]), GroupProtocol("b", [2]))
        let joins = [bench.join("", protocols: [b, a]), bench.join("", protocols: [a, b])]
        bench.pass(.seconds(9))
        #expect(try bench.joined(joins[1]).protocolName == "b")
    }

    @Test func `who has no protocol in common with the others is refused`() throws {
        let bench = GroupBench()
        _ = try bench.stableGroup(of: 2)
        #expect(
            try bench.joined(bench.join("", protocols: [GroupProtocol("sticky", [])])).error
                == .inconsistentGroupProtocol)
        #expect(try bench.joined(bench.join("", type: "connect")).error == .inconsistentGroupProtocol)
        #expect(try bench.joined(bench.join("", protocols: [])).error == .inconsistentGroupProtocol)
        #expect(try bench.joined(bench.join("", type: "", group: "new")).error == .inconsistentGroupProtocol)
        #expect(try bench.description().state == "Stable")
    }

    @Test func `a full group takes nobody`() throws {
        let bench = GroupBench { $0.maxSize = 2 }
        let (ids, generation) = try bench.stableGroup(of: 2)
        #expect(try bench.joined(bench.join("")).error == .groupMaxSizeReached)
        #expect(bench.heartbeat(ids[1], generation) == GroupError.none)
        #expect(bench.leave(MemberName(memberID: ids[1])) == [.none])
        let (second, first) = (bench.join(""), bench.join(ids[0]))
        #expect(try bench.joined(second).generation == generation + 1)
        #expect(try bench.joined(first).members.count == 2)
    }

    @Test func `a full group takes those that join first in a rebalance`() throws {
        let bench = GroupBench(delay: .seconds(3)) { $0.maxSize = 2 }
        let joins = (0..<3).map { _ in bench.join("") }
        #expect(try bench.joined(joins[2]).error == .groupMaxSizeReached)
        bench.pass(.seconds(6))
        #expect(try bench.joined(joins[0]).members.count == 2)
    }

    @Test func `members wait for the leader's assignment`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let joins = [bench.join(""), bench.join("")]
        bench.pass(.seconds(6))
        let ids = try joins.map { try bench.joined($0).memberID }
        let follower = bench.sync(ids[1], 1)
        #expect(bench.answers[follower] == nil)
        #expect(try bench.description().state == "CompletingRebalance")
        let leader = bench.sync(ids[0], 1, [ids[0]: [7], ids[1]: [8], "stranger": [9]])
        #expect(try bench.synced(leader).assignment == [7])
        #expect(try bench.synced(follower).assignment == [8])
        let description = try bench.description()
        #expect(description.state == "Stable" && description.protocolName == "range")
        #expect(description.members.map(\.assignment) == [[7], [8]])
        #expect(description.members.map(\.metadata) == [[1], [1]])
        // Asked again, it is told again.
        #expect(try bench.synced(bench.sync(ids[1], 1)).assignment == [8])
    }

    @Test func `a member joining calls the others back, and begins a new generation`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        let third = bench.join("")
        #expect(bench.answers[third] == nil)
        #expect(bench.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(try bench.synced(bench.sync(ids[1], generation)).error == .rebalanceInProgress)
        let rejoins = ids.map { bench.join($0) }
        let answers = try ([third] + rejoins).map { try bench.joined($0) }
        #expect(answers.map(\.generation) == [3, 3, 3])
        #expect(answers.map(\.leader) == [ids[0], ids[0], ids[0]])
        #expect(answers.map(\.members.count) == [0, 3, 0])
        #expect(bench.heartbeat(ids[1], generation) == .illegalGeneration)
        #expect(try bench.synced(bench.sync(ids[1], generation)).error == .illegalGeneration)
        #expect(bench.heartbeat(ids[1], 3) == GroupError.none)
    }

    @Test func `a rebalance goes on without those who do not come back in time`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        let third = bench.join("", rebalance: 5_000)
        for _ in 0..<11 {
            bench.pass(.seconds(5))
            #expect(bench.heartbeat(ids[0], generation) == .rebalanceInProgress)
            #expect(bench.heartbeat(ids[1], generation) == .rebalanceInProgress)
        }
        // The two allowed a minute.
        let first = bench.join(ids[0])
        #expect(bench.answers[first] == nil)
        bench.pass(.seconds(5))
        #expect(try bench.joined(first).members.count == 2)
        #expect(try bench.joined(third).generation == generation + 1)
        #expect(bench.heartbeat(ids[1], generation) == .unknownMemberID)
    }

    @Test func `a follower that joins again without news is told what it knows, the leader begins a rebalance`() throws
    {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        #expect(try bench.joined(bench.join(ids[1])).generation == generation)
        #expect(try bench.description().state == "Stable")
        let leader = bench.join(ids[0])
        #expect(bench.answers[leader] == nil)
        #expect(try bench.description().state == "PreparingRebalance")
        _ = bench.join(ids[1])
        #expect(try bench.joined(leader).generation == generation + 1)
    }

    @Test func `a follower that wants something else begins a rebalance`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        let follower = bench.join(ids[1], protocols: [GroupProtocol("range", [2])])
        #expect(bench.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(try bench.joined(bench.join(ids[0])).members.map(\.metadata) == [[1], [2]])
        #expect(try bench.joined(follower).generation == generation + 1)
    }

    @Test func `a join in the middle of syncing sends those who wait back to joining`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let joins = [bench.join(""), bench.join("")]
        bench.pass(.seconds(6))
        let ids = try joins.map { try bench.joined($0).memberID }
        // Its answer was lost, so it asks again.
        #expect(try bench.joined(bench.join(ids[0])).members.count == 2)
        let follower = bench.sync(ids[1], 1)
        let third = bench.join("")
        #expect(try bench.synced(follower).error == .rebalanceInProgress)
        #expect(try bench.synced(bench.sync(ids[0], 1, [ids[0]: [1]])).error == .rebalanceInProgress)
        _ = ids.map { bench.join($0) }
        #expect(try bench.joined(third).generation == 2)
    }

    @Test func `who does not ask for its assignment in time is removed`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let joins = [bench.join("", session: 300_000), bench.join("", session: 300_000)]
        bench.pass(.seconds(6))
        let ids = try joins.map { try bench.joined($0).memberID }
        _ = bench.sync(ids[0], 1, [ids[0]: [7], ids[1]: [8]])
        bench.pass(.milliseconds(59_999))
        #expect(try bench.description().members.count == 2)
        bench.pass(.milliseconds(1))
        #expect(try bench.description().members.map(\.memberID) == [ids[0]])
        #expect(bench.heartbeat(ids[0], 1) == .rebalanceInProgress)
    }

    @Test func `a member that is not heard of for its session timeout is removed`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        bench.pass(.seconds(9))
        #expect(bench.heartbeat(ids[0], generation) == GroupError.none)
        bench.pass(.seconds(1))
        #expect(bench.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(bench.heartbeat(ids[1], generation) == .unknownMemberID)
        #expect(try bench.joined(bench.join(ids[0])).members.count == 1)
    }

    @Test func `a group whose last member has gone is empty, and its generations go on`() throws {
        let bench = GroupBench()
        _ = try bench.stableGroup(of: 1)
        bench.pass(.seconds(10))
        #expect(try bench.description().state == "Empty")
        #expect(bench.nextWake == .seconds(600))
        #expect(try bench.joined(bench.join("")).generation == 3)
    }

    @Test func `a member that waits in its first join is given up after five minutes`() throws {
        let bench = GroupBench()
        let leader = try bench.joined(bench.join("", rebalance: 600_000)).memberID
        _ = bench.sync(leader, 1)
        let other = bench.join("")
        for _ in 0..<60 {
            #expect(bench.answers[other] == nil)
            #expect(bench.heartbeat(leader, 1) == .rebalanceInProgress)
            bench.pass(.seconds(5))
        }
        #expect(try bench.joined(other).error == .unknownMemberID)
        #expect(try bench.joined(bench.join(leader)).members.count == 1)
    }

    @Test func `a member leaves by its id or its instance id, several at once`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 3, instances: true)
        #expect(
            bench.leave(
                MemberName(memberID: "stranger"), MemberName(memberID: "", instanceID: "instance0"),
                MemberName(memberID: ids[1]), MemberName(memberID: ids[0], instanceID: "instance2"),
                MemberName(memberID: "", instanceID: "stranger")
            ) == [.unknownMemberID, .none, .none, .fencedInstanceID, .unknownMemberID])
        #expect(bench.heartbeat(ids[2], generation, instance: "instance2") == .rebalanceInProgress)
        #expect(try bench.joined(bench.join(ids[2], instance: "instance2")).leader == ids[2])
    }

    @Test func `who was given an id and leaves is no longer waited for`() throws {
        let bench = GroupBench()
        let (ids, _) = try bench.stableGroup(of: 1)
        let pending = try bench.joined(bench.join("", requiresID: true)).memberID
        let leader = bench.join(ids[0])
        #expect(bench.answers[leader] == nil)
        #expect(bench.leave(MemberName(memberID: pending)) == [.none])
        #expect(try bench.joined(leader).members.count == 1)
    }

    @Test func `nobody is a member of a group that does not exist`() throws {
        let bench = GroupBench()
        #expect(try bench.joined(bench.join("stranger")).error == .unknownMemberID)
        #expect(try bench.synced(bench.sync("stranger", 1)).error == .unknownMemberID)
        #expect(bench.heartbeat("stranger", 1) == .unknownMemberID)
        #expect(bench.leave(MemberName(memberID: "stranger")) == [.unknownMemberID])
        #expect(try bench.joined(bench.join("", group: "")).error == .invalidGroupID)
        #expect(
            try bench.joined(bench.join("", group: String(repeating: "g", count: 32_768))).error == .invalidGroupID)
        #expect(try bench.description().error == .groupIDNotFound)
        #expect(bench.writes.isEmpty)
    }

    @Test func `a sync that names another protocol is refused`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 1)
        #expect(
            try bench.synced(bench.sync(ids[0], generation, name: "sticky")).error == .inconsistentGroupProtocol)
        #expect(try bench.synced(bench.sync(ids[0], generation, name: "range")).error == .none)
    }

    @Test func `who waits when the coordinator stops is told`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let join = bench.join("")
        bench.tell(.stop)
        #expect(try bench.joined(join).error == .coordinatorNotAvailable)
    }

    @Test func `a text that would not fit into a record is refused`() throws {
        let bench = GroupBench()
        let long = String(repeating: "x", count: 32_768)
        #expect(try bench.joined(bench.join("", instance: long)).error == .invalidRequest)
        #expect(
            try bench.joined(bench.join("", protocols: [GroupProtocol(long, [])])).error == .invalidRequest)
    }
}
