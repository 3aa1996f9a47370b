import MoldauBroker
import MoldauRecords
import Testing

struct ClassicGroupTests {
    @Test func `a new member gets an id, and joins the group with it`() throws {
        let fixture = GroupFixture()
        let first = try fixture.joined(fixture.join("", requiresID: true))
        #expect(first.error == .memberIDRequired && first.generation == -1)
        #expect(first.memberID.hasPrefix("client-") && first.memberID.count == 43)
        let answer = try fixture.joined(fixture.join(first.memberID, requiresID: true))
        #expect(answer.error == .none && answer.generation == 1 && answer.memberID == first.memberID)
        #expect(answer.leader == first.memberID && answer.protocolName == "range")
        #expect(answer.members.map(\.memberID) == [first.memberID])
        #expect(answer.members.map(\.metadata) == [[1]])
    }

    @Test func `a member id that is not used within the session timeout expires`() throws {
        let fixture = GroupFixture()
        let id = try fixture.joined(fixture.join("", requiresID: true)).memberID
        fixture.pass(.seconds(10))
        #expect(try fixture.joined(fixture.join(id)).error == .unknownMemberID)
        #expect(try fixture.description().state == "Dead")
    }

    @Test(arguments: [
        (Int32(5_999), GroupError.invalidSessionTimeout), (6_000, .none), (1_800_001, .invalidSessionTimeout),
    ])
    func `a session timeout outside the bounds is refused`(session: Int32, error: GroupError) throws {
        let fixture = GroupFixture()
        #expect(try fixture.joined(fixture.join("", session: session)).error == error)
    }

    @Test func `the first rebalance is extended by each join, up to the longest rebalance timeout`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let first = fixture.join("", rebalance: 7_000)
        fixture.pass(.seconds(2))
        let second = fixture.join("", rebalance: 5_000)
        fixture.pass(.seconds(3))
        #expect(fixture.answers[first] == nil)
        let third = fixture.join("", rebalance: 5_000)
        fixture.pass(.milliseconds(1_999))
        // The first member's 7 s are the longest rebalance timeout when the rebalance began.
        #expect(fixture.answers[first] == nil)
        fixture.pass(.milliseconds(1))
        #expect(try fixture.joined(first).members.count == 3)
        #expect(try fixture.joined(second).generation == 1)
        #expect(try fixture.joined(third).members.isEmpty)
    }

    @Test func `a first rebalance ends after the delay if no other member joins`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let join = fixture.join("")
        fixture.pass(.milliseconds(2_999))
        #expect(fixture.answers[join] == nil)
        fixture.pass(.milliseconds(1))
        #expect(try fixture.joined(join).generation == 1)
    }

    @Test func `the protocol with the most votes among those common to all members is chosen`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let (a, b, c) = (GroupProtocol("a", [1]), GroupProtocol("b", [2]), GroupProtocol("c", [3]))
        let joins =
            [fixture.join("", protocols: [a, b, c]), fixture.join("", protocols: [c, b, a])]
            + [fixture.join("", protocols: [GroupProtocol("d", []), c, a])]
        fixture.pass(.seconds(9))
        let leader = try fixture.joined(joins[0])
        #expect(leader.protocolName == "c")
        #expect(leader.members.map(\.metadata) == [[3], [3], [3]])
    }

    @Test func `a tie between two protocols is decided by the leader's preference`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let (a, b) = (GroupProtocol("a", [1]), GroupProtocol("b", [2]))
        let joins = [fixture.join("", protocols: [b, a]), fixture.join("", protocols: [a, b])]
        fixture.pass(.seconds(9))
        #expect(try fixture.joined(joins[1]).protocolName == "b")
    }

    @Test func `a member without a protocol in common with the others is refused`() throws {
        let fixture = GroupFixture()
        _ = try fixture.stableGroup(of: 2)
        #expect(
            try fixture.joined(fixture.join("", protocols: [GroupProtocol("sticky", [])])).error
                == .inconsistentGroupProtocol)
        #expect(try fixture.joined(fixture.join("", type: "connect")).error == .inconsistentGroupProtocol)
        #expect(try fixture.joined(fixture.join("", protocols: [])).error == .inconsistentGroupProtocol)
        #expect(try fixture.joined(fixture.join("", type: "", group: "new")).error == .inconsistentGroupProtocol)
        #expect(try fixture.description().state == "Stable")
    }

    @Test func `a full group refuses new members until one leaves`() throws {
        let fixture = GroupFixture { $0.maxSize = 2 }
        let (ids, generation) = try fixture.stableGroup(of: 2)
        #expect(try fixture.joined(fixture.join("")).error == .groupMaxSizeReached)
        #expect(fixture.heartbeat(ids[1], generation) == GroupError.none)
        #expect(fixture.leave(MemberName(memberID: ids[1])) == [.none])
        let (second, first) = (fixture.join(""), fixture.join(ids[0]))
        #expect(try fixture.joined(second).generation == generation + 1)
        #expect(try fixture.joined(first).members.count == 2)
    }

    @Test func `when more members join than fit, the first ones are accepted`() throws {
        let fixture = GroupFixture(delay: .seconds(3)) { $0.maxSize = 2 }
        let joins = (0..<3).map { _ in fixture.join("") }
        #expect(try fixture.joined(joins[2]).error == .groupMaxSizeReached)
        fixture.pass(.seconds(6))
        #expect(try fixture.joined(joins[0]).members.count == 2)
    }

    @Test func `members wait for the leader's assignment`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let joins = [fixture.join(""), fixture.join("")]
        fixture.pass(.seconds(6))
        let ids = try joins.map { try fixture.joined($0).memberID }
        let follower = fixture.sync(ids[1], 1)
        #expect(fixture.answers[follower] == nil)
        #expect(try fixture.description().state == "CompletingRebalance")
        let leader = fixture.sync(ids[0], 1, [ids[0]: [7], ids[1]: [8], "stranger": [9]])
        #expect(try fixture.synced(leader).assignment == [7])
        #expect(try fixture.synced(follower).assignment == [8])
        let description = try fixture.description()
        #expect(description.state == "Stable" && description.protocolName == "range")
        #expect(description.members.map(\.assignment) == [[7], [8]])
        #expect(description.members.map(\.metadata) == [[1], [1]])
        // A repeated sync returns the same assignment.
        #expect(try fixture.synced(fixture.sync(ids[1], 1)).assignment == [8])
    }

    @Test func `a joining member makes the others rejoin, and begins a new generation`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        let third = fixture.join("")
        #expect(fixture.answers[third] == nil)
        #expect(fixture.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(try fixture.synced(fixture.sync(ids[1], generation)).error == .rebalanceInProgress)
        let rejoins = ids.map { fixture.join($0) }
        let answers = try ([third] + rejoins).map { try fixture.joined($0) }
        #expect(answers.map(\.generation) == [3, 3, 3])
        #expect(answers.map(\.leader) == [ids[0], ids[0], ids[0]])
        #expect(answers.map(\.members.count) == [0, 3, 0])
        #expect(fixture.heartbeat(ids[1], generation) == .illegalGeneration)
        #expect(try fixture.synced(fixture.sync(ids[1], generation)).error == .illegalGeneration)
        #expect(fixture.heartbeat(ids[1], 3) == GroupError.none)
    }

    @Test func `a rebalance completes without members that do not rejoin in time`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        let third = fixture.join("", rebalance: 5_000)
        for _ in 0..<11 {
            fixture.pass(.seconds(5))
            #expect(fixture.heartbeat(ids[0], generation) == .rebalanceInProgress)
            #expect(fixture.heartbeat(ids[1], generation) == .rebalanceInProgress)
        }
        // The rebalance timeout of the two is a minute.
        let first = fixture.join(ids[0])
        #expect(fixture.answers[first] == nil)
        fixture.pass(.seconds(5))
        #expect(try fixture.joined(first).members.count == 2)
        #expect(try fixture.joined(third).generation == generation + 1)
        #expect(fixture.heartbeat(ids[1], generation) == .unknownMemberID)
    }

    @Test func `rejoining unchanged, a follower gets the current generation, a leader begins a rebalance`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        #expect(try fixture.joined(fixture.join(ids[1])).generation == generation)
        #expect(try fixture.description().state == "Stable")
        let leader = fixture.join(ids[0])
        #expect(fixture.answers[leader] == nil)
        #expect(try fixture.description().state == "PreparingRebalance")
        _ = fixture.join(ids[1])
        #expect(try fixture.joined(leader).generation == generation + 1)
    }

    @Test func `a follower that rejoins with changed metadata begins a rebalance`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        let follower = fixture.join(ids[1], protocols: [GroupProtocol("range", [2])])
        #expect(fixture.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(try fixture.joined(fixture.join(ids[0])).members.map(\.metadata) == [[1], [2]])
        #expect(try fixture.joined(follower).generation == generation + 1)
    }

    @Test func `a join during syncing makes the waiting members rejoin`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let joins = [fixture.join(""), fixture.join("")]
        fixture.pass(.seconds(6))
        let ids = try joins.map { try fixture.joined($0).memberID }
        // Its answer was lost, so it sends the request again.
        #expect(try fixture.joined(fixture.join(ids[0])).members.count == 2)
        let follower = fixture.sync(ids[1], 1)
        let third = fixture.join("")
        #expect(try fixture.synced(follower).error == .rebalanceInProgress)
        #expect(try fixture.synced(fixture.sync(ids[0], 1, [ids[0]: [1]])).error == .rebalanceInProgress)
        _ = ids.map { fixture.join($0) }
        #expect(try fixture.joined(third).generation == 2)
    }

    @Test func `a member that does not sync within the rebalance timeout is removed`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let joins = [fixture.join("", session: 300_000), fixture.join("", session: 300_000)]
        fixture.pass(.seconds(6))
        let ids = try joins.map { try fixture.joined($0).memberID }
        _ = fixture.sync(ids[0], 1, [ids[0]: [7], ids[1]: [8]])
        fixture.pass(.milliseconds(59_999))
        #expect(try fixture.description().members.count == 2)
        fixture.pass(.milliseconds(1))
        #expect(try fixture.description().members.map(\.memberID) == [ids[0]])
        #expect(fixture.heartbeat(ids[0], 1) == .rebalanceInProgress)
    }

    @Test func `a member without a heartbeat for its session timeout is removed`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        fixture.pass(.seconds(9))
        #expect(fixture.heartbeat(ids[0], generation) == GroupError.none)
        fixture.pass(.seconds(1))
        #expect(fixture.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(fixture.heartbeat(ids[1], generation) == .unknownMemberID)
        #expect(try fixture.joined(fixture.join(ids[0])).members.count == 1)
    }

    @Test func `a group whose last member has expired is empty, and its generation number continues`() throws {
        let fixture = GroupFixture()
        _ = try fixture.stableGroup(of: 1)
        fixture.pass(.seconds(10))
        #expect(try fixture.description().state == "Empty")
        #expect(fixture.nextWake == .seconds(600))
        #expect(try fixture.joined(fixture.join("")).generation == 3)
    }

    @Test func `a new member waiting in its first join is removed after five minutes`() throws {
        let fixture = GroupFixture()
        let leader = try fixture.joined(fixture.join("", rebalance: 600_000)).memberID
        _ = fixture.sync(leader, 1)
        let other = fixture.join("")
        for _ in 0..<60 {
            #expect(fixture.answers[other] == nil)
            #expect(fixture.heartbeat(leader, 1) == .rebalanceInProgress)
            fixture.pass(.seconds(5))
        }
        #expect(try fixture.joined(other).error == .unknownMemberID)
        #expect(try fixture.joined(fixture.join(leader)).members.count == 1)
    }

    @Test func `members leave by member id or instance id, several in one request`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 3, instances: true)
        #expect(
            fixture.leave(
                MemberName(memberID: "stranger"), MemberName(memberID: "", instanceID: "instance0"),
                MemberName(memberID: ids[1]), MemberName(memberID: ids[0], instanceID: "instance2"),
                MemberName(memberID: "", instanceID: "stranger")
            ) == [.unknownMemberID, .none, .none, .fencedInstanceID, .unknownMemberID])
        #expect(fixture.heartbeat(ids[2], generation, instance: "instance2") == .rebalanceInProgress)
        #expect(try fixture.joined(fixture.join(ids[2], instance: "instance2")).leader == ids[2])
    }

    @Test func `a rebalance does not wait for a pending member that has left`() throws {
        let fixture = GroupFixture()
        let (ids, _) = try fixture.stableGroup(of: 1)
        let pending = try fixture.joined(fixture.join("", requiresID: true)).memberID
        let leader = fixture.join(ids[0])
        #expect(fixture.answers[leader] == nil)
        #expect(fixture.leave(MemberName(memberID: pending)) == [.none])
        #expect(try fixture.joined(leader).members.count == 1)
    }

    @Test func `requests to a nonexistent group are refused and write nothing`() throws {
        let fixture = GroupFixture()
        #expect(try fixture.joined(fixture.join("stranger")).error == .unknownMemberID)
        #expect(try fixture.synced(fixture.sync("stranger", 1)).error == .unknownMemberID)
        #expect(fixture.heartbeat("stranger", 1) == .unknownMemberID)
        #expect(fixture.leave(MemberName(memberID: "stranger")) == [.unknownMemberID])
        #expect(try fixture.joined(fixture.join("", group: "")).error == .invalidGroupID)
        #expect(
            try fixture.joined(fixture.join("", group: String(repeating: "g", count: 32_768))).error == .invalidGroupID)
        #expect(try fixture.description().error == .groupIDNotFound)
        #expect(fixture.writes.isEmpty)
    }

    @Test func `a sync with another protocol name is refused`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 1)
        #expect(
            try fixture.synced(fixture.sync(ids[0], generation, name: "sticky")).error == .inconsistentGroupProtocol)
        #expect(try fixture.synced(fixture.sync(ids[0], generation, name: "range")).error == .none)
    }

    @Test func `waiting members are answered when the coordinator stops`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let join = fixture.join("")
        fixture.tell(.stop)
        #expect(try fixture.joined(join).error == .coordinatorNotAvailable)
    }

    @Test func `a string too long for a record is refused`() throws {
        let fixture = GroupFixture()
        let long = String(repeating: "x", count: 32_768)
        #expect(try fixture.joined(fixture.join("", instance: long)).error == .invalidRequest)
        #expect(
            try fixture.joined(fixture.join("", protocols: [GroupProtocol(long, [])])).error == .invalidRequest)
    }
}
