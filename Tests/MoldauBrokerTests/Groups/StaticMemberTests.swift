import MoldauBroker
import MoldauRecords
import Testing

/// A subscription as consumers encode it, version 0, with more bytes after the topics.
private func subscription(_ topic: String, _ more: [UInt8] = []) -> [UInt8] {
    [0, 0, 0, 0, 0, 1, 0, UInt8(topic.utf8.count)] + Array(topic.utf8) + [0, 0, 0, 0] + more
}

struct StaticMemberTests {
    @Test func `a static member that returns keeps its assignment, without a rebalance`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2, instances: true)
        let answer = try fixture.joined(fixture.join("", instance: "instance1"))
        #expect(answer.error == .none && answer.generation == generation && answer.leader == ids[0])
        #expect(answer.memberID.hasPrefix("instance1-") && answer.memberID != ids[1])
        #expect(answer.members.isEmpty && !answer.skipsAssignment)
        #expect(try fixture.synced(fixture.sync(answer.memberID, generation)).assignment == [1])
        #expect(fixture.heartbeat(ids[0], generation, instance: "instance0") == GroupError.none)
        // The replaced member is fenced.
        #expect(fixture.heartbeat(ids[1], generation, instance: "instance1") == .fencedInstanceID)
        #expect(fixture.heartbeat(ids[1], generation) == .unknownMemberID)
        #expect(try fixture.joined(fixture.join(ids[1], instance: "instance1")).error == .fencedInstanceID)
    }

    @Test(arguments: [true, false])
    func `a static leader that returns assigns nothing`(canSkip: Bool) throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2, instances: true)
        let answer = try fixture.joined(fixture.join("", instance: "instance0", canSkip: canSkip))
        #expect(answer.generation == generation)
        if canSkip {
            #expect(answer.leader == answer.memberID && answer.skipsAssignment)
            #expect(answer.members.map(\.memberID) == [answer.memberID, ids[1]])
            #expect(answer.members.map(\.instanceID) == ["instance0", "instance1"])
        } else {
            // A client that cannot skip the assignment must not consider itself the leader.
            #expect(answer.leader == ids[0] && answer.members.isEmpty)
        }
        #expect(try fixture.synced(fixture.sync(answer.memberID, generation)).assignment == [0])
    }

    @Test func `a static member that returns with other metadata begins a rebalance`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2, instances: true)
        let back = fixture.join("", instance: "instance1", protocols: [GroupProtocol("range", [2])])
        #expect(fixture.answers[back] == nil)
        #expect(fixture.heartbeat(ids[0], generation, instance: "instance0") == .rebalanceInProgress)
        _ = fixture.join(ids[0], instance: "instance0")
        #expect(try fixture.joined(back).generation == generation + 1)
    }

    @Test func `a returning member's owned partitions do not matter, but its topics do`() throws {
        let fixture = GroupFixture()
        let owning = [GroupProtocol("range", subscription("orders", [1, 2, 3]))]
        let (_, generation) = try fixture.stableGroup(of: 2, protocols: owning, instances: true)
        let fresh = [GroupProtocol("range", subscription("orders"))]
        #expect(
            try fixture.joined(fixture.join("", instance: "instance1", protocols: fresh)).generation == generation)
        let other = fixture.join("", instance: "instance1", protocols: [GroupProtocol("range", subscription("users"))])
        #expect(fixture.answers[other] == nil)
    }

    @Test func `the older of two members with the same instance id is fenced, wherever it waits`() throws {
        let fixture = GroupFixture(delay: .seconds(3))
        let older = fixture.join("", instance: "a")
        let newer = fixture.join("", instance: "a")
        #expect(try fixture.joined(older).error == .fencedInstanceID)
        let follower = fixture.join("", instance: "b")
        fixture.pass(.seconds(9))
        let id = try fixture.joined(follower).memberID
        #expect(try fixture.joined(newer).members.count == 2)
        let sync = fixture.sync(id, 1, instance: "b")
        let third = fixture.join("", instance: "b")
        #expect(try fixture.synced(sync).error == .fencedInstanceID)
        // The leader knows the old id, so it has to assign again.
        #expect(fixture.answers[third] == nil)
        #expect(try fixture.description().state == "PreparingRebalance")
    }

    @Test func `a rebalance keeps an absent static member until its session expires`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2, instances: true)
        let third = fixture.join("", session: 300_000, rebalance: 5_000)
        for _ in 0..<12 {
            fixture.pass(.seconds(5))
            _ = fixture.heartbeat(ids[0], generation, instance: "instance0")
            _ = fixture.heartbeat(ids[1], generation, instance: "instance1")
        }
        let answer = try fixture.joined(third)
        #expect(answer.generation == generation + 1 && answer.leader == answer.memberID)
        #expect(answer.members.map(\.memberID) == ids + [answer.memberID])
        _ = fixture.sync(answer.memberID, generation + 1, [:])
        fixture.pass(.seconds(10))
        #expect(try fixture.description().members.map(\.memberID) == [answer.memberID])
    }

    @Test func `a member id that does not match its instance id is refused`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2, instances: true)
        #expect(fixture.heartbeat(ids[0], generation, instance: "instance1") == .fencedInstanceID)
        #expect(fixture.heartbeat(ids[0], generation, instance: "stranger") == .unknownMemberID)
        #expect(try fixture.synced(fixture.sync(ids[0], generation, instance: "instance1")).error == .fencedInstanceID)
    }
}
